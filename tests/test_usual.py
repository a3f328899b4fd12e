"""Messages that are as usual are made by a short way: it says what the general one says."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from esme_kit import World
from hypothesis import example, given
from hypothesis import strategies as st

from twisted_smpp.errors import FieldError, RequestRefused
from twisted_smpp.esme import Address, ESMEService, Profile
from twisted_smpp.esme.usual import UsualMessage
from twisted_smpp.status import CommandStatus
from twisted_smpp.text.references import References
from twisted_smpp.text.rules import TextRules
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.pdu import decode, encoders
from twisted_smpp.wire.pdus import SubmitSM, SubmitSMResp
from twisted_smpp.wire.sealed import SealedSubmitSM

PROFILES = {
    "usual": Profile(),
    "fields": Profile(fields={"service_type": "CMT", "protocol_id": 3, "dest_addr_npi": 9}),
    "source": Profile(fields={"source_addr": "Other", "registered_delivery": 0x11}),
    "tlvs": Profile(tlvs={"user_message_reference": 7, 0x1401: b"\1"}),
    "latin-1": Profile(text=TextRules(default_alphabet="latin-1")),
    "packed": Profile(text=TextRules(default_alphabet="gsm0338-packed")),
    "plain": Profile(text=TextRules(transliterate=True, graphemes=False)),
}
TEXTS = st.one_of(
    st.text("abc @\x00\r\n\f\u20ac{}[]~\\|^\xe9\xf1\xc7\u0394\u03a9", max_size=170),
    st.text(max_size=80),
    st.sampled_from(["", "x" * 160, "x" * 161, "\u20ac" * 80, "\u20ac" * 81, "\u4f60\u597d"]),
)
NUMBERS = st.one_of(
    st.from_regex(r"\+?[0-9]{1,22}", fullmatch=True),
    st.sampled_from(
        ["+49 176 1234567", "0049176123456", "\u0661" * 9, "Shop", "", "+", "491761\n"]
    ),
    st.builds(Address, st.integers(0, 6), st.integers(0, 18), st.text("0123456789", max_size=9)),
)
SOURCES = st.sampled_from(["Shop", "", "12345", "+491761", Address(1, 1, "4917612345")])


class General(ESMEService):
    """Makes every message the general way."""

    def _usual(self, *_: Any) -> None:
        return None


class GeneralWorld(World):
    service_class = General


class UsualWorld(World):
    service_class = ESMEService


def sent(world: World, call: tuple[Any, ...], receipt: bool) -> tuple[Any, ...]:
    """What a send() writes, and what its handle says; or the error."""
    to, text, source = call
    try:
        message = world.service.send(to, text, source=source, receipt=receipt)
    except ValueError as error:
        return type(error), str(error)
    transport = world.endpoint.ends[-1][0]
    octets = transport.taken(len(transport.written))
    part = message.parts[0]
    return (
        octets[:12] + octets[16:],
        len(message.parts),
        message.source,
        message.destination,
        repr(message.plan),
        message.wants_receipt,
        dict(message.fields),
        dict(message.tlvs),
        part.segment,
        part.number,
        part.make_pdu(0.0),
        encoders(world.service.session.session.version)[SubmitSM](part.pdu) == octets,
        message.key,
    )


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("version", list(InterfaceVersion))
def test_both_ways_write_the_same_octets_and_give_the_same_handle(
    profile: str, version: InterfaceVersion
) -> None:
    settings: dict[str, Any] = {
        "profile": PROFILES[profile],
        "window": 1_000_000,
        "interface_version": version,
        "bind": "transmitter",
    }
    short, general = [
        kind(references=References(random=Random(7)), **settings)
        for kind in (UsualWorld, GeneralWorld)
    ]
    for world in (short, general):
        world.start()

    @example("491761234567", "Hello", "Shop", True)
    @given(NUMBERS, TEXTS, SOURCES, st.booleans())
    def check(to: Any, text: str, source: Any, receipt: bool) -> None:
        call = to, text, source
        assert sent(short, call, receipt) == sent(general, call, receipt)

    check()


def test_the_short_way_is_taken_for_what_is_usual_and_for_nothing_else() -> None:
    world = UsualWorld(window=100)
    world.start()
    send = world.service.send
    for to in ("491761234567", "+491761234567"):
        assert isinstance(send(to, "Hello", source="Shop"), UsualMessage)
    unusual: list[dict[str, Any]] = [
        {"to": "12345"},
        {"text": "\u4f60\u597d"},
        {"text": "x" * 161},
        {"priority": 1},
        {"message_class": 0},
        {"service_type": "CMT"},
        {"tlvs": {"user_message_reference": 1}},
    ]
    for case in unusual:
        message = send(**{"to": "491761234567", "text": "Hello", "source": "Shop", **case})
        assert not isinstance(message, UsualMessage), case


def test_other_rules_are_seen_at_once() -> None:
    world = UsualWorld(window=100)
    world.start()
    assert world.service.send("491761234567", "a@b").parts[0].segment.short_message == b"a\0b"
    world.service.text = TextRules(default_alphabet="latin-1")
    assert world.service.send("491761234567", "a@b").parts[0].segment.short_message == b"a@b"


def test_a_source_that_cannot_be_sent_is_an_error_that_names_it() -> None:
    world = UsualWorld(window=100)
    world.start()
    for source in ("x" * 21, "\u4f60"):
        with pytest.raises(FieldError, match="source_addr"):
            world.service.send("491761234567", "Hello", source=source)
    assert world.service.sender.in_flight == 0


@pytest.mark.parametrize("text", [None, b"Hello", 7])
def test_what_is_no_text_is_refused_in_words(text: Any) -> None:
    world = UsualWorld(window=100)
    world.start()
    with pytest.raises(TypeError, match=f"text: {type(text).__name__} given, a str wanted"):
        world.service.send("491761234567", text)


def test_many_sources_are_forgotten_again() -> None:
    world = UsualWorld(window=5000)
    world.start()
    for number in range(3000):
        world.service.send("491761234567", "Hello", source=f"S{number}")
    assert len(world.service._envelopes._known) <= 1024


def test_a_refusal_shows_the_request_that_it_is_about() -> None:
    world = UsualWorld(window=100)
    world.start()
    world.endpoint.answer = CommandStatus.ESME_RINVDSTADR
    message = world.service.send("491761234567", "Hello", source="Shop", receipt=False)
    world.flush()
    error = message.error
    assert isinstance(error, RequestRefused)
    request = error.request
    assert (request.destination_addr, request.source_addr) == ("491761234567", "Shop")
    assert request.short_message == b"Hello"
    assert "Hello" not in repr(request)
    assert request.sequence_number == error.response.sequence_number


# The PDU that has no fields before somebody looks.


def sealed() -> tuple[SubmitSM, SubmitSM]:
    plain = SubmitSM(source_addr="Shop", short_message=b"Hello", tlvs={"user_message_reference": 7})
    sealed = SealedSubmitSM()
    sealed.octets = plain.encode()
    sealed.command_status = sealed.sequence_number = 0
    return sealed, plain


def test_a_sealed_one_is_like_any_other() -> None:
    for read in (repr, SubmitSM.encode, SubmitSM.to_dict, lambda pdu: pdu.octets_of_tail()):
        pdu, plain = sealed()
        assert read(pdu) == read(plain)
    pdu, plain = sealed()
    assert pdu == plain
    pdu, plain = sealed()
    assert plain == pdu
    assert pdu.__class__ is SubmitSM
    assert isinstance(pdu, SubmitSM)
    assert decode(pdu.encode()) == plain


def test_what_was_set_before_it_is_opened_stays() -> None:
    pdu, _ = sealed()
    pdu.sequence_number = 9
    pdu.protocol_id = 4
    assert (pdu.short_message, pdu.sequence_number, pdu.protocol_id) == (b"Hello", 9, 4)
    assert pdu.answer is SubmitSMResp


def test_it_has_no_attributes_that_others_lack() -> None:
    pdu, _ = sealed()
    with pytest.raises(AttributeError, match="nothing"):
        pdu.nothing  # type: ignore[attr-defined]  # noqa: B018
