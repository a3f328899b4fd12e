# ruff: noqa: N802 - the names begin with the rows of the catalogue.
"""Cutting a stream into PDUs: what F01 to F16 of the catalogue of hostile peers ask of it.

What is answered, logged and closed is for the tests of the session and the protocol.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_data import CLASSES, SAMPLES, frame, outcome, tlv
from wire_strategies import cuts_of, pdus, unknown_pdus

from twisted_smpp.errors import FieldError, FramingError, PDUError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import MAX_PDU, MAX_PDU_UNBOUND, Framing, Malformed
from twisted_smpp.wire.pdu import PDU, UnknownPDU, decode, decoders, registry
from twisted_smpp.wire.pdus import DataSM, EnquireLink, GenericNack, SubmitSM
from twisted_smpp.wire.tlvs import message_payload

LINK = frame(0x15, number=7)
SUBMIT = SubmitSM(source_addr="1", destination_addr="2", short_message=b"hello").encode()
BROKEN = frame(0x04, b"\xff", number=9)


def received(framing: Framing, *reads: bytes) -> list[Any]:
    return [result for read in reads for result in framing.receive(read)]


def octets_of(results: list[Any]) -> list[bytes]:
    return [result.encode() for result in results]


class Counting(Framing):
    """Counts the octets that are joined, which is all the work that could pile up."""

    def __init__(self) -> None:
        self.joined = 0
        self.joins = 0
        super().__init__()

    @property
    def _chunks(self) -> list[bytes]:  # type: ignore[override]
        return self._list

    @_chunks.setter
    def _chunks(self, chunks: list[bytes]) -> None:
        counting = self

        class Chunks(list[bytes]):
            def __iter__(self) -> Any:
                counting.joins += 1
                counting.joined += sum(map(len, list.__iter__(self)))
                return list.__iter__(self)

        self._list = Chunks(chunks)


# What one read holds


def test_nothing_is_nothing() -> None:
    framing = Framing()
    assert received(framing, b"", b"") == []
    assert framing.partial == 0
    assert framing.error is None


def test_several_pdus_of_one_read_come_in_order() -> None:
    numbers = [result.sequence_number for result in Framing().receive(LINK + SUBMIT + LINK)]
    assert numbers == [7, 0, 7]


def test_octets_wait_until_their_pdu_is_whole() -> None:
    framing = Framing()
    assert received(framing, SUBMIT[:3]) == []
    assert (framing.partial, framing.missing) == (3, 1)
    assert received(framing, SUBMIT[3:10]) == []
    assert (framing.partial, framing.missing) == (10, 6)
    assert received(framing, SUBMIT[10:-1]) == []
    assert (framing.partial, framing.missing) == (len(SUBMIT) - 1, 1)
    assert octets_of(received(framing, SUBMIT[-1:] + LINK[:1])) == [SUBMIT]
    assert framing.partial == 1
    assert octets_of(received(framing, LINK[1:])) == [LINK]
    assert framing.partial == 0


def test_a_caller_may_stop_after_any_pdu_and_go_on_later() -> None:
    framing = Framing()
    stream = framing.receive(LINK + SUBMIT + LINK[:5])
    assert next(stream).encode() == LINK
    stream.close()
    assert framing.partial == len(SUBMIT) + 5
    framing.push(LINK[5:])
    assert octets_of(received(framing, b"")) == [SUBMIT, LINK]


def test_the_limit_may_change_between_two_pdus() -> None:
    framing = Framing(MAX_PDU_UNBOUND)
    long = DataSM(tlvs={message_payload: b"x" * 1000}).encode()
    results = []
    for pdu in framing.receive(LINK + long):
        results.append(pdu.encode())
        framing.max_pdu = MAX_PDU
    assert results == [LINK, long]


def test_the_decoders_may_change_between_two_pdus() -> None:
    framing = Framing()
    stream = framing.receive(SUBMIT + SUBMIT)
    assert isinstance(next(stream), SubmitSM)
    framing.decoders = {}
    assert isinstance(next(stream), UnknownPDU)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_kind_of_buffer_is_read(kind: Any) -> None:
    assert octets_of(received(Framing(), kind(SUBMIT[:9]), kind(SUBMIT[9:]))) == [SUBMIT]


# F01 to F04: a command_length that no PDU has


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000])
def test_F01_a_huge_length_is_refused_with_its_fourth_octet(length: int) -> None:
    framing = Framing()
    octets = length.to_bytes(4, "big")
    assert received(framing, octets[:3]) == []
    assert framing.error is None
    assert received(framing, octets[3:]) == []
    assert isinstance(framing.error, FramingError)
    assert framing.error.fatal
    assert framing.error.command_status == CommandStatus.ESME_RINVCMDLEN
    assert framing.error.sequence_number == 0


def test_F01_the_sequence_number_is_known_when_the_header_came_with_it() -> None:
    framing = Framing()
    header = b"\xff\xff\xff\xff" + frame(0x04, number=77)[4:16]
    assert received(framing, header) == []
    assert framing.error is not None
    assert framing.error.sequence_number == 77


def test_F01_nothing_is_allocated_by_a_claimed_length() -> None:
    framing = Framing()
    header = MAX_PDU.to_bytes(4, "big") + frame(0x04)[4:16]
    tracemalloc.start()
    try:
        received(framing, header)
        received(Framing(), b"\xff\xff\xff\xff")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert framing.missing == MAX_PDU - 16
    assert peak < 8192


def test_F01_what_comes_behind_a_framing_error_is_not_kept() -> None:
    framing = Framing()
    received(framing, b"\xff\xff\xff\xff")
    for _ in range(10):
        assert received(framing, b"x" * 1000) == []
    assert framing.partial <= 4


def test_F02_a_length_of_zero_is_refused() -> None:
    framing = Framing()
    assert received(framing, bytes(4)) == []
    assert framing.error is not None
    assert "command_length 0 " in str(framing.error)


@pytest.mark.parametrize("length", range(1, 16))
def test_F03_a_length_below_the_header_is_refused(length: int) -> None:
    for rest in (b"", b"\0" * 8, frame(0x15, number=5)[4:] + LINK):
        framing = Framing()
        assert received(framing, length.to_bytes(4, "big") + rest) == []
        assert framing.error is not None
        assert framing.error.sequence_number == (5 if len(rest) > 12 else 0)


def test_F03_the_pdus_before_it_come_out_and_none_behind_it() -> None:
    framing = Framing()
    results = received(framing, LINK + SUBMIT + b"\0\0\0\x0f" + LINK * 3, LINK)
    assert octets_of(results) == [LINK, SUBMIT]
    assert framing.error is not None
    assert received(framing, LINK) == []


@pytest.mark.parametrize(
    ("octets", "protocol"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"POST /sms HTTP/1.1\r\n\r\n", "HTTP"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, "TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"EHLO example.com\r\n", "SMTP"),
    ],
)
def test_F04_another_protocol_is_refused_and_named(octets: bytes, protocol: str) -> None:
    for reads in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
        framing = Framing()
        assert received(framing, *reads) == []
        assert framing.error is not None
        assert f"this looks like {protocol}" in str(framing.error)
        assert framing.error.sequence_number == 0


def test_F04_random_octets_are_refused_without_a_name() -> None:
    framing = Framing()
    assert received(framing, b"\x99" * 40) == []
    assert framing.error is not None
    assert "looks like" not in str(framing.error)


# F05 to F08: how the stream is cut


@given(st.data())
def test_F05_every_way_of_cutting_gives_the_same_pdus(data: st.DataObject) -> None:
    frames = [pdu.encode() for pdu in data.draw(st.lists(pdus() | unknown_pdus(), max_size=5))]
    for reads in (
        data.draw(cuts_of(b"".join(frames))),
        [octet.to_bytes(1, "big") for octet in b"".join(frames)],
    ):
        framing = Framing()
        assert octets_of(received(framing, *reads)) == frames
        assert framing.partial == 0


def test_F05_the_work_is_linear_for_single_octets() -> None:
    octets = DataSM(tlvs={message_payload: b"x" * 0xFFFF}).encode()
    framing = Counting()
    results = received(framing, *[octets[at : at + 1] for at in range(len(octets))])
    assert octets_of(results) == [octets]
    assert len(octets) <= framing.joined <= len(octets) + 32
    assert framing.joins <= 3


@pytest.mark.parametrize("size", [1, 2, 3, 5, 15, 16, 17, 1000, 4096])
def test_F05_the_work_is_linear_for_any_size_of_reads(size: int) -> None:
    octets = b"".join(SAMPLES) * 3
    framing = Counting()
    results = received(framing, *[octets[at : at + size] for at in range(0, len(octets), size)])
    assert b"".join(octets_of(results)) == octets
    assert framing.joined <= 4 * len(octets)


def test_F06_a_thousand_pdus_of_one_read_are_handled_in_order() -> None:
    stream = b"".join([frame(0x15, number=number) for number in range(1000)])
    framing = Counting()
    results = received(framing, stream)
    assert [result.sequence_number for result in results] == list(range(1000))
    assert framing.joined <= 2 * len(stream)


def test_F06_the_caller_gets_its_turn_after_each_of_them() -> None:
    framing = Framing()
    stream = framing.receive(LINK * 1000)
    for _ in range(64):
        next(stream)
    stream.close()
    assert framing.partial == 936 * 16
    assert len(received(framing, b"")) == 936


def test_F07_a_stalled_header_is_seen_to_be_incomplete() -> None:
    """The deadline is the session's; it knows by ``partial`` that a PDU has begun."""
    framing = Framing()
    assert received(framing, LINK, LINK[:7]) == [decode(LINK)]
    assert (framing.partial, framing.missing) == (7, 9)


def test_F08_a_trickling_frame_is_seen_to_be_incomplete() -> None:
    """The deadline is by size, so how much is missing is known."""
    framing = Framing()
    octets = DataSM(tlvs={message_payload: b"x" * 60_000}).encode()
    assert received(framing, octets[:16]) == []
    assert framing.missing == len(octets) - 16
    for at in range(16, 100):
        assert received(framing, octets[at : at + 1]) == []
    assert framing.missing == len(octets) - 100


# F09, F10 and F13: bodies


@given(st.data())
def test_F09_a_random_body_raises_nothing_but_a_pdu_error(data: st.DataObject) -> None:
    known = st.sampled_from([cls.command_id for cls in CLASSES])
    command_id = data.draw(known | st.integers(0, 0xFFFFFFFF))
    body = data.draw(st.binary(max_size=200))
    status = data.draw(st.sampled_from([0, 0x45]))
    octets = frame(command_id, body, status)
    for version in InterfaceVersion:
        framing = Framing()
        framing.decoders = decoders(version)
        (result,) = received(framing, octets)
        assert framing.error is None
        if isinstance(result, Malformed):
            assert isinstance(result.error, PDUError)
            assert not result.error.fatal
            assert result[1:] == (command_id, status, 1, len(octets))
        else:
            assert result.encode() == octets


@pytest.mark.parametrize("cls", CLASSES, ids=[cls.command for cls in CLASSES])
def test_F09_bodies_of_one_repeated_octet(cls: type[PDU]) -> None:
    for octet in range(256):
        for size in (1, 2, 15, 16, 17, 64, 400):
            octets = frame(cls.command_id, bytes([octet]) * size)
            (result,) = Framing().receive(octets)
            assert isinstance(result, Malformed) or result.encode() == octets


@pytest.mark.parametrize("limit", [16, MAX_PDU_UNBOUND, 1000, MAX_PDU])
def test_F10_a_frame_at_the_limit_is_read_and_one_octet_more_is_not(limit: int) -> None:
    framing = Framing(limit)
    at_limit = frame(0x01000000, b"x" * (limit - 16))
    assert octets_of(received(framing, at_limit)) == [at_limit]
    assert octets_of(received(framing, at_limit[:4], at_limit[4:])) == [at_limit]
    over = frame(0x01000000, b"x" * (limit - 15), number=3)
    assert received(Framing(limit), over[:4], over[4:]) == []
    assert received(framing, over) == []
    assert framing.error is not None
    assert framing.error.sequence_number == 3
    assert f"16 to {limit}" in str(framing.error)


def test_F10_the_longest_payload_fits_the_usual_limit() -> None:
    longest = SubmitSM(
        service_type="x" * 5,
        source_addr="1" * 20,
        destination_addr="2" * 20,
        schedule_delivery_time="0" * 16,
        validity_period="0" * 16,
        tlvs={message_payload: b"x" * 0xFFFF},
    ).encode()
    assert octets_of(received(Framing(), longest)) == [longest]


def test_F10_the_longest_bind_fits_the_limit_before_a_bind() -> None:
    bind = registry[0x09](
        system_id="x" * 15, password="x" * 8, system_type="x" * 12, address_range="x" * 40
    ).encode()
    assert octets_of(received(Framing(MAX_PDU_UNBOUND), bind)) == [bind]


def test_F11_a_pdu_cut_off_by_the_end_of_the_stream_does_not_come_out() -> None:
    framing = Framing()
    assert octets_of(received(framing, LINK + SUBMIT[:20])) == [LINK]
    assert framing.partial == 20


def test_F13_good_pdus_behind_a_malformed_one_are_read() -> None:
    stream = LINK + BROKEN + SUBMIT + BROKEN + LINK
    for reads in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        one, bad, two, worse, three = received(Framing(), *reads)
        assert octets_of([one, two, three]) == [LINK, SUBMIT, LINK]
        for malformed in (bad, worse):
            assert isinstance(malformed, Malformed)
            assert isinstance(malformed.error, FieldError)
            assert malformed.error.field == "service_type"
            assert malformed[1:] == (0x04, 0, 9, len(BROKEN))


@given(st.data())
def test_F13_any_malformed_frames_between_good_ones(data: st.DataObject) -> None:
    bad = st.binary(min_size=1, max_size=30).map(lambda body: frame(0x04, b"\x99" + body))
    good = pdus().map(lambda pdu: pdu.encode())
    frames = data.draw(st.lists(bad | good, max_size=6))
    results = received(Framing(), *data.draw(cuts_of(b"".join(frames))))
    assert len(results) == len(frames)
    for octets, result in zip(frames, results, strict=True):
        alone = outcome(decode, octets)
        if isinstance(alone, PDUError):
            assert str(result.error) == str(alone)
        else:
            assert result == alone


@pytest.mark.parametrize("status", [1, 0x58, 0x400, 0xFFFFFFFF])
def test_F14_a_status_in_a_request_changes_nothing_else(status: int) -> None:
    octets = SUBMIT[:8] + status.to_bytes(4, "big") + SUBMIT[12:]
    pdu = decode(octets)
    assert pdu.command_status == status
    assert pdu.encode() == octets
    assert pdu.short_message == b"hello"
    with pytest.raises(FieldError):
        decode(frame(0x04, b"\xff", status=status))


@pytest.mark.parametrize("command_id", [0x00010200, 0x000102FF, 0x80010200, 0x114, 0, 0xFFFFFFFF])
def test_F15_an_unknown_command_is_kept_and_says_whether_it_is_a_response(command_id: int) -> None:
    octets = frame(command_id, b"\xff" * 5, number=4)
    (pdu,) = Framing().receive(octets)
    assert isinstance(pdu, UnknownPDU)
    assert pdu.is_response is (command_id >= 0x80000000)
    assert (pdu.command_id, pdu.sequence_number, pdu.body) == (command_id, 4, b"\xff" * 5)
    assert pdu.encode() == octets


def test_F15_a_session_may_leave_out_the_commands_of_another_version() -> None:
    framing = Framing()
    framing.decoders = {
        command_id: read
        for command_id, read in decoders(InterfaceVersion.V3_4).items()
        if InterfaceVersion.V3_4 in registry[command_id].versions
    }
    broadcast = frame(0x112, b"x\0\0\0\0")
    (pdu,) = framing.receive(broadcast)
    assert isinstance(pdu, UnknownPDU)
    assert isinstance(decode(broadcast), registry[0x112])


def test_F16_every_loop_over_tlvs_moves_on() -> None:
    """TLVs that claim nothing, or more than there is, once hung a well known dissector."""
    for area in (tlv(0) * 256, b"\0\0\0\0", b"\0\0\xff\xff", b"\0", tlv(0x1400) + b"\0\0\0"):
        for command_id in (0x80000103, 0x15):
            body = b"\0" + area if command_id == 0x80000103 else area
            pdu = decode(frame(command_id, body))
            list(pdu.tlvs.items())
            repr(pdu), pdu.to_dict()
            assert pdu.encode() == frame(command_id, body)


# Whole PDUs, outside a stream


@pytest.mark.parametrize("octets", [b"", b"\0" * 15, LINK[:15]])
def test_decode_refuses_what_is_shorter_than_a_header(octets: bytes) -> None:
    with pytest.raises(FramingError, match=f"{len(octets)} octets given"):
        decode(octets)


@pytest.mark.parametrize("octets", [LINK + b"x", SUBMIT[:-1], SUBMIT + LINK])
def test_decode_refuses_what_is_not_just_one_pdu(octets: bytes) -> None:
    with pytest.raises(FramingError, match=f"{len(octets)} octets given") as caught:
        decode(octets)
    assert caught.value.sequence_number == int.from_bytes(octets[12:16], "big")


def test_decode_reads_any_kind_of_buffer() -> None:
    for kind in (bytearray, memoryview):
        assert decode(kind(SUBMIT)) == decode(SUBMIT)
        assert type(decode(kind(SUBMIT)).short_message) is bytes


def test_a_generic_nack_is_a_pdu_like_others() -> None:
    octets = frame(0x80000000, status=3, number=0)
    assert Framing().receive(octets).__next__() == GenericNack(command_status=3)
    assert GenericNack(command_status=3).encode() == octets
    assert EnquireLink(sequence_number=7).encode() == LINK
