"""``smpp text``, and what ``smpp decode`` says of texts."""

import json
import shlex
from datetime import datetime

import pytest
from test_cli import decode, smpp

from twisted_smpp import (
    DataSM,
    DeliverSM,
    EsmClass,
    MessageState,
    Receipt,
    SMEAddress,
    SubmitMulti,
    SubmitSM,
)
from twisted_smpp.cli import text as text_module
from twisted_smpp.text.rules import Method
from twisted_smpp.text.segments import segments
from twisted_smpp.text.udh import (
    Concatenation,
    LockingShift,
    MessageIndication,
    Ports,
    SingleShift,
    Unknown,
    UserDataHeader,
)
from twisted_smpp.wire.tlvs import message_payload


def text(line, **options):
    result = smpp("text", *shlex.split(line), **options)
    assert result.exit_code == 0, result.output
    return result.output


def as_json(line, **options):
    return json.loads(text(f"--json {line}", **options))


# The preview.


def test_a_short_text():
    assert text("Hello") == (
        "coding     GSM 7-bit, data_coding 0x00\n"
        "why        GSM 7-bit has every character\n"
        "parts      1\n"
        "last part  5 of 160 septets used, 155 left\n"
        "\n"
        "1  Hello\n"
    )


def test_what_forces_another_coding_is_named_and_marked():
    output = text("'Zażółć ż'", color=True)

    assert "UCS-2, data_coding 0x08" in output
    assert "GSM 7-bit lacks 4 of the characters" in output
    marked = "\x1b[7mż\x1b[0m"
    assert f"{marked}  LATIN SMALL LETTER Z WITH DOT ABOVE, 2 times, first at character 3" in output
    assert output.splitlines()[-1].startswith("1  Za\x1b[7mż\x1b[0m\x1b[7mó\x1b[0m")


def test_only_some_of_many_culprits_are_listed():
    output = text("абвгдежзийклм")

    assert output.count("CYRILLIC") == text_module.MOST_SHOWN
    assert "and 3 more" in output


def test_long_texts_show_each_part_and_what_is_left():
    output = text("a" * 310)

    assert "parts      3, by udh8" in output
    assert "last part  4 of 153 septets used, 149 left" in output
    assert output.splitlines()[-3:] == [f"1  {'a' * 153}", f"2  {'a' * 153}", "3  aaaa"]


def test_the_octets_of_each_part():
    output = text(f"--hex --reference 5 {'a' * 161}")

    assert "1  esm_class 0x40, 159 octets\n     05 00 03 05 02 01 61" in output
    assert "2  esm_class 0x40, 14 octets\n     05 00 03 05 02 02 61 61 61 61 61 61 61 61" in output


def test_the_tlvs_of_each_part():
    output = text(f"--hex --method sar {'a' * 161}")

    assert (
        "2  esm_class 0x00, sar_msg_ref_num 1, sar_total_segments 2, sar_segment_seqnum 2, 9 octets"
        in output
    )


def test_the_message_centre_may_do_the_cutting():
    output = text(f"--method payload --hex {'a' * 161}")

    assert "2, cut by the message centre (1 PDU, payload)" in output
    assert "1  esm_class 0x00, 161 octets" in output


def test_what_was_replaced_is_said():
    output = text("--transliterate 'It’s here…'")

    assert "GSM 7-bit, data_coding 0x00" in output
    assert "changed    ’ to ' at character 3\n           … to ... at character 10" in output
    assert output.endswith("1  It's here...\n")


def test_a_language_a_class_and_an_alphabet():
    assert as_json("--language turkish ışık")["coding"] == "GSM 7-bit (Turkish)"
    assert as_json("--class 0 Hi")["data_coding"] == 0xF0
    assert as_json("--alphabet latin-1 á")["coding"] == "LATIN-1"
    assert as_json("--latin-1 á")["data_coding"] == 3
    assert as_json("á")["data_coding"] == 8


def test_graphemes_may_be_cut():
    family = "👨‍👩‍👧"
    kept = as_json("-", input=("a" * 64 + family) * 2)["texts"]
    cut = as_json("--no-graphemes -", input=("a" * 64 + family) * 2)["texts"]

    assert kept[0] == "a" * 64
    assert cut[0] == "a" * 64 + family[:2]


def test_json_has_all_of_it():
    data = as_json(f"--reference 9 {'ż' * 71}")

    assert data["reason"] == "GSM 7-bit lacks one of the characters"
    assert (data["parts"], data["pdus"], data["method"]) == (2, 2, "udh8")
    assert (data["unit"], data["units"], data["capacity"]) == ("UTF-16 units", 71, 67)
    assert (data["used_in_last"], data["left_in_last"]) == (4, 63)
    (culprit,) = data["culprits"]
    assert culprit["name"] == "LATIN SMALL LETTER Z WITH DOT ABOVE"
    assert culprit["positions"] == list(range(71))
    assert data["changes"] == []
    last = data["segments"][-1]
    assert (last["number"], last["total"], last["esm_class"], last["data_coding"]) == (2, 2, 64, 8)
    assert last["short_message"] == "050003090202" + "017c" * 4
    assert last["tlvs"] == {}


def test_json_of_tlvs_and_changes():
    sar = as_json(f"--method sar {'a' * 161}")["segments"][1]["tlvs"]
    payload = as_json(f"--method payload {'a' * 161}")["segments"][0]["tlvs"]

    assert sar == {"sar_msg_ref_num": 1, "sar_total_segments": 2, "sar_segment_seqnum": 2}
    assert payload == {"message_payload": "61" * 161}
    assert as_json("--transliterate ’")["changes"] == [
        {"position": 0, "original": "’", "replacement": "'"}
    ]


def test_text_comes_from_standard_input_without_its_last_line_end():
    assert as_json("-", input="one\ntwo\n")["texts"] == ["one\ntwo"]


def test_a_text_that_is_too_long():
    result = smpp("text", "ż" * (67 * 255 + 1))

    assert result.exit_code == 1
    assert result.stderr == (
        "smpp text: the text takes 256 parts in UCS-2, at most 255 can be numbered\n"
    )


def test_what_is_no_text():
    result = smpp("text", "ab\udcff")

    assert result.exit_code == 2
    assert "TEXT: not valid UTF-8 at character 3" in result.stderr


def test_nothing_reaches_the_terminal_as_a_command():
    assert "\x1b[2J" not in text("'\x1b[2J'", color=True)


# Texts of PDUs.


def rows(pdu, *options):
    result = decode(pdu, options=options)
    assert result.exit_code == 0, result.output
    return dict(line.split("  ", 1) for line in result.output.splitlines() if "  " in line)


def said(pdu, name, *options):
    return rows(pdu, *options).get(name, "").strip()


def test_decode_shows_header_and_text_of_a_part():
    part = segments("ż" * 71, reference=9)[1]
    pdu = SubmitSM(**part.fields)

    assert said(pdu, "user data header") == "part 2 of 2, 8-bit reference 9"
    assert said(pdu, "text") == '"żżżż"'
    message = json.loads(decode(pdu, options=["--json"]).output)["message"]
    assert message == {
        "text": "żżżż",
        "damaged": False,
        "user_data_header": [
            {"element": "Concatenation", "reference": 9, "total": 2, "number": 2, "width": 8}
        ],
        "concatenation": {"reference": 9, "total": 2, "number": 2, "width": 8},
    }


def test_decode_names_every_element_of_a_header():
    header = UserDataHeader(
        (
            Concatenation(300, 1, 1, 16),
            Ports(9200, 1),
            LockingShift(1),
            SingleShift(99),
            MessageIndication(0x80, 3),
            Unknown(0x70, b"\1\2"),
        )
    )
    pdu = DeliverSM(esm_class=EsmClass.UDHI, short_message=header.encode() + b"x")

    assert said(pdu, "user data header") == (
        "part 1 of 1, 16-bit reference 300; Ports: destination 9200, source 1, width 16; "
        "locking shift table: Turkish; single shift table: unknown language 99; "
        "MessageIndication: indication 128, messages 3; element 0x70: 0102"
    )
    message = json.loads(decode(pdu, options=["--json"]).output)["message"]
    assert message["ports"] == {"destination": 9200, "source": 1, "width": 16}
    assert message["user_data_header"][-1] == {"element": "Unknown", "iei": 112, "data": "0102"}


def test_decode_shows_the_sar_tlvs_together():
    pdu = SubmitSM(**segments("a" * 161, reference=9, method=Method.SAR)[1].fields)

    assert said(pdu, "concatenation") == "part 2 of 2, reference 9"


def test_decode_says_what_cannot_be_read():
    assert said(DeliverSM(short_message=b"a\xff"), "text") == (
        '"a\N{REPLACEMENT CHARACTER}"  (some octets cannot be read)'
    )
    broken = DeliverSM(esm_class=EsmClass.UDHI, short_message=b"\x50a")
    assert said(broken, "user data header") == "announced by esm_class, but there is none"
    assert said(broken, "text") == "none: 2 octets of data"
    assert said(DeliverSM(data_coding=4, short_message=b"ab"), "text") == "none: 2 octets of data"


def test_decode_reads_the_alphabet_of_the_link():
    pdu = DeliverSM(short_message=b"\xe9@")

    assert said(pdu, "text", "--alphabet", "latin-1") == '"é@"'


def test_decode_shows_no_text_where_there_is_none():
    assert "text" not in rows(SubmitSM())
    assert (
        said(
            SubmitMulti(dest_address=[SMEAddress(destination_addr="49")], short_message=b"Hi"),
            "text",
        )
        == '"Hi"'
    )
    assert said(DataSM(tlvs={message_payload: b"Hi"}), "text") == '"Hi"'


@pytest.fixture
def receipt():
    made = Receipt.build(
        "42",
        MessageState.UNDELIVERABLE,
        submitted=datetime(2026, 1, 2, 3, 4),
        done=datetime(2026, 1, 2, 5, 6),
        error=12,
        text=b"Hi",
    )
    return DeliverSM(**made.fields_of_pdu())


def test_decode_reads_a_receipt(receipt):
    assert said(receipt, "receipt") == (
        "message_id 42, message_state UNDELIVERABLE, stat UNDELIV, "
        "submit_date 2026-01-02T03:04:00, done_date 2026-01-02T05:06:00, sub 1, dlvrd 0, err 012"
    )
    message = json.loads(decode(receipt, options=["--json"]).output)["message"]
    assert message["receipt"]["message_state"] == "UNDELIVERABLE"
    assert message["receipt"]["missing"] == []


def test_decode_says_what_a_receipt_lacks():
    pdu = DeliverSM(esm_class=EsmClass.MC_DELIVERY_RECEIPT, short_message=b"id:42 done date:99")

    assert "message_id 42, missing [" in said(pdu, "receipt")
    assert "problems [" in said(pdu, "receipt")
