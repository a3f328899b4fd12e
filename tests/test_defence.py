# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Bans, crowds of connections, and networks; each on its own."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, eventAsText

from twisted_smpp.smsc.defence import Defence, DefenceLimits
from twisted_smpp.smsc.networks import address_of, block_of, is_in, read_network


def peer(host: str) -> Any:
    kind: Any = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 4711)


HERE, THERE = peer("192.0.2.1"), peer("192.0.2.2")


class Kit:
    def __init__(self, proxies: Any = None, **limits: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.defence = Defence(self.clock, DefenceLimits(**limits), proxies)

    def fails(self, count: int, where: Any = HERE, name: str = "esme") -> None:
        for _ in range(count):
            self.defence.failed(where, name)

    def banned(self, where: Any = HERE, name: str = "esme") -> bool:
        return self.defence.is_banned(where, name)


# Bans.


def test_A08_the_fifth_wrong_bind_in_a_minute_bans_the_pair_for_five_minutes() -> None:
    kit = Kit()
    kit.fails(4)
    assert not kit.banned()
    kit.fails(1)
    assert kit.banned()
    assert not kit.banned(name="another")
    assert not kit.banned(THERE)
    kit.clock.advance(299.9)
    assert kit.banned()
    kit.clock.advance(0.2)
    assert not kit.banned()
    kit.fails(4)
    assert not kit.banned()


def test_A08_failures_of_more_than_a_minute_ago_do_not_count() -> None:
    kit = Kit()
    for _ in range(30):
        kit.fails(1)
        kit.clock.advance(15)
    assert not kit.banned()
    kit.fails(1)
    kit.clock.advance(14.9)
    kit.fails(1)
    assert kit.banned()


def test_A08_twenty_in_a_minute_ban_the_address() -> None:
    kit = Kit()
    for n in range(19):
        kit.fails(1, name=f"guess{n}")
    assert not kit.banned()
    kit.fails(1, name="guess19")
    assert kit.banned(name="anybody")
    assert not kit.banned(THERE, "anybody")
    assert not kit.defence.admits(HERE)
    assert kit.defence.admits(THERE)
    kit.clock.advance(301)
    assert not kit.banned()
    assert kit.defence.admits(HERE)


def test_A08_a_system_id_is_never_banned_everywhere() -> None:
    kit = Kit()
    for n in range(200):
        kit.fails(5, peer(f"198.51.100.{n}"))
    assert not kit.banned()


def test_A08_an_ipv6_site_is_one_address() -> None:
    kit = Kit()
    for n in range(5):
        kit.fails(1, peer(f"2001:db8:0:1::{n}"))
    assert kit.banned(peer("2001:db8:0:1:ffff::1"))
    assert not kit.banned(peer("2001:db8:0:2::1"))
    kit.fails(5, peer("::ffff:192.0.2.1"))
    assert kit.banned(HERE)


def test_A08_who_has_no_address_is_not_banned() -> None:
    kit = Kit()
    kit.fails(30, UNIXAddress(b"/run/smpp"))
    assert not kit.banned(UNIXAddress(b"/run/smpp"))
    assert not kit.banned(None)


def test_A08_A18_a_ban_is_one_line_and_cannot_forge_another() -> None:
    kit = Kit()
    with capturedLogs() as logs:
        kit.fails(5, name="a\r\n\x1b" + "x" * 300)
    (line,) = [eventAsText(each, includeTimestamp=False) for each in logs]
    assert "from 192.0.2.1 is banned for 300 s: 5 wrong binds in 60 s" in line
    assert line.isprintable()
    assert len(line) < 200


def test_A08_the_tables_are_bounded() -> None:
    kit = Kit(entries=50)
    for n in range(300):
        kit.fails(5, peer(f"198.51.{n // 100}.{n % 100}"), f"name{n}")
        kit.fails(1, peer(f"203.0.{n // 100}.{n % 100}"), f"name{n}")
        kit.defence.admits(peer(f"198.51.{n // 100}.{n % 100}"))
    assert len(kit.defence._failures) == 50
    assert len(kit.defence._bans) == 50
    assert len(kit.defence._connects) == 50
    assert kit.banned(peer("198.51.2.99"), "name299")  # the newest are kept
    assert not kit.banned(peer("198.51.0.0"), "name0")


def test_A08_a_ban_that_is_over_is_forgotten() -> None:
    kit = Kit()
    kit.fails(5)
    assert len(kit.defence._bans) == 1
    kit.clock.advance(301)
    assert not kit.banned()
    assert len(kit.defence._bans) == 0


# Crowds.


class Session:
    """A connection, as far as the defence sees it."""

    def __init__(self, where: Any) -> None:
        self.transport = self
        self.getPeer = lambda: where


def connects(kit: Kit, where: Any, count: int = 1) -> list[Any]:
    """Connects as often as it is let; the sessions."""
    sessions: list[Any] = []
    for _ in range(count):
        if kit.defence.admits(where):
            sessions.append(Session(where))
            kit.defence.connected(sessions[-1])
    return sessions


def test_A03_twenty_unbound_connections_of_one_address() -> None:
    kit = Kit()
    sessions = connects(kit, HERE, 30)
    assert len(sessions) == 20
    assert len(connects(kit, THERE, 30)) == 20
    kit.defence.settled(sessions[0])
    kit.defence.settled(sessions[0])  # bound, then gone
    assert len(connects(kit, HERE, 5)) == 1


def test_A03_a_thousand_in_all() -> None:
    kit = Kit()
    made = [connects(kit, peer(f"198.51.100.{n}"), 20) for n in range(60)]
    assert sum(map(len, made)) == 1000
    assert connects(kit, peer("198.51.100.200")) == []
    for session in made[0]:
        kit.defence.settled(session)
    assert len(connects(kit, peer("198.51.100.200"), 20)) == 20


def test_A03_S20_nothing_is_left_of_who_has_gone() -> None:
    kit = Kit()
    for n in range(1000):
        kit.clock.advance(1)
        for session in connects(kit, peer(f"2001:db8::{n:x}"), 3):
            kit.defence.settled(session)
    assert not kit.defence._unbound
    assert not kit.defence._per_block


def test_A03_those_that_were_closed_are_counted_in_a_line_each_ten_seconds() -> None:
    kit = Kit()
    with capturedLogs() as logs:
        connects(kit, HERE, 520)
        assert len(logs) == 1
        kit.clock.advance(10)
        connects(kit, HERE, 1)
    assert [each["count"] for each in logs] == [1, 500]


def test_S20_ten_connections_a_second_and_fifty_at_once() -> None:
    kit = Kit(unbound_per_address=1000)
    assert len(connects(kit, HERE, 100)) == 50
    kit.clock.advance(1)
    assert len(connects(kit, HERE, 100)) == 10
    assert len(connects(kit, THERE, 100)) == 50
    kit.clock.advance(60)
    assert len(connects(kit, HERE, 100)) == 50


def test_a_unix_socket_counts_in_all_only() -> None:
    kit = Kit(unbound=100)
    assert len(connects(kit, UNIXAddress(b"/run/smpp"), 200)) == 100


# Proxies.


def test_A14_behind_proxies_only_they_may_connect_and_are_not_counted() -> None:
    kit = Kit(proxies=[ip_network("192.0.2.1/32")], unbound=100)
    assert connects(kit, THERE) == []
    assert connects(kit, UNIXAddress(b"/run/smpp")) == []
    assert len(connects(kit, HERE, 200)) == 100


# Networks.


@pytest.mark.parametrize(
    ("host", "address", "block"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
    ],
)
def test_A14_addresses(host: str, address: str, block: str) -> None:
    found = address_of(peer(host))
    assert found == ip_address(address)
    assert block_of(found) == block


@pytest.mark.parametrize("what", [None, UNIXAddress(b"/run/smpp"), peer("example.org"), object()])
def test_A14_what_is_no_address_is_in_no_network(what: Any) -> None:
    assert address_of(what) is None
    assert block_of(None) == ""
    assert not is_in(address_of(what), [ip_network("0.0.0.0/0"), ip_network("::/0")])


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_A14_v4_and_v4_in_v6_are_the_same(address: Any, bits: int) -> None:
    network = ip_network((address, bits), strict=False)
    mapped = f"::ffff:{network.network_address}/{96 + bits}"
    assert read_network(mapped) == network
    assert is_in(address_of(peer(f"::ffff:{address}")), [network])
    assert is_in(address_of(peer(str(address))), [read_network(mapped)])


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
def test_A14_only_what_is_in_a_network_is_in_it(one: Any, other: Any, bits: int) -> None:
    bits = min(bits, one.max_prefixlen)
    network = ip_network((one, bits), strict=False)
    other = getattr(other, "ipv4_mapped", None) or other
    same = other.version == one.version and int(one) >> (one.max_prefixlen - bits) == (
        int(other) >> (one.max_prefixlen - bits)
    )
    assert is_in(other, [network]) is same


@pytest.mark.parametrize("text", ["", "x", "192.0.2.1/24", "1.2.3/8", "::/129", "1.2.3.4/33"])
def test_A14_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_network(text)
