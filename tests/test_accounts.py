# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""The accounts file: what may stand in it, and what an error says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from accounts_kit import HASH, PASSWORD, account
from hypothesis import given
from hypothesis import strategies as st

from twisted_smpp.smsc.accounts import (
    ANY,
    RECEIPTS,
    Accounts,
    AccountsError,
    AccountSettings,
    AddressList,
)
from twisted_smpp.smsc.hashes import DUMMY, PasswordHash
from twisted_smpp.smsc.networks import read_network


def problems(text: str) -> list[str]:
    with pytest.raises(AccountsError) as caught:
        Accounts.parse(text, "accounts.toml")
    return caught.value.problems


def test_an_account_needs_no_more_than_a_password() -> None:
    (settings,) = Accounts.parse(account()).values()
    assert settings == AccountSettings("esme", PasswordHash.parse(HASH))
    assert settings.networks is None
    assert settings.operations is None
    assert settings.sources is ANY
    assert settings.destinations is ANY
    assert settings.routes == AddressList(())
    assert (settings.rate, settings.burst, settings.window) == (None, None, 10)
    assert [settings.most(mode) for mode in sorted(settings.modes)] == [10, 10, 10]


def test_every_key_is_read() -> None:
    text = account(
        disabled=True,
        certificate_name="shop.example",
        certificate_sha256="AB:" * 31 + "AB",
        modes=["receiver"],
        networks=["192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"],
        operations=["submit_sm"],
        sources=["Shop"],
        destinations=["49*"],
        routes=["4711", "49160*"],
        window=3,
        rate=2.5,
        burst=7,
        max_binds=6,
        max_transmitters=1,
        max_receivers=2,
        max_transceivers=9,
        message_ids="decimal",
        receipts="seconds",
    )
    networks = ("192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24")
    assert Accounts.parse(text)["esme"] == AccountSettings(
        "esme",
        PasswordHash.parse(HASH),
        "shop.example",
        "ab" * 32,
        disabled=True,
        modes=frozenset({"receiver"}),
        networks=tuple(read_network(each) for each in networks),
        operations=frozenset({"submit_sm"}),
        sources=AddressList(("Shop",)),
        destinations=AddressList(("49*",)),
        routes=AddressList(("4711", "49160*")),
        window=3,
        rate=2.5,
        burst=7.0,
        max_binds=6,
        max_transmitters=1,
        max_receivers=2,
        max_transceivers=9,
        message_ids="decimal",
        receipts="seconds",
    )
    assert [
        Accounts.parse(text)["esme"].most(mode)
        for mode in ("transmitter", "receiver", "transceiver")
    ] == [1, 2, 6]


def test_defaults_are_of_those_that_do_not_say_otherwise() -> None:
    accounts = Accounts.parse(
        "[defaults]\nrate = 50\nwindow = 5\n"
        + account("a")
        + account("b", rate=1.5)
        + account("c", rate=False)
    )
    assert [each.rate for each in accounts.values()] == [50, 1.5, None]
    assert {each.window for each in accounts.values()} == {5}


def test_a_certificate_is_enough() -> None:
    accounts = Accounts.parse(account(password=None, certificate_name="shop.example"))
    assert accounts["esme"].password is None
    assert accounts["esme"].needs_certificate


def test_no_accounts_are_allowed() -> None:
    assert dict(Accounts.parse("")) == {}


WRONG = [
    ("window", 0, "0 is not a whole number, 1 to 100000"),
    ("window", 2.5, "2.5 is not a whole number, 1 to 100000"),
    ("window", True, "True is not a whole number, 1 to 100000"),
    ("max_waiting", 0, "0 is not a whole number, 1 to 10000000"),
    ("max_binds", -1, "-1 is not a whole number, 0 to 100000"),
    ("max_binds", 10**40, f"{'1' + '0' * 36}... is not a whole number, 0 to 100000"),
    ("rate", 0, "0 is not a number, 0.01 to 1e+06, nor false"),
    ("rate", "fast", "'fast' is not a number, 0.01 to 1e+06, nor false"),
    ("rate", True, "True is not a number, 0.01 to 1e+06, nor false"),
    ("burst", 0.5, "0.5 is not a number, 1 to 1e+06, nor false"),
    ("disabled", 1, "1 is neither true nor false"),
    ("modes", ["sender"], "'sender' is not one of transmitter, receiver, transceiver"),
    ("modes", "receiver", "'receiver' is not a list of texts"),
    ("networks", [5], "[5] is not a list of texts"),
    ("networks", ["x"], "'x' is not a network such as 192.0.2.0/24 or 2001:db8::/32"),
    ("networks", ["1.2.3.4/24"], "'1.2.3.4/24' is not a network such as 192.0.2.0/24"),
    ("sources", ["4*9"], "'4*9' is not an address of at most 64 characters, with * at its end"),
    ("routes", ["1" * 65], " is not an address of at most 64 characters, with * at its end"),
    ("message_ids", "roman", "'roman' is not one of hex, decimal"),
    ("receipts", "mine", f"'mine' is not one of {', '.join(RECEIPTS)}"),
    ("certificate_sha256", "ab", "'ab' is not 64 hex digits"),
    ("certificate_name", "", "'' is not a text of 1 to 256 characters"),
    ("operations", ["deliver_sm"], "'deliver_sm' is not one of submit_sm, submit_multi, data_sm"),
]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "tcp",
        "tcp:",
        "tcp::1",
        "tcp:host",
        "tcp:host:0",
        "udp:host:1",
        "tcp:host:²",
        "host:1",
        5,
    ],
)
def test_what_is_no_endpoint_for_outbind_is_told(value: Any) -> None:
    (problem,) = problems(account(outbind=value))
    assert problem.endswith("is not an endpoint, tcp:HOST:PORT or tls:HOST:PORT")


@pytest.mark.parametrize("value", ["tcp:192.0.2.1:2776", "tls:esme.example:2776:trustRoots=/x"])
def test_an_account_that_sleeps_says_where(value: str) -> None:
    assert Accounts.parse(account(outbind=value))["esme"].outbind == value


@pytest.mark.parametrize(("key", "value", "says"), WRONG)
def test_a_wrong_value_is_told_with_file_account_key_and_limit(
    key: str, value: Any, says: str
) -> None:
    (problem,) = problems(account(**{key: value}))
    assert problem.startswith(f"accounts.toml: accounts.esme.{key}: ")
    assert says in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (account(rat=5), "accounts.esme.rat: unknown, do you mean rate?"),
        ("[account.x]", "account: unknown, do you mean accounts?"),
        ("zzz = 1", "zzz: unknown, it is one of defaults, accounts"),
        ('"a\\u001b" = 1', "'a\\x1b': unknown, it is one of defaults, accounts"),
        ("[defaults]\npassword = 'x'", "defaults.password: unknown, it is one of disabled, modes"),
        ("[defaults]\nroutes = ['1']", "defaults.routes: unknown, do you mean sources?"),
        ("accounts = 1", "accounts: tables are needed, [accounts.NAME]"),
        ("defaults = 1", "defaults: a table is needed"),
        ("[accounts]\nx = 1", "accounts.x: a table is needed"),
        ("[accounts.x]", "accounts.x: it has neither a password nor a certificate"),
        (account("sixteen-octets-x"), "a system_id has 1 to 15 printable latin-1 characters"),
        (account('""'), "accounts.: a system_id has 1 to 15 printable latin-1 characters"),
        (account('"a\\u0000b"'), "accounts.'a\\x00b': a system_id has 1 to 15 printable"),
        (account('"\\u20ac"'), "a system_id has 1 to 15 printable latin-1 characters"),
        ("a = 'x\x00'", "(at line 1, column 7)"),
        ("a = ", "Invalid value"),
        ("a = " + "[" * 100_000, "it is nested too deeply"),
        ("a = 1" + "0" * 10_000, "Exceeds the limit"),
    ],
)
def test_O16_whatever_is_wrong_is_one_line(text: str, says: str) -> None:
    first = problems(text)[0]
    assert first.startswith("accounts.toml: ")
    assert says in first
    assert "\n" not in first
    assert first.isprintable()


def test_all_problems_are_found_at_once() -> None:
    text = account("a", window=0, rat=1) + account("b", rate=-1)
    assert [line.split(": ")[1] for line in problems(text)] == [
        "accounts.a.rat",
        "accounts.a.window",
        "accounts.b.rate",
    ]


def test_two_accounts_cannot_have_one_route() -> None:
    text = account("a", routes=["4711"]) + account("b", routes=["+4711", "4712"])
    assert problems(text) == ["accounts.toml: accounts.b.routes: '+4711' belongs to a already"]


@pytest.mark.parametrize(
    "value",
    ["hunter2", HASH + "x", HASH.replace("16384", "2"), HASH[:-6], HASH[17:], "scrypt$$", 5],
)
def test_A16_a_password_in_the_clear_is_refused_and_not_repeated(value: Any) -> None:
    (problem,) = problems(account(password=value))
    assert "accounts.esme.password: it is not" in problem
    assert str(value) not in problem


def test_A16_a_hash_shows_nothing_of_itself() -> None:
    shown = repr(Accounts.parse(account())["esme"])
    assert all(part not in shown for part in HASH.split("$")[4:])
    assert PASSWORD not in shown


def test_hash_of_a_password() -> None:
    made = PasswordHash.of(b"\xff pass", b"0123456789abcdef")
    assert PasswordHash.parse(made.text()) == made
    assert made.matches(b"\xff pass")
    assert not made.matches(b"\xff Pass")
    assert made.text().startswith("scrypt$16384$8$1$")
    assert not DUMMY.matches(b"")


# Files.


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 1), (0o604, 1)])
def test_others_should_not_read_the_hashes(tmp_path: Path, mode: int, warnings: int) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(account())
    path.chmod(mode)
    found = Accounts.load(path).warnings
    assert len(found) == warnings
    assert all("chmod 600 accounts.toml" in each for each in found)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match=r"none.toml: cannot be read: No such file"):
        Accounts.load(tmp_path / "none.toml")
    with pytest.raises(AccountsError, match="cannot be read: Is a directory"):
        Accounts.load(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(AccountsError, match=r"a.toml: it is not UTF-8"):
        Accounts.load(tmp_path / "a.toml")


def test_O16_a_file_without_an_end_is_not_read_for_ever() -> None:
    if not os.path.exists("/dev/zero"):  # pragma: no cover
        pytest.skip("no /dev/zero")
    with pytest.raises(AccountsError, match="zero: longer than 67108864 octets"):
        Accounts.load("/dev/zero")


# Addresses.


@pytest.mark.parametrize(
    ("patterns", "address", "found"),
    [
        (["4711"], "4711", True),
        (["4711"], "47111", False),
        (["4711"], "471", False),
        (["49*"], "4917", True),
        (["49*"], "49", True),
        (["49*"], "4", False),
        (["+49*"], "4917", True),
        (["49*"], "+4917", True),
        (["49*"], "49*", True),
        (["4*"], "*", False),
        (["Shop"], "shop", False),
        (["*"], "", True),
        (["1"], "", False),
        ([""], "", True),
        ([], "", False),
        ([], "1", False),
    ],
)
def test_lists_of_addresses(patterns: list[str], address: str, found: bool) -> None:
    assert (address in AddressList(tuple(patterns))) is found


@given(st.lists(st.text("12+", max_size=3)), st.text("12+", max_size=4))
def test_without_a_star_only_the_same_address_is_meant(known: list[str], address: str) -> None:
    expected = address.removeprefix("+") in {each.removeprefix("+") for each in known}
    assert (address in AddressList(tuple(known))) is expected


@pytest.mark.parametrize(
    ("address", "name"),
    [("4711", "a"), ("+4711", "a"), ("47112", "b"), ("4799", "c"), ("48", "d"), ("", "d")],
)
def test_a_message_goes_to_the_account_with_the_longest_match(address: str, name: str) -> None:
    accounts = Accounts.parse(
        account("a", routes=["4711"])
        + account("b", routes=["4711*"])
        + account("c", routes=["47*"])
        + account("d", routes=["*"])
    )
    found = accounts.routed(address)
    assert found is not None
    assert found.system_id == name


def test_what_nobody_has_goes_nowhere() -> None:
    assert Accounts.parse(account(routes=["47*"])).routed("48") is None
    assert Accounts.parse(account(routes=["47*"])).routed("47*") is not None
    assert Accounts.parse(account(routes=["47*"])).routed("4*") is None
