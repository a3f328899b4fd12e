"""Taps see every PDU of a connection, in both directions, and cost nothing when absent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pairs import Held, bound_pair, ignore, submit
from sessions import frames
from wire_data import frame

from twisted_smpp.errors import PDUError
from twisted_smpp.tap import Watch
from twisted_smpp.testing import Pair, connect, success
from twisted_smpp.wire.pdus import (
    BindTransceiver,
    DeliverSM,
    EnquireLink,
    SubmitSM,
    SubmitSMResp,
)


def watched(**settings: Any) -> tuple[Pair, list[Any]]:
    seen: list[Any] = []
    pair = connect(
        smsc={"taps": [lambda *what: seen.append(what)], **settings.pop("smsc", {})}, **settings
    )
    return pair, seen


def test_taps_see_both_directions_with_octets_and_time() -> None:
    pair, seen = watched()
    pair.clock.advance(2)
    pair.bind()
    pair.clock.advance(1)
    submit(pair)
    pair.flush()
    kinds = [(direction, type(pdu), time) for direction, pdu, _, time in seen]
    assert kinds[0] == ("received", BindTransceiver, 2.0)
    assert kinds[2:] == [("received", SubmitSM, 3.0), ("sent", SubmitSMResp, 3.0)]
    for _, pdu, octets, _ in seen:
        assert pdu.encode() == octets
    pair.drop()


def test_taps_see_octets_that_are_no_pdu() -> None:
    pair, seen = watched()
    pair.bind()
    seen.clear()
    malformed = frame(4, b"\0", number=3)
    pair.esme_transport.write(malformed)
    pair.flush()
    direction, error, octets, _ = seen[0]
    assert (direction, octets) == ("received", malformed)
    assert isinstance(error, PDUError)
    garbage = b"GET / HTTP/1.1\r\n\r\n"
    pair.esme_transport.write(garbage)
    pair.flush()
    direction, error, octets, _ = seen[2]
    assert (direction, octets) == ("received", garbage)
    assert isinstance(error, PDUError)


def test_a_tap_may_be_added_later() -> None:
    pair = bound_pair()
    seen: list[Any] = []
    pair.esme.add_tap(lambda *what: seen.append(what))
    submit(pair)
    pair.flush()
    assert [(direction, type(pdu)) for direction, pdu, *_ in seen] == [
        ("sent", SubmitSM),
        ("received", SubmitSMResp),
    ]


def test_taps_see_what_is_held_back_as_it_arrives() -> None:
    held = Held()
    pair, seen = watched(on_request=held, smsc={"max_unanswered": 1}, esme={"window": 5})
    pair.bind()
    seen.clear()
    for _ in range(3):
        submit(pair).addErrback(ignore)
    pair.flush()
    assert len(held.asked) == 1
    assert [direction for direction, *_ in seen] == ["received"] * 3
    pair.drop()


def test_a_connection_without_a_tap_watches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AssertionError("somebody looks")

    monkeypatch.setattr(Watch, "see", fails)
    monkeypatch.setattr(Watch, "__init__", fails)
    pair = bound_pair()
    submit(pair)
    pair.flush()
    assert pair.esme._watch is None
    assert pair.smsc._watch is None


def test_the_taps_of_a_factory_are_for_each_connection_its_own() -> None:
    seen: list[Any] = []
    pair = bound_pair(esme={"taps": [lambda *what: seen.append(what)]})
    other: list[Any] = []
    pair.esme.add_tap(lambda *what: other.append(what))
    assert len(pair.esme.factory.taps) == 1
    pair.drop()


@given(
    st.lists(
        st.sampled_from([SubmitSM(), DeliverSM(short_message=b"x"), EnquireLink()]), max_size=6
    ),
    st.data(),
)
def test_a_watch_cuts_any_stream_like_the_session(parts: list[Any], data: st.DataObject) -> None:
    stream = b"".join(part.encode() for part in parts)
    seen: list[bytes] = []
    watch = Watch([lambda direction, pdu, octets, time: seen.append(octets)])
    while stream:
        count = data.draw(st.integers(1, len(stream)))
        watch.see("sent", stream[:count], 0.0)
        stream = stream[count:]
    assert seen == [part.encode() for part in parts]


@pytest.mark.parametrize("length", [0, 15, 1 << 30])
def test_a_watch_shows_a_lost_stream_once(length: int) -> None:
    seen: list[Any] = []
    watch = Watch([lambda *what: seen.append(what)])
    good = EnquireLink(sequence_number=1).encode()
    bad = length.to_bytes(4, "big") + b"rest"
    watch.see("received", good + bad, 1.0)
    watch.see("received", good, 2.0)
    watch.see("sent", good, 3.0)
    assert [(direction, octets) for direction, _, octets, _ in seen] == [
        ("received", good),
        ("received", bad),
        ("sent", good),
    ]
    assert isinstance(seen[1][1], PDUError)


def test_a_bind_shown_by_a_tap_can_be_shown_without_its_password() -> None:
    pair, seen = watched()
    pair.bind()
    _, bind, octets, _ = seen[0]
    assert bind.password == "secret"
    assert b"secret" in octets
    assert "secret" not in repr(bind)
    assert frames(octets) == [octets]


def test_a_tap_that_raises_does_not_end_the_session(logged_errors) -> None:
    def broken(*seen: object) -> None:
        raise ValueError("a tap")

    pair = connect(esme={"taps": [broken]})
    pair.bind()
    response = pair.esme.submit_sm(short_message=b"x")
    pair.flush()
    assert success(response).command_status == 0
    assert len(logged_errors.flush(ValueError)) == 1
    pair.drop()
