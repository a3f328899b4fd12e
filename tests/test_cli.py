"""The command line, run in this process; over a real network it runs in interop."""

import inspect
import json

import pytest
from click.testing import CliRunner
from wire_data import CAPTURED

from twisted_smpp import (
    BindTransceiver,
    DeliverSM,
    EnquireLink,
    SubmitSM,
    SubmitSMResp,
)
from twisted_smpp.cli import main
from twisted_smpp.cli.text_options import plain
from twisted_smpp.wire.tlvs import message_payload, receipted_message_id

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


def test_help_of_each_command_has_examples():
    for command in ("send", "listen", "text", "decode", "store"):
        result = smpp(command, "--help")

        assert result.exit_code == 0
        assert "Examples:" in result.output


def test_version():
    assert smpp("--version").output.startswith("twisted_smpp ")


def test_a_peer_cannot_write_to_the_terminal():
    assert plain("\x1b[2Jid\n\u202e👩\u200d👧") == "\\x1b[2Jid\\n\\u202e👩\u200d👧"
