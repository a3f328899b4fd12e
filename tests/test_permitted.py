"""What of a submit_sm may be asked for: what the standard reserves is refused at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from esme_kit import World

from twisted_smpp.errors import FieldError
from twisted_smpp.esme import Address, ESMEPool, ESMEService, Profile
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.text.rules import Method
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.tlvs import message_payload, sar_msg_ref_num

V3_4, V5_0 = InterfaceVersion.V3_4, InterfaceVersion.V5_0
HOWTO = Path(__file__).parent.parent / "docs/howto/send-messages.md"
TO = "491761234567"


class ServiceWorld(World):
    service_class = ESMEService


def world(version: InterfaceVersion = V3_4, is_bound: bool = False, **settings: Any) -> Any:
    made = ServiceWorld(interface_version=version, **settings)
    if is_bound:
        made.start()
    return made


def refusal(service: Any, to: Any = TO, **asked: Any) -> FieldError:
    with pytest.raises(FieldError) as raised:
        service.send(to, "Hello", **asked)
    assert service.sender.waiting == service.sender.in_flight == 0
    return raised.value


@pytest.mark.parametrize("is_bound", [False, True])
@pytest.mark.parametrize(
    ("field", "allowed", "refused", "limit", "status"),
    [
        ("priority_flag", 3, 4, "3, or to 4 in SMPP 5.0", S.ESME_RINVPRTFLG),
        ("priority_flag", 1, 9, "3, or to 4 in SMPP 5.0", S.ESME_RINVPRTFLG),
        ("registered_delivery", 0x1F, 0x20, "31", S.ESME_RINVREGDLVFLG),
        ("replace_if_present_flag", 1, 2, "1", S.ESME_RINVREPFLAG),
        ("sm_default_msg_id", 254, 255, "254, or to 255 in SMPP 5.0", S.ESME_RINVDFTMSGID),
        ("sm_default_msg_id", 0, -1, "254, or to 255 in SMPP 5.0", S.ESME_RINVDFTMSGID),
    ],
)
def test_a_value_out_of_range_is_refused_with_field_value_and_limit(
    field: str, allowed: int, refused: int, limit: str, status: S, is_bound: bool
) -> None:
    service = world(is_bound=is_bound).service
    error = refusal(service, **{field: refused})
    assert str(error) == f"{field}: {refused} is not within 0 to {limit}"
    assert (error.field, error.command_status) == (field, status)
    assert service.send(TO, "Hello", **{field: allowed}).fields[field] == allowed


def test_the_priority_is_one_of_the_version_of_the_session() -> None:
    five = world(V5_0)
    assert five.service.send(TO, "Hello", priority=4).fields["priority_flag"] == 4
    assert str(refusal(world(V5_0).service, priority=5)) == "priority_flag: 5 is not within 0 to 4"
    # What is bound counts, not what was asked for.
    old = world(V5_0, is_bound=True)
    old.service.session.session.version = V3_4
    assert "or to 4 in SMPP 5.0" in str(refusal(old.service, priority=4))


@pytest.mark.parametrize("value", ["1", 1.0])
def test_what_is_no_integer_is_no_priority(value: Any) -> None:
    error = refusal(world().service, priority=value)
    assert str(error) == f"priority_flag: {type(value).__name__} given, an integer wanted"


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("validity_period", S.ESME_RINVEXPIRY),
        ("schedule_delivery_time", S.ESME_RINVSCHED),
    ],
)
def test_a_time_in_words_is_one_of_the_standard(field: str, status: S) -> None:
    service = world().service
    for text in ("zzzzzzzzzzzzzzzz", "0000000000000000", "tomorrow"):
        error = refusal(service, **{field: text})
        assert (error.field, error.command_status) == (field, status)
    service.send(TO, "Hello", **{field: "000000010000000R"})
    service.send(TO, "Hello", **{field: ""})


@pytest.mark.parametrize("to", ["", "  ", Address(1, 1, "")])
def test_a_message_to_nobody_is_refused(to: Any) -> None:
    error = refusal(world().service, to)
    assert str(error) == "destination_addr: it is empty, 1 to 20 octets are needed"
    assert error.command_status == S.ESME_RINVDSTADR


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destination_addr", "5"),
        ("source_addr", "6"),
        ("short_message", b"x"),
        ("data_coding", 8),
        ("esm_class", 3),
        ("sequence_number", 7),
        ("command_status", 8),
    ],
)
def test_what_is_made_of_the_addresses_and_the_text_is_not_given(field: str, value: Any) -> None:
    service = world().service
    with pytest.raises(TypeError, match=f"^{field}: "):
        service.send(TO, "Hello", **{field: value})
    assert service.sender.waiting == 0


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (message_payload, "message_payload"),
        (0x0424, "message_payload"),
        ("message_payload", "message_payload"),
        (sar_msg_ref_num, "sar_msg_ref_num"),
    ],
)
@pytest.mark.parametrize("method", [None, Method.PAYLOAD])
def test_no_tlv_takes_the_place_of_the_text(key: Any, name: str, method: Any) -> None:
    error = refusal(world().service, method=method, tlvs={key: b"x"})
    assert str(error) == f"{name}: send() makes it of the text, see method"
    in_profile = world(is_bound=True, profile=Profile(tlvs={key: b"x"})).service
    assert refusal(in_profile).field == name


def test_a_profile_is_looked_at_when_the_first_usual_message_is_made_and_no_more() -> None:
    fields = {"priority_flag": 9}
    service = world(is_bound=True, profile=Profile(fields=fields)).service
    for _ in range(2):
        assert refusal(service).field == "priority_flag"
    looked: list[Any] = []

    class Fields(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            looked.append(key)
            return super().get(key, default)

    service = world(is_bound=True, window=100).service
    service.send(TO, "Hello")
    envelope = service._envelopes.of("", True, service.text, V3_4)
    envelope.fields = Fields(envelope.fields)
    for _ in range(10):
        service.send(TO, "Hello")
    assert service.sender.in_flight == 11
    assert looked == []


def test_a_pool_refuses_the_same() -> None:
    pool = ESMEPool("tcp:127.0.0.1:1", "shop", reactor=world().clock)
    with pytest.raises(FieldError, match="priority_flag: 9 is not within 0 to 3"):
        pool.send(TO, "Hello", priority=9)
    assert pool.waiting == 0


def test_the_limits_are_those_of_the_how_to() -> None:
    text = HOWTO.read_text("utf-8")
    assert "| `priority` | 0 to 3; in SMPP 5.0 to 4 |" in text
    rows = re.findall(r"^\| `(.+)` \| (\d), .+ \| (\d), .+ \| `(.+)` \|$", text, re.M)
    assert len(rows) == 7
    for written, ton, npi, addr in rows:
        assert Address.guess(written) == (int(ton), int(npi), addr), written
