"""The short ways of the message centre say and keep what the long ways do."""

from random import Random

import pytest
from centre_kit import World as CentreWorld
from centre_kit import routes, to_account
from store_kit import MemoryWorld, World, columns

from twisted_smpp.answering import Later, give
from twisted_smpp.errors import StoreFailed, StoreFull
from twisted_smpp.smsc.customer import Customer
from twisted_smpp.smsc.ids import MessageIds
from twisted_smpp.status import CommandStatus
from twisted_smpp.store import Record
from twisted_smpp.store.intents import Write
from twisted_smpp.store.sqlite import _new_and_old
from twisted_smpp.values import InterfaceVersion, MessageState
from twisted_smpp.wire.pdus import DataSM, SubmitSM


class ByRecord(Customer):
    """Makes a Record of every message."""

    def _submit_at_once(self, session, request, told):
        record = self._record(session, request, request.destination_addr)
        response = self.answer(session, request, record.message_id)
        later = Later()
        later.answer = response
        is_kept = self._centre.keep(record, request, record.done is not None, told, later)
        return response if is_kept else later


MESSAGES = {
    "plain": {},
    "foreign": {"source_addr": "Caf\xe9", "source_addr_ton": 5, "short_message": b""},
    "udh": {"esm_class": 0x40, "short_message": b"\5\0\3\1\2\1x"},
    "payload": {"short_message": b"", "tlvs": {"message_payload": b"x" * 300}},
    "nowhere": {"destination_addr": ""},
    "both": {"short_message": b"x", "tlvs": {"message_payload": b"x"}},
    "receipt": {"esm_class": 0x04},
}


def writes_of(transport):
    """What is written from now on."""
    writes, write = [], transport.write

    def kept(data):
        writes.append(data)
        write(data)

    transport.write = kept
    return writes


def submitted(kind, path, make, version, fields):
    """The octets that the ESME got, and what the store has then."""
    ids = MessageIds(Random(7).randbytes)
    world = CentreWorld(kind, path, make=make, ids=ids)
    try:
        bind = "transmitter" if version < InterfaceVersion.V3_4 else "transceiver"
        pair = world.bound(bind=bind, interface_version=version)
        writes = writes_of(pair.smsc_transport)
        pdu = SubmitSM(
            **{"source_addr": "100", "destination_addr": "491", "short_message": b"x", **fields}
        )
        pair.esme.request(pdu).addErrback(lambda _: None)
        world.turn()
        found = world.store.get(1)
        world.turn()
        record = found.result
        return writes, record and columns(record)
    finally:
        world.end()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(
    "version", [InterfaceVersion.V3_3, InterfaceVersion.V3_4, InterfaceVersion.V5_0], ids=str
)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_row_is_what_the_record_gives(tmp_path, kind, version, name):
    if version is InterfaceVersion.V3_3 and "tlvs" in MESSAGES[name]:
        pytest.skip("3.3 has no TLVs")
    both = []
    for number, make in enumerate((Customer, ByRecord)):
        path = tmp_path / str(number)
        path.mkdir()
        both.append(submitted(kind, path, make, version, MESSAGES[name]))
    assert both[0] == both[1]
    assert both[0][0]
    is_refused = name in ("nowhere", "both", "receipt")
    assert (both[0][1] is None) == is_refused


@pytest.fixture(params=[World, MemoryWorld], ids=["sqlite", "memory"])
def stored(request, tmp_path):
    world = request.param(tmp_path / "store")
    world.open()
    yield world
    world.abandon() if request.param is World else None


def message(number, **more):
    return Record(number, 1, "", state=MessageState.DELIVERED, done=2.0, at=1.0, **more)


def receipt(number):
    return Record(number, 2, "account:a", due=1.0, at=1.0)


def test_both_are_kept_and_told_of_once(stored):
    told, store = [], stored.store
    first, second = message(1), message(3)
    kept = [
        store.keep(first, receipt(2), lambda *heard: told.append(heard), "a"),
        store.keep(second.row(), None, lambda *heard: told.append(heard), "b"),
    ]
    assert [columns(stored.get(store.get(n))) for n in (1, 3)] == [columns(first), columns(second)]
    assert stored.get(store.get(2)).queue == "account:a"
    if isinstance(stored, MemoryWorld):
        assert (kept, told) == ([True, True], [])
    else:
        assert (kept, told) == ([False, False], [(["a"], None), (["b"], None)])


def test_who_gave_many_hears_once(tmp_path):
    world = World(tmp_path / "store")
    store = world.open()
    told = []

    def hear(contexts, error):
        told.append((contexts, error))

    for number in range(1, 6):
        store.keep(message(number), None, hear, number)
    assert told == []
    world.steps.run()
    assert told == [([1, 2, 3, 4, 5], None)]
    world.close()


def test_who_is_told_and_fails_holds_up_nobody(tmp_path, logged_errors):
    world = World(tmp_path / "store")
    store = world.open()
    told = []

    def fails(_contexts, _error):
        raise ZeroDivisionError

    store.keep(message(1), None, fails, None)
    store.keep(message(2), None, lambda *heard: told.append(heard), "b")
    world.steps.run()
    assert told == [(["b"], None)]
    assert len(logged_errors.flush(ZeroDivisionError)) == 1
    world.close()


def test_a_message_and_its_receipt_are_refused_together(tmp_path, logged_errors):
    world = World(tmp_path / "store")
    store = world.open()
    told = []
    store.keep(message(1), receipt(2), lambda *heard: told.append(heard), "a")
    store._no_room([])
    assert [contexts for contexts, _ in told] == [["a"]]
    assert isinstance(told[0][1], StoreFull)
    with pytest.raises(StoreFull):
        store.keep(message(3), receipt(4), give, None)
    world.steps.after(1)
    assert not store.full
    assert [world.get(store.get(number)) for number in (1, 2, 3, 4)] == [None] * 4
    world.close()
    assert len(logged_errors.flush()) == 1


def test_a_later_change_of_what_was_refused_does_not_bring_it_back():
    pair = Write(1, message(1).row(), True, give, None, receipt(2).row())
    change = Write(2, receipt(2).row(), False, give, None)
    other = Write(9, receipt(9).row(), False, give, None)
    assert _new_and_old([pair, change, other]) == ([pair, change], [other])


def test_a_closed_store_says_so_at_once(tmp_path):
    world = World(tmp_path / "store")
    store = world.open()
    world.close()
    with pytest.raises(StoreFailed):
        store.keep(message(1), None, give, None)


def test_the_answers_of_a_transaction_are_one_write(tmp_path):
    world = CentreWorld("sqlite", tmp_path)
    pair = world.bound()
    writes = writes_of(pair.smsc_transport)
    sent = [
        pair.esme.request(SubmitSM(destination_addr=f"49{i}", short_message=b"x")) for i in range(5)
    ]
    world.turn()
    assert [each.result.command_status for each in sent] == [0] * 5
    assert len(writes) == 1
    world.end()


def test_an_answer_after_the_end_of_the_session_is_for_nobody(tmp_path):
    world = CentreWorld("sqlite", tmp_path)
    pair = world.bound()
    pair.esme.request(SubmitSM(destination_addr="491", short_message=b"x")).addErrback(
        lambda _: None
    )
    pair.flush()
    pair.drop()
    world.turn()
    world.end()


def test_what_the_store_refuses_is_refused_by_its_status(tmp_path):
    world = CentreWorld("sqlite", tmp_path, routes=routes(**{"49": to_account("other")}))
    pair = world.bound()
    world.store.full = True
    for pdu in (
        SubmitSM(destination_addr="491", short_message=b"x"),
        SubmitSM(destination_addr="1", short_message=b"x"),
        DataSM(destination_addr="1"),
    ):
        failed = []
        pair.esme.request(pdu).addErrback(failed.append)
        world.turn()
        assert failed[0].value.command_status == CommandStatus.ESME_RMSGQFUL
    world.store.full = False
    world.end()
