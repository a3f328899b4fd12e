# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The network may cut and join a conversation as it likes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import bound_pair, ignore, outcome, submit
from sessions import message, pdus
from wire_data import frame

from twisted_smpp.errors import PDUError
from twisted_smpp.states import Role
from twisted_smpp.testing import connect
from twisted_smpp.wire.pdus import (
    EnquireLink,
    Unbind,
    UnbindResp,
)

Seen = list[tuple[str, str, bytes]]


def conversation(chunk: int | None) -> tuple[list[str], Seen, Seen]:
    """A whole session, whose octets pass in reads of at most ``chunk``."""
    told: list[str] = []
    seen: tuple[Seen, Seen] = ([], [])

    def tap(which: int) -> Any:
        def see(direction: str, pdu: Any, octets: bytes, time: float) -> None:
            command = "error" if isinstance(pdu, PDUError) else pdu.command
            seen[which].append((direction, command, octets))

        return see

    pair = connect(
        on_request=lambda s, r: told.append(f"asked {r.command}") or len(told) % 2,
        on_deliver=lambda s, r: told.append(f"delivered {r.command}"),
        esme={"taps": [tap(0)], "on_lost": lambda s, why: told.append(f"esme lost: {why}")},
        smsc={"taps": [tap(1)], "on_lost": lambda s, why: told.append(f"smsc lost: {why}")},
    )
    pair.flush(chunk)
    assert pair.esme.bound
    responses = [submit(pair, b"x" * n) for n in range(15)]
    pair.flush(chunk)
    responses.append(pair.esme.query_sm(message_id="1"))
    responses.append(pair.smsc.deliver_sm(short_message=b"receipt"))
    responses.append(pair.smsc.data_sm(tlvs={0x0424: b"payload"}))
    pair.flush(chunk)
    pair.esme_transport.write(frame(4, number=70) + frame(0x999, number=71))
    pair.flush(chunk)
    pair.smsc.alert_notification(source_addr="1").addErrback(ignore)
    responses.append(pair.esme.enquire_link())
    pair.flush(chunk)
    ended = pair.esme.unbind()
    pair.flush(chunk)
    assert outcome(ended) is None
    results = [repr(outcome(response)) for response in responses]
    for response in responses:
        response.addErrback(ignore)
    return sorted(told) + results, seen[0], seen[1]


WHOLE = conversation(None)


def by_direction(seen: Seen) -> dict[str, list[tuple[str, bytes]]]:
    return {
        way: [(command, octets) for direction, command, octets in seen if direction == way]
        for way in ("sent", "received")
    }


@pytest.mark.parametrize("chunk", [*range(1, 80), 100, 128, 255, 256, 500, 512, 1000, 1500])
def test_F05_every_size_of_reads_gives_the_same_conversation(chunk: int) -> None:
    told, esme, smsc = conversation(chunk)
    assert told == WHOLE[0]
    assert by_direction(esme) == by_direction(WHOLE[1])
    assert by_direction(smsc) == by_direction(WHOLE[2])


def test_the_conversation_has_everything_in_it() -> None:
    commands = {command for _, command, _ in WHOLE[2]}
    assert {"submit_sm", "submit_sm_resp", "generic_nack", "error", "", "unbind_resp"} <= commands
    assert any("refused" in line for line in WHOLE[0])


@given(data=st.data())
def test_F05_any_cutting_gives_the_same_answers(data: st.DataObject) -> None:
    stream = b"".join(
        [message(Role.ESME, b"%d" % n, n).encode() for n in range(4)]
        + [EnquireLink(sequence_number=9).encode(), frame(4, number=10), frame(0x999, number=11)]
        + [Unbind(sequence_number=12).encode()]
    )
    cuts = data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=30).map(sorted))
    answers = []
    for places in ([], cuts):
        pair = bound_pair(on_request=lambda s, r: r.answer(message_id=r.short_message.decode()))
        for start, stop in zip([0, *places], [*places, len(stream)], strict=True):
            pair.smsc.dataReceived(stream[start:stop])
        answers.append(pair.smsc_transport.written)
        pair.flush()
    assert answers[0] == answers[1]
    assert pdus(answers[0])[-1] == UnbindResp(sequence_number=12)
