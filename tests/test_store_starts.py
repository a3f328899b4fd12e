"""A record that ends the process at each start is put aside (O05)."""

from functools import partial

import pytest
from store_kit import World, record
from twisted.internet.defer import Deferred

from twisted_smpp.esme import Outbox
from twisted_smpp.esme.care import PartByPart
from twisted_smpp.esme.message import Progress
from twisted_smpp.smsc.care import OneByOne, take_care
from twisted_smpp.store import MemoryStore
from twisted_smpp.wire.pdus import SubmitSM

SECRET = b"nobody may read this"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path / "store", failed_starts=1)
    yield world
    world.abandon()


def filled(world, count=5, **fields):
    store = world.open()
    for _ in range(count):
        number = store.next_number()
        world.get(store.add(record(number, message_id=f"id{number}", **fields)))
    return list(range(1, count + 1))


class Processes:
    """Processes one after another, each of which handles what the last one has left."""

    def __init__(self, world, *poison):
        self.world = world
        self.poison = poison
        self.handled = []

    def run(self):
        """One of them; whether it survived."""
        store = self.world.crash()
        alive = [True]

        def handle(number):
            if number in self.poison:
                alive[0] = False
            if alive[0]:
                self.handled.append(number)
                store.remove(number)
                if store.caution is not None:
                    store.caution.leave(number)

        for each in self.world.get(store.due("link", 99.0, 99)):
            if store.caution is None:
                handle(each.number)
            else:
                store.caution.turn(each.number, partial(handle, each.number))
        while store.caution is not None and store.caution.is_busy and alive[0]:
            self.world.steps.run()
        return alive[0]


def events(logged_errors):
    """The errors that were logged; none is left."""
    found = list(logged_errors._events)
    logged_errors._events.clear()
    return found


def quarantine(world):
    return world.store._connection.execute(
        "SELECT number, reason, message_id, queue, due, pdu FROM quarantine"
    ).fetchall()


REASON = "the last of {} starts in a row ended while it was handled"


@pytest.mark.parametrize("poison", [1, 3, 5])
def test_o05_what_ends_three_starts_is_put_aside_and_the_rest_goes_on(world, poison, logged_errors):
    world.options["failed_starts"] = 2
    numbers = filled(world, pdu=SECRET)  # that process is the first that does not last
    processes = Processes(world, poison)
    assert [processes.run() for _ in range(3)] == [False, False, True]
    assert set(processes.handled) == set(numbers) - {poison}
    assert quarantine(world) == [
        (poison, REASON.format(3), f"id{poison}", "link", 10.0, SECRET),
    ]
    assert world.store.put_aside == 1
    (event,) = events(logged_errors)
    line = event["log_format"].format(**event)
    assert f"record {poison}, message id{poison}," in line
    assert "\n" not in line
    assert SECRET.decode() not in str(event)


def test_o05_two_of_them(world, logged_errors):
    world.options["failed_starts"] = 2
    filled(world)
    processes = Processes(world, 2, 4)
    assert [processes.run() for _ in range(4)] == [False] * 3 + [True]
    assert set(processes.handled) == {1, 3, 5}
    reasons = [each[:2] for each in quarantine(world)]
    assert reasons == [(2, REASON.format(3)), (4, REASON.format(4))]
    assert len(events(logged_errors)) == 2


def test_o05_without_the_setting_nobody_counts(world):
    world.options["failed_starts"] = None
    filled(world)
    for _ in range(5):
        assert world.crash().caution is None
    assert not world.steps.clock.getDelayedCalls()
    world.options["failed_starts"] = 2
    assert world.crash().caution is None


def test_o05_a_record_that_came_to_its_end_is_not_put_aside(world):
    filled(world)
    store = world.crash()
    store.caution.turn(1, lambda: None)
    store.caution.turn(2, lambda: None)
    world.steps.run()
    world.get(store.save(record(1, due=None, done=5.0)))
    world.crash()
    assert quarantine(world) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE name = 'starts'",
        "UPDATE meta SET value = -5 WHERE name = 'starts'",
        "UPDATE meta SET value = 9223372036854775807 WHERE name = 'starts'",
        "INSERT INTO handled VALUES (-9223372036854775808), (9223372036854775807), (77)",
    ],
)
def test_o05_damaged_values_are_no_trouble(world, statement):
    filled(world)
    world.store._connection.execute(statement)
    world.crash()
    world.crash()
    assert quarantine(world) == []
    (starts,) = world.store._connection.execute(
        "SELECT value FROM meta WHERE name = 'starts'"
    ).fetchone()
    assert 2 <= starts <= 3


def test_o05_a_store_that_fails_holds_up_nobody(world, logged_errors):
    filled(world)
    store, begun = world.crash(), []
    store.caution.turn(1, partial(begun.append, 1))
    store._connection.execute("DROP TABLE handled")
    world.steps.run()
    assert store.failed is not None
    assert not world.steps.clock.getDelayedCalls()
    logged_errors._events.clear()


def test_o05_what_was_withdrawn_before_its_turn_does_no_harm(world):
    filled(world)
    caution, begun = world.crash().caution, []
    for number in (1, 2):
        caution.turn(number, partial(begun.append, number))
    caution.leave(1)
    caution.leave(2)
    world.steps.run()
    assert begun == [1]
    world.steps.after(1.0)
    assert begun == [1, 2]
    world.steps.after(1.0)
    assert not caution.is_busy


def test_o05_a_stop_in_order_is_no_failed_start(world):
    filled(world)
    for _ in range(5):
        store = world.restart()
        assert store.caution is None
    assert quarantine(world) == []


def test_o05_a_start_that_lasted_is_no_failed_start(world):
    filled(world)
    for _ in range(5):
        world.steps.after(60.0)
        assert world.crash().caution is None


def test_o05_a_start_that_did_not_last_is_followed_by_caution_until_one_lasts(world):
    filled(world)
    world.steps.after(59.0)
    store = world.crash()
    assert store.caution is not None
    assert store.caution.concerns(5)
    assert not store.caution.concerns(store.next_number())
    world.steps.after(60.0)
    assert store.caution is None
    assert world.crash().caution is None


def test_o05_who_waited_goes_on_when_the_start_has_lasted(world):
    filled(world)
    caution, begun = world.crash().caution, []
    for number in (1, 2, 3):
        caution.turn(number, partial(begun.append, number))
    assert begun == []  # the disk does not know yet
    world.steps.run()
    assert begun == [1]
    world.steps.after(1.0)  # alive, though nobody has answered
    assert begun == [1, 2]
    caution.lasted()
    assert begun == [1, 2, 3]
    assert not caution.concerns(4)


def test_o05_nothing_begins_before_the_disk_knows(world):
    filled(world)
    store, begun = world.crash(), []
    store.caution.turn(4, partial(begun.append, 4), (4, 5))
    world.steps.turn()
    world.steps.work()
    marked = store._connection.execute("SELECT number FROM handled").fetchall()
    assert (marked, begun) == ([(4,), (5,)], [])
    world.steps.run()
    assert begun == [4]
    store.caution.leave(4)
    world.steps.run()
    assert store._connection.execute("SELECT number FROM handled").fetchall() == []


def test_o05_a_close_while_some_wait_begins_nothing(world):
    filled(world)
    caution, begun = world.crash().caution, []
    caution.turn(1, partial(begun.append, 1))
    caution.turn(2, partial(begun.append, 2))
    world.close()
    world.steps.after(99.0)
    assert begun in ([], [1])
    assert not world.steps.clock.getDelayedCalls()


class Receiver:
    """An outlet that keeps what it is given."""

    def __init__(self):
        self.given = []
        self.flushed = 0

    def is_open(self):
        return True

    def has_room(self, _):
        return True

    def send(self, each, told):
        if each.number == 3:
            raise ValueError("refused")
        self.given.append((each, told))

    def flush(self):
        self.flushed += 1


class Queue:
    def __init__(self, outlet):
        self.outlet = outlet
        self.woken = 0

    def go_on(self):
        self.woken += 1


def test_o05_a_message_centre_sends_one_at_a_time(world):
    filled(world)
    store, receiver, told = world.crash(), Receiver(), []
    queue = Queue(receiver)
    take_care(queue, store)
    take_care(queue, store)
    assert isinstance(queue.outlet, OneByOne)
    assert queue.outlet._outlet is receiver
    for number in (1, 2, 3):
        queue.outlet.send(record(number), lambda result, each: told.append((result, each.number)))
    assert not queue.outlet.has_room(record(4))
    world.steps.run()
    assert [each.number for each, _ in receiver.given] == [1]
    each, tell = receiver.given[0]
    tell("taken", each)
    world.steps.run()
    assert told == [("taken", 1)]
    assert [each.number for each, _ in receiver.given] == [1, 2]
    assert queue.woken == 0
    world.steps.after(1.0)
    assert told[1][1] == 3
    world.steps.run()
    assert queue.outlet.has_room(record(4))
    assert queue.woken == 1
    new = record(store.next_number())
    queue.outlet.send(new, None)
    assert receiver.given[-1] == (new, None)


def test_o05_without_fear_nothing_is_between(world):
    filled(world)
    for store in (world.restart(), MemoryStore()):
        queue = Queue(Receiver())
        take_care(queue, store)
        assert isinstance(queue.outlet, Receiver)


def left(world, data=(None, None, None)):
    """Messages of an outbox that an earlier process has left."""
    store = world.open()
    pdu = SubmitSM(destination_addr="1", short_message=b"hi").encode()
    for each in data:
        number = store.next_number()
        kept = record(number, "outbox:link", pdu=pdu, data=each)
        kept.kind = 3
        world.get(store.add(kept))


def loaded(world):
    outbox, messages = Outbox(world.crash(), "link", now=lambda: 0.0), []
    caution = outbox.store.caution
    journal = outbox
    if caution is not None:
        journal = outbox.keeper = PartByPart(outbox, caution)
    loading = outbox.load(lambda: 0.0, lambda message, _: messages.append(message), None)
    assert world.get(Deferred.fromCoroutine(loading)) == len(messages)
    return journal, messages


def send(journal, part, told):
    part.progress = Progress.SENDING
    return journal.attempting(part, lambda each, error: told.append(each))


def test_o05_an_outbox_sends_message_by_message(world):
    left(world)
    journal, messages = loaded(world)
    told = []
    first, second, third = (message.parts[0] for message in messages)
    for part in (first, second, third):
        assert not send(journal, part, told)
    world.steps.run()
    assert told == [first]
    messages[2].changed()  # whose turn it is not
    world.steps.run()
    assert told == [first]
    first.progress = Progress.ACCEPTED
    messages[0].changed()
    world.steps.run()
    assert told == [first, second]
    world.steps.after(1.0)
    assert told == [first, second, third]
    world.steps.after(60.0)
    told.clear()
    assert not send(journal, second, told)
    world.steps.run()
    assert told == [second]


def test_o05_all_parts_of_a_message_are_put_aside(world, logged_errors):
    left(world, [{"first": 1, "part": 1, "of": 2}, {"first": 1, "part": 2, "of": 2}, None])
    journal, messages = loaded(world)
    assert len(messages) == 2
    send(journal, messages[0].parts[1], [])
    world.steps.run()
    _, messages = loaded(world)
    assert [each[0] for each in quarantine(world)] == [1, 2]
    assert len(messages) == 1
    assert len(events(logged_errors)) == 2
