"""The command line, run in this process; over a real network it runs in interop."""

import inspect
import json

import pytest
from click.testing import CliRunner
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from wire_data import CAPTURED

from twisted_smpp import (
    BindTransceiver,
    DeliverSM,
    EnquireLink,
    EsmClass,
    Receipt,
    RequestRefused,
    SubmitSM,
    SubmitSMResp,
)
from twisted_smpp.cli import main
from twisted_smpp.cli import send as send_module
from twisted_smpp.cli.send import ton_npi
from twisted_smpp.cli.text_options import plain
from twisted_smpp.testing import success
from twisted_smpp.text.parts import join
from twisted_smpp.text.segments import segments
from twisted_smpp.values import NPI, TON
from twisted_smpp.wire.tlvs import message_payload, message_state, receipted_message_id

# Before click 8.2 the two outputs were only apart when asked for.
APART = "mix_stderr" in inspect.signature(CliRunner).parameters
RUNNER = CliRunner(mix_stderr=False) if APART else CliRunner()


def smpp(*arguments, **options):
    return RUNNER.invoke(main, arguments, **options)


def decode(*pdus, options=()):
    return smpp("decode", *options, "".join(pdu.encode().hex() for pdu in pdus))


def rows(output):
    return dict(line.split(maxsplit=1) for line in output.splitlines() if " " in line)


def test_decode_prints_each_field_with_its_name():
    pdu = SubmitSM(
        sequence_number=7,
        source_addr_ton=5,
        source_addr="Shop",
        data_coding=8,
        short_message=b"\x4f\x60",
    )

    result = decode(pdu)

    assert result.exit_code == 0
    shown = rows(result.output)
    assert shown["command_id"] == "0x00000004 submit_sm"
    assert shown["command_status"] == "0x00000000 ESME_ROK: Success."
    assert shown["sequence_number"] == "7"
    assert shown["source_addr_ton"] == "0x05 ALPHANUMERIC"
    assert shown["source_addr"] == "'Shop'"
    assert shown["data_coding"] == "0x08 UCS2"
    assert shown["short_message"] == "2 octets: 4f60"
    assert shown["text"] == '"你"'


def test_decode_prints_tlvs_by_name_and_by_tag():
    pdu = DeliverSM(tlvs={receipted_message_id: "42", message_payload: b"text", 0x1400: b"\1"})

    output = decode(pdu).output

    assert "TLV 0x001e receipted_message_id  '42'" in output
    assert "TLV 0x0424 message_payload       b'text'" in output
    assert "TLV 0x1400                       01" in output


def test_decode_explains_a_refusal_without_body():
    output = decode(SubmitSMResp(command_status=0x58)).output

    assert "ESME_RTHROTTLED: The peer exceeds its allowed message rate." in output
    assert "(no body)" in output


def test_decode_hides_a_password_unless_asked():
    pdu = BindTransceiver(system_id="me", password="opensesa")

    hidden, shown = decode(pdu), decode(pdu, options=["--show-password"])

    assert "opensesa" not in hidden.output
    assert "'opensesa'" in shown.output


def test_decode_hides_a_password_in_json_too():
    pdu = BindTransceiver(system_id="me", password="opensesa")

    hidden, shown = (
        decode(pdu, options=["--json"]),
        decode(pdu, options=["--json", "--show-password"]),
    )

    assert json.loads(hidden.output)["password"] is None
    assert json.loads(shown.output)["password"] == "opensesa"


def test_decode_takes_several_pdus_and_all_ways_to_write_hex():
    one, two = EnquireLink(sequence_number=1).encode(), EnquireLink(sequence_number=2).encode()

    result = smpp("decode", "0x" + one.hex(" "), two.hex(":").upper())

    assert result.exit_code == 0
    assert result.output.count("enquire_link") == 2


def test_decode_reads_standard_input():
    result = smpp("decode", "-", input=EnquireLink().encode().hex("\n"))

    assert result.exit_code == 0
    assert "enquire_link" in result.output


@pytest.mark.parametrize("wrong", ["xyz", "123", "-"])
def test_decode_of_what_is_no_hex_is_wrong_usage(wrong):
    result = smpp("decode", wrong, input="")

    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_decode_says_what_is_wrong_and_what_a_peer_is_answered():
    pdu = SubmitSM(destination_addr="49170").encode().replace(b"49170\0", b"491701")

    result = smpp("decode", pdu.hex())

    assert result.exit_code == 1
    assert result.stderr.startswith("smpp decode: ")
    assert "(ESME_R" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_decode_of_half_a_pdu_says_so():
    result = smpp("decode", SubmitSM().encode()[:20].hex())

    assert result.exit_code == 1
    assert "command_length is" in result.stderr


@pytest.mark.parametrize("vector", CAPTURED, ids=lambda vector: vector["id"])
def test_decode_prints_every_captured_pdu(vector):
    assert smpp("decode", vector["hex"]).exit_code == 0


def test_send_refuses_a_text_that_cannot_be_numbered():
    result = smpp("send", "-u", "me", "--to", "4917", "你" * (255 * 67 + 1))

    assert result.exit_code == 2
    assert "the text takes 256 parts in UCS-2, at most 255 can be numbered" in result.stderr


def test_send_refuses_what_is_no_text():
    result = smpp("send", "-u", "me", "--to", "4917", "ab\udcff")

    assert result.exit_code == 2
    assert "TEXT: not valid UTF-8 at character 3" in result.stderr


def test_send_says_which_password_file_it_cannot_read(tmp_path):
    result = smpp("send", "-u", "me", "-p", tmp_path / "none", "--to", "4917", "Hi")

    assert result.exit_code != 0
    assert "none: No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", (TON.UNKNOWN, NPI.UNKNOWN)),
        ("Shop", (TON.ALPHANUMERIC, NPI.UNKNOWN)),
        ("12345", (TON.UNKNOWN, NPI.UNKNOWN)),
        ("491761234567", (TON.INTERNATIONAL, NPI.ISDN)),
        ("+491761234567", (TON.INTERNATIONAL, NPI.ISDN)),
    ],
)
def test_ton_and_npi_follow_the_look_of_an_address(address, expected):
    assert ton_npi(address) == expected


def test_help_of_each_command_has_examples():
    for command in ("send", "decode", "text"):
        result = smpp(command, "--help")

        assert result.exit_code == 0
        assert "Examples:" in result.output


def test_version():
    assert smpp("--version").output.startswith("twisted_smpp ")


def test_a_peer_cannot_write_to_the_terminal():
    assert plain("\x1b[2Jid\n\u202e👩\u200d👧") == "\\x1b[2Jid\\n\\u202e👩\u200d👧"


@pytest.mark.parametrize(
    ("stat", "state", "shown"),
    [
        ("DELIVRD", 2, "DELIVRD"),
        ("", 5, "UNDELIV"),
        ("", None, "in an unknown state"),
        ("\x1b", None, "\\x1b"),
    ],
)
def test_state_of_a_receipt_comes_from_its_text_or_its_tlv(stat, state, shown):
    tlvs = {} if state is None else {message_state: state}
    text = f"stat:{stat}".encode()

    assert send_module._state(Receipt.of(DeliverSM(short_message=text, tlvs=tlvs))) == shown


class Session:
    """What the command asks of a session; answers when it is told to."""

    def __init__(self):
        self.requests = []
        self._waiting = []

    def request(self, pdu):
        self.requests.append(pdu)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def answer(self, answer):
        waiting = self._waiting.pop(0)
        (waiting.errback if isinstance(answer, Exception) else waiting.callback)(answer)

    def accept(self, message_id):
        self.answer(SubmitSMResp(message_id=message_id))

    def unbind(self):
        return succeed(None)


def sending(text="Hi", **options):
    clock = Clock()
    known = {"receipt": True, "bind": "transceiver", "timeout": 60.0, "source": "", **options}
    parts = segments(text, reference=7)
    run = send_module.Sending(clock, {"destination": "4917", **known}, parts)
    session = Session()
    done = Deferred.fromCoroutine(run._send(session))
    return clock, run, session, done


def receipt_of(message_id, stat, esm_class=EsmClass.MC_DELIVERY_RECEIPT):
    text = f"id:{message_id} stat:{stat}".encode()
    return DeliverSM(esm_class=esm_class, short_message=text)


def asked(run, pdu):
    return Deferred.fromCoroutine(run._requested(None, pdu))


def test_send_leaves_messages_of_others_with_the_message_centre():
    _, run, session, done = sending()
    session.accept("1")

    assert success(asked(run, DeliverSM(short_message=b"hello"))) == 0x64
    assert success(asked(run, receipt_of("2", "DELIVRD"))) == 0x64
    assert success(asked(run, receipt_of("1", "DELIVRD"))) is None
    assert success(done) == 0


def test_send_takes_a_receipt_that_comes_before_the_response():
    _, run, session, done = sending()
    mine, other = asked(run, receipt_of("1", "DELIVRD")), asked(run, receipt_of("2", "DELIVRD"))
    assert not mine.called

    session.accept("1")

    assert success(mine) is None
    assert success(other) == 0x64
    assert success(done) == 0


@pytest.mark.parametrize("on_the_way", ["ENROUTE", "ACCEPTD"])
def test_send_waits_for_a_final_receipt(on_the_way, capsys):
    clock, run, session, done = sending()
    session.accept("1")

    assert success(asked(run, receipt_of("1", on_the_way))) is None
    assert not done.called
    clock.advance(60)

    assert success(done) == 1
    assert (
        f"no final receipt within 60 s, the last one said {on_the_way}" in capsys.readouterr().err
    )


def test_send_exits_with_1_when_the_message_is_not_delivered():
    _, run, session, done = sending()
    session.accept("1")
    asked(run, receipt_of("1", "UNDELIV"))

    assert success(done) == 1


def test_send_says_what_a_refusal_means(capsys):
    _, _, session, done = sending()
    session.answer(RequestRefused(0x0B))

    assert success(done) == 1
    assert "ESME_RINVDSTADR (Bad destination address.)" in capsys.readouterr().err


def test_send_sends_every_part_and_waits_for_every_receipt(capsys):
    _, run, session, done = sending("a" * 400)

    session.accept("1")
    assert success(asked(run, receipt_of("1", "DELIVRD"))) is None
    session.accept("2")
    session.accept("3")
    assert success(asked(run, receipt_of("3", "DELIVRD"))) is None
    assert not done.called
    assert success(asked(run, receipt_of("2", "DELIVRD"))) is None

    assert success(done) == 0
    assert join(session.requests).text == "a" * 400
    assert capsys.readouterr().out.splitlines() == [
        "accepted (1 of 3), message_id 1",
        "accepted (2 of 3), message_id 2",
        "accepted (3 of 3), message_id 3",
        "DELIVRD",
    ]


def test_send_fails_when_one_part_is_not_delivered(capsys):
    _, run, session, done = sending("a" * 200)
    for message_id, stat in (("1", "DELIVRD"), ("2", "UNDELIV")):
        session.accept(message_id)
        asked(run, receipt_of(message_id, stat))

    assert success(done) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["DELIVRD", "UNDELIV"]


def test_send_says_how_many_receipts_are_missing(capsys):
    clock, run, session, done = sending("a" * 400)
    for message_id in "123":
        session.accept(message_id)
    asked(run, receipt_of("2", "DELIVRD"))
    clock.advance(60)

    assert success(done) == 1
    assert "no final receipt for 2 parts within 60 s" in capsys.readouterr().err
