# ruff: noqa: N802 - some names begin with the rows of the catalogue.
"""What a bound account may ask for, how often, and what a reload changes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from accounts_kit import AccountsWorld, account
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText

from twisted_smpp.errors import RequestRefused
from twisted_smpp.smsc import AccountSettings, Policy
from twisted_smpp.smsc.accounts import AddressList
from twisted_smpp.smsc.service import OPERATIONS
from twisted_smpp.status import CommandStatus as S
from twisted_smpp.testing import failure, success
from twisted_smpp.tokens import TokenBucket
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.lists import DistributionList, SMEAddress
from twisted_smpp.wire.pdus import (
    CancelBroadcastSM,
    CancelSM,
    DataSM,
    ParamRetrieve,
    QueryBroadcastSM,
    QuerySM,
    ReplaceSM,
    SubmitMulti,
    SubmitSM,
)

V3_4, V5_0 = InterfaceVersion.V3_4, InterfaceVersion.V5_0


def policy(**settings: Any) -> Policy:
    return Policy(AccountSettings("esme", **settings), 0.0)


def multi(*addresses: str) -> SubmitMulti:
    return SubmitMulti(dest_address=[SMEAddress(1, 1, each) for each in addresses])


def test_without_limits_everything_passes() -> None:
    free = policy()
    for cls in OPERATIONS:
        assert free.refusal(cls(), V5_0, 0.0) == 0
    assert free.refusal(ParamRetrieve(), V3_4, 0.0) == 0


@pytest.mark.parametrize(
    ("version", "status"), [(V3_4, S.ESME_RINVCMDID), (V5_0, S.ESME_RPROHIBITED)]
)
def test_operations_that_are_not_allowed(version: int, status: int) -> None:
    narrow = policy(operations=frozenset({"query_sm", "broadcast_sm"}))
    assert narrow.refusal(QuerySM(), version, 0.0) == 0
    assert narrow.refusal(CancelBroadcastSM(), version, 0.0) == 0
    assert narrow.refusal(SubmitSM(), version, 0.0) == status
    assert narrow.refusal(ParamRetrieve(), version, 0.0) == status


@pytest.mark.parametrize("cls", [SubmitSM, DataSM])
def test_addresses(cls: Any) -> None:
    narrow = policy(sources=AddressList(("Shop",)), destinations=AddressList(("49*",)))
    good = {"source_addr": "Shop", "destination_addr": "4917"}
    assert narrow.refusal(cls(**good), V3_4, 0.0) == 0
    assert narrow.refusal(cls(**{**good, "source_addr": ""}), V3_4, 0.0) == S.ESME_RINVSRCADR
    bad = cls(**{**good, "destination_addr": "4317"})
    assert narrow.refusal(bad, V3_4, 0.0) == S.ESME_RINVDSTADR
    with pytest.raises(RequestRefused, match="ESME_RINVDSTADR"):
        narrow.check(bad, V3_4, 0.0)
    narrow.check(cls(**good), V3_4, 0.0)
    assert narrow.refusal(QuerySM(message_id="1", source_addr="x"), V3_4, 0.0) == 0


def test_one_destination_of_many() -> None:
    narrow = policy(destinations=AddressList(("49*",)))
    assert narrow.refusal(multi("491", "492"), V3_4, 0.0) == 0
    assert narrow.refusal(multi("491", "43"), V3_4, 0.0) == S.ESME_RINVDSTADR
    assert narrow.refusal(multi("491", "43"), V3_4, 0.0, each=True) == 0
    assert [narrow.refusal_of_destination(each) for each in ("491", "43")] == [
        0,
        S.ESME_RINVDSTADR,
    ]
    named = SubmitMulti(dest_address=[DistributionList("friends")])
    assert narrow.refusal(named, V3_4, 0.0) == 0


# The rate.


def test_S04_what_is_too_much_is_throttled_before_anything_else() -> None:
    slow = policy(rate=2.0, burst=3.0, operations=frozenset())
    found = [slow.refusal(SubmitSM(), V3_4, 0.0) for _ in range(5)]
    assert found == [S.ESME_RINVCMDID] * 3 + [S.ESME_RTHROTTLED] * 2
    found = [slow.refusal(SubmitSM(), V3_4, 1.0) for _ in range(3)]
    assert found == [S.ESME_RINVCMDID] * 2 + [S.ESME_RTHROTTLED]


def test_S04_without_a_burst_it_is_a_second_of_the_rate() -> None:
    assert [policy(rate=2.0).refusal(SubmitSM(), V3_4, 0.0) for _ in range(1)] == [0]
    slow = policy(rate=0.5)
    assert [slow.refusal(SubmitSM(), V3_4, 0.0) for _ in range(2)] == [0, S.ESME_RTHROTTLED]


def test_S04_many_destinations_are_paid_for_afterwards() -> None:
    slow = policy(rate=10.0, burst=10.0)
    assert slow.refusal(multi(*map(str, range(30))), V3_4, 0.0) == 0
    assert slow.refusal(SubmitSM(), V3_4, 2.0) == S.ESME_RTHROTTLED
    assert slow.refusal(SubmitSM(), V3_4, 2.1) == 0
    assert slow.refusal(SubmitMulti(dest_address=[]), V3_4, 2.1) == S.ESME_RTHROTTLED


def test_a_bucket_may_be_in_debt() -> None:
    bucket = TokenBucket(1.0, 2.0, 0.0)
    assert bucket.take(0.0, 5)
    assert bucket.seconds_left(0.0) == 4.0
    assert not bucket.take(3.9)
    assert bucket.take(4.0)


@pytest.mark.parametrize(
    "asking", [QuerySM, CancelSM, ReplaceSM, QueryBroadcastSM, CancelBroadcastSM]
)
def test_R09_asking_for_messages_costs_as_much(asking: Any) -> None:
    slow = policy(rate=1.0, burst=2.0)
    found = [slow.refusal(asking(message_id="1"), V5_0, 0.0) for _ in range(3)]
    assert found == [0, 0, S.ESME_RTHROTTLED]
    assert slow.refusal(SubmitSM(), V5_0, 0.0) == S.ESME_RTHROTTLED


def test_other_settings_keep_what_is_left_of_the_rate() -> None:
    slow = policy(rate=1.0, burst=2.0)
    for _ in range(2):
        slow.refusal(SubmitSM(), V3_4, 0.0)
    slow.change(AccountSettings("esme", rate=100.0, burst=5.0), 0.0)
    assert slow.refusal(SubmitSM(), V3_4, 0.0) == S.ESME_RTHROTTLED
    assert [slow.refusal(SubmitSM(), V3_4, 1.0) for _ in range(6)] == [0] * 5 + [S.ESME_RTHROTTLED]
    slow.change(AccountSettings("esme"), 1.0)
    assert slow.refusal(SubmitSM(), V3_4, 1.0) == 0


# In the service.


def statuses(pair: Any, count: int, **fields: Any) -> list[int]:
    answers = [pair.esme.submit_sm(**{"destination_addr": "49", **fields}) for _ in range(count)]
    pair.flush()
    found = []
    for each in answers:
        each.addErrback(lambda problem: problem.value)
        found.append(getattr(success(each), "command_status", None))
    return found


def test_S04_the_rate_is_that_of_the_account_not_of_its_sessions(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(rate=3))
    one, two = world.bound(), world.bound()
    assert statuses(one, 2) == [0, 0]
    assert statuses(two, 2) == [0, S.ESME_RTHROTTLED]
    assert world.account.names.count("submit_sm") == 3  # what is refused reaches nobody
    one.drop()
    again = world.bound()
    assert statuses(again, 1) == [S.ESME_RTHROTTLED]
    world.ends()


def test_S05_a_flood_is_held_at_a_hundred_that_are_not_answered(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path)
    pair = world.bound(window=1000)
    waiting: list[Any] = []
    world.account.__dict__["submit_sm"] = lambda *_: waiting.append(Deferred()) or waiting[-1]
    answers = [pair.esme.submit_sm(destination_addr="49") for _ in range(500)]
    pair.flush()
    assert len(waiting) == 100
    assert not pair.smsc_transport.reading
    waiting[0].callback(None)
    pair.flush()
    assert len(waiting) == 101
    for each in answers:
        each.addErrback(lambda _: None)
    world.ends()


def test_an_avatar_may_look_at_destinations_itself(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(destinations=["49*"]))
    pair = world.bound()
    request = {"dest_address": [SMEAddress(1, 1, "491"), SMEAddress(1, 1, "43")]}
    refused = pair.esme.submit_multi(**request)
    pair.flush()
    assert failure(refused).command_status == S.ESME_RINVDSTADR  # type: ignore[attr-defined]
    world.account.__dict__["checks_destinations"] = True
    passed = pair.esme.submit_multi(**request)
    pair.flush()
    assert success(passed).command_status == 0
    world.ends()


def test_the_window_of_deliveries_is_that_of_the_account(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account(window=3), window=50)
    pair = world.bound()
    assert pair.smsc.session.window == 3
    world.ends()


# Reading the file again.


def test_O04_a_broken_file_changes_nothing_and_is_one_line(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path)
    pair = world.bound()
    before = world.file.accounts
    for text in ("[accounts.esme]", "x = ", account(window=0)):
        with capturedLogs() as logs:
            assert not world.reload(text)
        (line,) = [eventAsText(each, includeTimestamp=False) for each in logs]
        assert "the old accounts stay in force: accounts.toml: " in line
        assert "\n" not in line
    world.path.unlink()
    assert not world.file.reload()
    assert world.file.accounts is before
    assert pair.smsc.bound
    assert world.tries() == 0
    world.ends()


def test_O04_new_limits_hold_for_those_that_are_bound(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path, account())
    pair = world.bound()
    assert statuses(pair, 1, source_addr="Bank") == [0]
    assert world.reload(account(sources=["Shop"], window=2))
    assert statuses(pair, 1, source_addr="Bank") == [S.ESME_RINVSRCADR]
    assert statuses(pair, 1, source_addr="Shop") == [0]
    assert pair.smsc.session.window == 2
    assert world.reload(account(networks=["198.51.100.0/24"]))
    assert pair.smsc.bound  # where it comes from is asked at a bind
    assert world.tries() == S.ESME_RINVPASWD
    world.ends()


@pytest.mark.parametrize("text", [account("other"), account(disabled=True), ""])
def test_O04_an_account_that_is_no_more_is_unbound_and_others_stay(
    text: str, tmp_path: Path
) -> None:
    both = account("other2")
    world = AccountsWorld(tmp_path, account() + both)
    pair, other = world.bound(), world.bound(system_id="other2")
    assert world.reload(text + both)
    world.passes(1)
    assert not pair.smsc.bound
    assert other.smsc.bound
    assert world.tries() == S.ESME_RINVPASWD
    world.ends()


def test_O04_a_password_that_was_changed_is_not_remembered(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path)
    assert world.tries() == 0
    assert world.reload(account())
    count = len(world.hashing.asked)
    assert world.tries() == 0
    assert len(world.hashing.asked) == count + 1
    world.ends()


def test_O04_a_password_that_is_being_checked_meanwhile_does_not_count(tmp_path: Path) -> None:
    world = AccountsWorld(tmp_path)
    world.hashing.at_once = False
    pair = world.connect()
    pair.flush()
    world.reload(account(disabled=True))
    world.hashing.finish()
    pair.advance(1)
    assert world.refused[0].command_status == S.ESME_RINVPASWD
    world.ends()
