"""A PDU as one line."""

from __future__ import annotations

from datetime import datetime

from twisted_smpp.errors import FieldError
from twisted_smpp.trace import line
from twisted_smpp.wire.pdu import UnknownPDU
from twisted_smpp.wire.pdus import BindTransceiver, EnquireLink, SubmitSM, SubmitSMResp


def test_direction_command_number_and_what_is_not_default() -> None:
    pdu = SubmitSM(destination_addr="49176", short_message=b"Hi", sequence_number=7)
    assert line("sent", pdu) == (
        "-> submit_sm             7    destination_addr='49176' short_message=<2 octets>"
    )
    assert line("received", EnquireLink(sequence_number=12)) == "<- enquire_link          12"


def test_a_response_shows_its_status() -> None:
    ok = SubmitSMResp(message_id="a", sequence_number=1)
    assert line("received", ok) == "<- submit_sm_resp        1    ESME_ROK message_id='a'"
    refused = SubmitSMResp(command_status=0x0B, sequence_number=1)
    assert line("received", refused) == "<- submit_sm_resp        1    ESME_RINVDSTADR"


def test_the_status_of_a_request_is_shown_when_there_is_one() -> None:
    assert line("sent", EnquireLink(command_status=8)).endswith("0    ESME_RSYSERR")


def test_the_text_is_shown_when_asked_for_and_a_password_never() -> None:
    pdu = SubmitSM(short_message=b"Hello")
    assert "Hello" not in line("sent", pdu)
    assert "Hello" in line("sent", pdu, text=True)
    bind = BindTransceiver(system_id="esme", password="secret")
    for text in (True, False):
        assert "secret" not in line("sent", bind, text=text)
        assert "esme" in line("sent", bind, text=text)


def test_the_time_of_day() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_900).timestamp()
    assert line("sent", EnquireLink(), at).startswith("03:04:05.678 -> enquire_link")


def test_what_is_no_pdu_and_what_is_unknown() -> None:
    error = FieldError("source_addr", "too long")
    assert line("received", error) == "<- malformed (source_addr: too long)"
    unknown = line("received", UnknownPDU(0x999, b"body", sequence_number=3))
    assert unknown.startswith("<- 0x00000999")
    assert "body'" not in unknown
