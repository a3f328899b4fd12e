# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""Binds to a message centre with an accounts file: who gets in, who is told what, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from accounts_kit import PASSWORD, AccountsWorld, account
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText

from twisted_smpp.errors import SessionLost
from twisted_smpp.events import Timers
from twisted_smpp.smsc import DefenceLimits, MessageCentre
from twisted_smpp.smsc.hashes import DUMMY
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import Pair, success
from twisted_smpp.wire.lists import SMEAddress
from twisted_smpp.wire.pdus import BindTransceiver, SubmitMulti

QUIET = Timers(bind=5.0, enquire_interval=None)


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = AccountsWorld(tmp_path)
    yield made
    made.ends()


def ghost(pair: Pair) -> None:
    """The network is cut, and nobody has told the message centre."""
    pair.smsc_transport.other = None
    pair.esme_transport.other = None
    pair.esme_transport.lost = True
    pair.esme.connectionLost()


def sends_only(pair: Pair, *numbers: int, **fields: Any) -> bytes:
    """What the message centre answers to binds written by hand."""
    for number in numbers:
        pdu = BindTransceiver(**{"system_id": "esme", "password": "x", **fields})
        pdu.sequence_number = number
        pair.smsc.dataReceived(pdu.encode())
    return pair.smsc_transport.written


# Who may bind.


def test_the_right_password_binds(world: Any) -> None:
    pair = world.bound()
    assert world.service.sessions == {pair.smsc}
    assert world.account.names == ["bind", "bound"]
    assert [each[1] for each in world.hashing.asked] == [PASSWORD.encode()]


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("unknown", account(), {"system_id": "nobody"}),
    ("password", account(), {"password": "wrong"}),
    ("no password", account(), {"password": ""}),
    ("network", account(networks=["198.51.100.0/24"]), {}),
    ("no network", account(networks=[]), {}),
    ("disabled", account(disabled=True), {}),
    ("certificate", account(certificate_name="shop.example"), {}),
    ("only a certificate", account(password=None, certificate_sha256="ab" * 32), {}),
]


@pytest.mark.parametrize(("text", "who"), [each[1:] for each in REFUSED], ids=lambda _: "")
def test_A09_every_refusal_is_the_same_in_status_work_and_time(
    text: str, who: dict[str, str], tmp_path: Path
) -> None:
    world = AccountsWorld(tmp_path, text)
    pair = world.connect(**who)
    pair.flush()
    assert len(world.hashing.asked) == 1
    assert (world.hashing.asked[0][0] == DUMMY) is ("password" not in who)
    pair.advance(0.99)
    assert world.refused == []
    pair.advance(0.02)
    (error,) = world.refused
    assert error.command_status == S.ESME_RINVPASWD
    assert error.response.system_id == ""
    assert world.account.calls == []
    pair.drop()
    world.ends()


def test_A09_a_remembered_password_does_not_shorten_a_refusal(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(networks=["192.0.2.0/24"]))
    world.bound()
    world.connect("198.51.100.1").flush()
    assert len(world.hashing.asked) == 2
    world.ends()


def test_A09_the_status_may_be_another(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, refused_status=S.ESME_RBINDFAIL)
    assert world.tries(password="wrong") == S.ESME_RBINDFAIL
    assert world.tries(system_id="nobody") == S.ESME_RBINDFAIL
    world.ends()


def test_A14_networks_of_both_kinds(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(networks=["192.0.2.0/24", "2001:db8::/48"]))
    hosts = ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8:0:ffff::1")
    assert [world.tries(host) for host in hosts] == [0, 0, 0]
    hosts = ("192.0.3.9", "::ffff:192.0.3.9", "2001:db8:1::1")
    assert [world.tries(host) for host in hosts] == [S.ESME_RINVPASWD] * 3
    world.ends()


def test_the_log_tells_why(world: Any) -> None:
    with capturedLogs() as logs:
        world.tries(password="wrong")
        world.tries(system_id="nob\x1body")
    lines = [eventAsText(each, includeTimestamp=False) for each in logs]
    told = [line for line in lines if "is refused" in line]
    assert "the bind of 'esme' from 192.0.2.1:4711 is refused: the password is wrong" in told[0]
    assert "the bind of 'nob\\x1body' from" in told[1]
    assert "there is no such account" in told[1]


def test_A16_no_password_is_in_the_log(world: Any) -> None:
    with capturedLogs() as logs:
        world.tries(password="canary88")
        world.tries(system_id="nobody", password="canary88")
        world.reload("[accounts.x]\npassword = 'canary88'\n")
    text = "".join(f"{eventAsText(each)}{each!r}" for each in logs)
    assert "refused" in text
    assert "stay in force" in text
    assert "canary88" not in text


@pytest.mark.parametrize("mode", ["transmitter", "receiver"])
def test_an_account_binds_as_it_may_only(mode: str, tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(modes=[mode]))
    assert world.tries(bind=mode) == 0
    for _ in range(10):
        assert world.tries(bind="transceiver") == S.ESME_RBINDFAIL
    assert world.tries(bind=mode) == 0  # the password was right: nobody was banned
    world.ends()


# Bans.


def test_A08_a_ban_is_looked_at_before_the_password(world: Any) -> None:
    for _ in range(5):
        assert world.tries(password="wrong") == S.ESME_RINVPASWD
    world.hashing.asked.clear()
    assert world.tries() == S.ESME_RINVPASWD
    assert world.hashing.asked == []
    assert world.tries("192.0.2.2") == 0
    world.clock.advance(300)
    assert world.tries() == 0


def test_A08_a_refusal_of_a_ban_is_as_late(world: Any) -> None:
    for _ in range(5):
        world.tries(password="wrong")
    pair = world.connect()
    pair.flush()
    pair.advance(0.9)
    assert len(world.refused) == 1  # that of the last try
    pair.advance(0.2)
    assert len(world.refused) == 2


def test_A08_an_address_that_guesses_names_is_cut_off(world: Any) -> None:
    for n in range(20):
        assert world.tries(system_id=f"guess{n}") == S.ESME_RINVPASWD
    assert world.tries() is None
    assert world.tries("192.0.2.2") == 0


def test_A10_valid_binds_never_count(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1))
    for _ in range(300):
        world.clock.advance(0.2)
        assert world.tries() == 0
        for session in list(world.service.sessions):
            session.transport.cut()
    assert len(world.hashing.asked) == 1
    world.ends()


def test_A10_busy_is_not_wrong(world: Any) -> None:
    world.hashing.at_once = False
    for n in range(258):
        world.file._verifier.verify(b"%d" % n, b"x", None)
    assert world.tries() == S.ESME_RTHROTTLED
    while world.hashing.waiting:
        world.hashing.finish()
    assert not world.defence._failures


def test_A10_time_in_our_queue_is_not_counted_for_the_bind(world: Any) -> None:
    world.hashing.at_once = False
    pair = world.connect()
    pair.flush()
    pair.advance(7)
    world.hashing.finish()
    pair.flush()
    assert pair.smsc.bound


def test_A08_a_guess_counts_although_its_connection_is_gone(world: Any) -> None:
    world.hashing.at_once = False
    for _ in range(5):
        pair = world.connect(password="wrong")
        pair.flush()
        pair.drop()
        world.hashing.finish()
    assert world.clock.getDelayedCalls() == []
    assert world.defence.is_banned(pair.smsc_transport.getPeer(), "esme")


def test_a_connection_that_goes_while_it_is_delayed_leaves_nothing(world: Any) -> None:
    pair = world.connect(password="wrong")
    pair.flush()
    pair.drop()
    assert world.clock.getDelayedCalls() == []


def test_several_tries_on_one_connection_have_five_seconds(world: Any) -> None:
    pair = world.connect(password="wrong")
    pair.esme_transport.written = b""  # its own bind never arrives
    for number in range(1, 5):
        sends_only(pair, number)
        pair.clock.advance(1)
    assert len(pair.smsc_transport.written) == 4 * 16
    sends_only(pair, 5)
    pair.clock.advance(1)
    pair.clock.advance(0.01)
    assert pair.smsc_transport.disconnecting
    pair.drop()


def test_a_bind_that_the_account_refused_may_be_followed_by_another(world: Any) -> None:
    world.account.answers["bind"] = S.ESME_RINVSYSID
    pair = world.connect()
    pair.esme_transport.written = b""
    sends_only(pair, 1, password=PASSWORD)
    world.account.answers["bind"] = None
    sends_only(pair, 2, password=PASSWORD)
    assert pair.smsc.bound
    assert world.realm.logouts == 1


# Crowds.


def test_A03_connections_that_are_too_many_are_cut_and_bound_ones_do_not_count(
    tmp_path: Path,
) -> None:
    world = AccountsWorld(tmp_path, limits=DefenceLimits(unbound_per_address=2))
    bound = [world.bound() for _ in range(4)]
    silent = [world.connect() for _ in range(2)]
    assert world.tries() is None
    assert all(pair.smsc.bound for pair in bound)
    silent[0].bind()
    assert world.tries() == 0
    for pair in silent[1:]:
        pair.drop()
    world.ends()


def test_A01_an_unbound_connection_gives_its_place_back_after_five_seconds(
    tmp_path: Path,
) -> None:
    world = AccountsWorld(tmp_path, limits=DefenceLimits(unbound_per_address=1))
    pair = world.connect()
    pair.esme_transport.written = b""
    assert world.tries() is None
    pair.advance(5.1)
    assert pair.smsc_transport.lost
    assert world.tries() == 0
    world.ends()


def test_so_many_sessions_may_be_bound(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, limits=DefenceLimits(sessions=3))
    pairs = [world.bound() for _ in range(3)]
    assert world.tries() == S.ESME_RBINDFAIL
    pairs[0].drop()
    assert world.tries() == 0
    world.ends()


# Places.


def status_of_each(world: Any, *modes: str) -> list[Any]:
    return [world.tries(bind=mode) for mode in modes]


def test_A12_more_binds_than_allowed(tmp_path: Path) -> None:
    text = account(max_binds=4, max_transmitters=1, max_receivers=0) + account("other")
    world = AccountsWorld(tmp_path, text)
    found = status_of_each(world, "receiver", "transmitter", "transmitter")
    assert found == [S.ESME_RALYBND, 0, S.ESME_RALYBND]
    assert status_of_each(world, *["transceiver"] * 4) == [0, 0, 0, S.ESME_RALYBND]
    assert world.tries(system_id="other") == 0
    world.ends()


def test_A12_a_place_is_free_as_soon_as_its_session_has_gone(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1))
    for _ in range(50):
        world.clock.advance(1)
        pair = world.bound()
        pair.drop()
    for _ in range(50):
        world.clock.advance(1)
        pair = world.bound()
        ended = pair.esme.unbind()
        pair.advance(1)
        assert success(ended) is None
    world.ends()


def test_A12_binds_that_are_being_answered_take_a_place(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1))
    waiting: Deferred[Any] = Deferred()
    world.account.answers["bind"] = waiting
    first = world.connect()
    first.flush()
    assert world.tries() == S.ESME_RALYBND
    waiting.callback(None)
    first.flush()
    assert first.smsc.bound
    world.ends()


def test_A13_a_dead_session_gives_its_place_to_the_bind_that_waits(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=2), timers=QUIET)
    old, new = world.bound(), world.bound()
    world.clock.advance(60)
    new.esme.enquire_link()
    new.flush()
    ghost(old)
    waiting = world.connect()
    with capturedLogs() as logs:
        waiting.advance(4.9)
        assert not waiting.smsc.bound
        assert old.smsc.bound
        waiting.advance(0.2)
        world.clock.advance(0)
        waiting.flush()
    assert waiting.smsc.bound
    assert new.smsc.bound
    assert not old.smsc.bound
    assert "is dead: another bind needs its place" in "".join(map(eventAsText, logs))
    assert world.account.names.count("unbound") == 1
    world.ends()


def test_A13_a_living_one_keeps_its_place_and_the_bind_hears_it_at_once(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1), timers=QUIET)
    old = world.bound()
    world.clock.advance(60)
    waiting = world.connect()
    waiting.flush()
    assert world.refused == []
    old.flush()
    waiting.flush()
    assert [each.command_status for each in world.refused] == [S.ESME_RALYBND]
    assert old.smsc.bound
    world.ends()


def test_A13_a_living_one_that_says_anything_keeps_its_place(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1), timers=QUIET)
    old = world.bound()
    world.clock.advance(60)
    waiting = world.connect()
    waiting.flush()
    waiting.advance(3)
    old.smsc_transport.written = b""  # it does not answer, but it sends
    old.esme.submit_sm(destination_addr="49").addErrback(lambda failure: failure.trap(SessionLost))
    old.smsc.dataReceived(old.esme_transport.taken(10_000))
    waiting.advance(3)
    assert [each.command_status for each in world.refused] == [S.ESME_RALYBND]
    assert old.smsc.bound
    world.ends()


def test_A13_whom_we_do_not_read_is_not_dead(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1), timers=QUIET)
    old = world.bound()
    old.smsc.pause_reading()
    waiting = world.connect()
    waiting.flush()
    waiting.advance(6)
    assert [each.command_status for each in world.refused] == [S.ESME_RALYBND]
    assert old.smsc.bound
    world.ends()


def test_A13_each_of_several_binds_asks_another_session(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=2), timers=QUIET)
    ghosts = [world.bound(), world.bound()]
    for pair in ghosts:
        ghost(pair)
    waiting = [world.connect() for _ in range(3)]
    for pair in waiting:
        pair.flush()
    assert len(world.refused) == 1  # nobody is left to be asked
    for pair in waiting:
        pair.advance(2)
    world.clock.advance(0)
    for pair in waiting:
        pair.flush()
    assert [pair.smsc.bound for pair in waiting] == [True, True, False]
    assert len(world.service.sessions) == 2
    world.ends()


@pytest.mark.parametrize("who", ["the one that waits", "the one that is asked"])
def test_A13_either_may_go_meanwhile(who: str, tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(max_binds=1), timers=QUIET)
    old = world.bound()
    waiting = world.connect()
    waiting.flush()
    old.smsc_transport.written = b""
    if who == "the one that waits":
        waiting.drop()
        world.clock.advance(6)
        assert world.service.sessions == set()
        assert world.account.names.count("bind") == 1
    else:
        old.drop()
        waiting.flush()
        assert waiting.smsc.bound
    world.ends()


# A real account behind the file.


def test_each_destination_of_a_submit_multi_is_judged_alone(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(destinations=["49*"]))
    centre = MessageCentre(clock=world.clock)
    world.service._logins._portal.realm = centre
    pair = world.bound()
    one, other = SMEAddress(1, 1, "4917"), SMEAddress(1, 1, "3366")

    answer = pair.esme.request(SubmitMulti(dest_address=[one, other], short_message=b"x"))
    pair.flush()

    refused = success(answer).unsuccess_sme
    assert [(each.destination_addr, each.error_status_code) for each in refused] == [
        ("3366", S.ESME_RINVDSTADR)
    ]
    world.ends()
