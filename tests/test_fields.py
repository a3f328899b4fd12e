"""Each kind of field by itself: the plain reading and writing, and how it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from twisted_smpp.errors import FieldError
from twisted_smpp.status import CommandStatus
from twisted_smpp.values import TON, EsmClass, InterfaceVersion
from twisted_smpp.wire.fields import CHARACTER, Field, Row, counted_octets, cstring, limit, u8

V3_3, V3_4, V5_0 = InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0


def named(field: Any, name: str = "it") -> Any:
    field.name = name
    return field


def read(field: Field, octets: bytes, version: InterfaceVersion = V5_0, strict: bool = True) -> Any:
    return field.read(octets, 0, len(octets), version, strict)


def failure(call: Any, *args: Any) -> FieldError:
    with pytest.raises(FieldError) as caught:
        call(*args)
    return caught.value


# Octets


def test_an_octet_is_read_and_written() -> None:
    field = named(u8())
    assert read(field, b"\xff\1") == (255, 1)
    assert field.write(255, V5_0) == "\xff"
    assert field.rows() == [Row("it", "int1", 1)]


def test_an_octet_that_is_not_there() -> None:
    error = failure(read, named(u8()), b"")
    assert error.command_status == CommandStatus.ESME_RINVCMDLEN
    assert "ends before it" in error.reason


@pytest.mark.parametrize("value", [-1, 256, 1 << 80])
def test_an_octet_out_of_range(value: int) -> None:
    field = named(u8(status=CommandStatus.ESME_RINVESMCLASS))
    error = failure(field.write, value, V5_0)
    assert str(error) == f"it: {value} is not within 0 to 255"
    assert error.command_status == CommandStatus.ESME_RINVESMCLASS


@pytest.mark.parametrize("value", ["1", b"1", None, 1.0, []])
def test_an_octet_of_a_wrong_type(value: Any) -> None:
    error = failure(named(u8()).write, value, V5_0)
    assert error.reason == f"{type(value).__name__} given, an integer wanted"


def test_an_octet_is_shown_by_name() -> None:
    assert named(u8(TON)).show(5) == "ALPHANUMERIC"
    assert named(u8(TON)).show(9) == "RESERVED_9"
    assert named(u8(EsmClass)).show(0x44) == "MC_DELIVERY_RECEIPT|UDHI"
    assert named(u8()).show(5) == "5"
    assert named(u8(TON)).show(1000) == "1000"
    assert named(u8(TON)).show(None) == "None"


def test_every_octet_has_its_character_and_nothing_else_has() -> None:
    assert [ord(CHARACTER[octet]) for octet in range(256)] == list(range(256))
    for wrong in (-1, 256, "a", None):
        with pytest.raises(KeyError):
            CHARACTER[wrong]  # type: ignore[index]


# Strings


def test_a_string_is_read_up_to_its_nul() -> None:
    field = named(cstring(6))
    assert read(field, b"abc\0def") == ("abc", 4)
    assert read(field, b"\0") == ("", 1)
    assert field.read(b"xyabc\0", 2, 6, V5_0, True) == ("abc", 6)
    assert field.rows() == [Row("it", "cstring", 6, ())]


def test_a_string_at_its_limit_and_beyond() -> None:
    field = named(cstring(6, status=CommandStatus.ESME_RINVSERTYP))
    assert read(field, b"abcde\0") == ("abcde", 6)
    assert field.write("abcde", V5_0) == "abcde\0"
    error = failure(read, field, b"abcdef\0")
    assert (error.reason, error.command_status) == (
        "longer than 6 octets with its NUL",
        CommandStatus.ESME_RINVSERTYP,
    )
    assert "takes 7 octets with its NUL, at most 6" in failure(field.write, "abcdef", V5_0).reason


def test_a_string_without_end() -> None:
    field = named(cstring(6))
    for octets in (b"", b"abc"):
        assert "not ended by NUL" in failure(read, field, octets).reason
    # The NUL behind the PDU is not its own.
    assert "not ended" in failure(field.read, b"abc\0", 0, 3, V5_0, True).reason


def test_the_limit_of_a_string_may_differ_by_version() -> None:
    field = named(cstring({None: 8, V3_3: 2, V3_4: 4}))
    assert read(field, b"abcdefg\0", V3_3) == ("abcdefg", 8), "read with the widest limit"
    assert field.write("a", V3_3) == "a\0"
    failure(field.write, "ab", V3_3)
    assert field.write("abc", V3_4) == "abc\0"
    failure(field.write, "abcd", V3_4)
    assert field.write("abcdefg", V5_0) == field.write("abcdefg", None) == "abcdefg\0"
    failure(field.write, "abcdefgh", None)
    assert limit({None: 8, V3_3: 2}, V3_3) == 2
    assert limit({None: 8, V3_3: 2}, V5_0) == limit(8, V3_3) == 8


def test_a_string_of_fixed_sizes() -> None:
    field = named(cstring(17, sizes=(1, 17)))
    assert field.rows() == [Row("it", "cstring", 17, (1, 17))]
    for text in ("", "x" * 16):
        assert read(field, text.encode() + b"\0")[0] == text
        assert field.write(text, V5_0) == text + "\0"
    assert failure(read, field, b"x\0").reason == "takes 2 octets, not 1 or 17"
    assert "not 1 or 17" in failure(field.write, "x", V5_0).reason
    assert read(field, b"x\0", strict=False) == ("x", 2)
    assert field.write("x", None, False) == "x\0"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"x", "bytes given, str wanted"),
        (None, "NoneType given, str wanted"),
        (1, "int given, str wanted"),
        ("a\0", "holds a NUL"),
        ("\u0100", "outside latin-1"),
        ("\U0001f44b", "outside latin-1"),
    ],
)
def test_a_string_that_cannot_be_written(value: Any, reason: str) -> None:
    assert reason in failure(named(cstring(16)).write, value, V5_0).reason


def test_every_octet_of_a_string_is_kept() -> None:
    octets = bytes(range(1, 256)) + b"\0"
    field = named(cstring(256))
    value, _ = read(field, octets)
    assert field.write(value, V5_0).encode("latin-1") == octets


def test_a_secret_is_hidden() -> None:
    field = named(cstring(9, secret=True))
    for text in (False, True):
        assert field.show("secret", text) == "<hidden>"
    for error in (
        failure(field.write, "secretsecret", V5_0),
        failure(field.write, "sec\0ret", V5_0),
        failure(field.write, "secret\u0100", V5_0),
        failure(field.write, b"secret", V5_0),
        failure(read, field, b"secretsecret\0"),
        failure(read, field, b"secret"),
    ):
        assert "sec" not in str(error)
    assert named(cstring(9)).show("plain") == "'plain'"


# Counted octets


def test_counted_octets() -> None:
    field = named(counted_octets(255))
    assert read(field, b"\2hi!") == (b"hi", 3)
    assert read(field, b"\0") == (b"", 1)
    assert field.write(b"hi", V5_0) == "\2hi"
    assert field.write(b"\xff" * 255, V5_0) == "\xff" * 256
    assert field.rows() == [Row("sm_length", "int1", 1), Row("it", "octets", 255)]
    assert named(counted_octets(255, count="n")).rows()[0].name == "n"


@pytest.mark.parametrize(
    ("octets", "reason", "status"),
    [
        (b"", "ends before its length", CommandStatus.ESME_RINVCMDLEN),
        (b"\3hi", "sm_length is 3, but 2 octets are left", CommandStatus.ESME_RINVMSGLEN),
        (b"\xff" + b"x" * 255, "255, at most 160", CommandStatus.ESME_RINVMSGLEN),
    ],
)
def test_counted_octets_that_are_not_there(
    octets: bytes, reason: str, status: CommandStatus
) -> None:
    error = failure(read, named(counted_octets(160)), octets)
    assert reason in error.reason
    assert error.command_status == status


@pytest.mark.parametrize("value", ["text", None, 5, bytearray(b"x"), [1]])
def test_counted_octets_are_bytes(value: Any) -> None:
    reason = failure(named(counted_octets(255)).write, value, V5_0).reason
    assert reason == f"{type(value).__name__} given, bytes wanted"


def test_the_limit_of_counted_octets_holds_for_reading_too() -> None:
    field = named(counted_octets({None: 255, V3_4: 254}))
    octets = b"\xff" + b"x" * 255
    assert read(field, octets, V5_0) == (b"x" * 255, 256)
    assert "at most 254" in failure(read, field, octets, V3_4).reason
    assert "at most 254" in failure(field.write, b"x" * 255, V3_4).reason


def test_the_text_of_a_message_is_shown_only_when_asked_for() -> None:
    field = named(counted_octets(255))
    assert field.show(b"hello") == "<5 octets>"
    assert field.show(b"hello", True) == "b'hello'"
    # Nor when it is no octets at all.
    assert field.show("hello") == "<str>"
    assert field.show(None) == "<NoneType>"


def test_octets_are_hex_in_json() -> None:
    field = named(counted_octets(255))
    assert field.to_json(b"\0\xff") == "00ff"
    assert field.from_json("00ff") == b"\0\xff"
    assert named(cstring(9)).from_json(named(cstring(9)).to_json("\xe9")) == "\xe9"


def test_a_field_by_itself_can_do_nothing() -> None:
    field = named(Field(0, CommandStatus.ESME_RINVPARLEN, ""))
    for call in (
        field.rows,
        lambda: field.read(b"", 0, 0, V5_0, True),
        lambda: field.write(0, V5_0),
        lambda: field.decode_source(V5_0, True),
        lambda: field.encode_source(V5_0, True),
    ):
        with pytest.raises(NotImplementedError):
            call()
