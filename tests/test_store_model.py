"""A store against a plain dict, whatever is done with it; one in a file, restarts included."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_kit import MemoryWorld, World, columns, record
from twisted.internet.defer import Deferred

TIMES = st.none() | st.integers(0, 6).map(float)
QUEUES = st.sampled_from(["a", "b"])
MOSTS = st.integers(1, 4)


class StoreAgainstModel(RuleBasedStateMachine):
    make = World

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = self.make(Path(self.folder.name) / "store")
        self.world.open()
        self.model = {}
        self.last = 0
        #: Not yet given time to be written.
        self.open = []

    def teardown(self):
        self.world.steps.run()
        if self.make is World:
            self.world.abandon()
        self.folder.cleanup()

    @rule(queue=QUEUES, due=TIMES, done=TIMES, expires=TIMES)
    def add(self, **fields):
        number = self.world.store.next_number()
        assert number > self.last
        self.last = number
        new = record(number, **fields)
        self.open.append(self.world.store.add(new))
        self.model[number] = new

    @rule(data=st.data(), queue=QUEUES, due=TIMES, done=TIMES, expires=TIMES)
    def save(self, data, **fields):
        if self.model:
            number = data.draw(st.sampled_from(sorted(self.model)))
            new = record(number, **fields)
            self.open.append(self.world.store.save(new))
            self.model[number] = new

    @rule(data=st.data(), state=st.integers(0, 9), tries=st.integers(0, 9))
    def mark(self, data, state, tries):
        number = data.draw(st.sampled_from([*sorted(self.model), self.last + 1]))
        written = Deferred()

        def told(contexts, error):
            assert contexts == [number]
            written.callback(error)

        done = self.world.store.mark(number, state, tries, told, number)
        self.open.append(None if done else written)
        if number in self.model:
            self.model[number].state, self.model[number].tries = state, tries

    @rule(data=st.data(), as_row=st.booleans(), due=TIMES, done=TIMES)
    def change(self, data, as_row, **fields):
        if self.model:
            number = data.draw(st.sampled_from(sorted(self.model)))
            new = record(number, **fields)
            given = new.row() if as_row else new
            self.world.store.change(number, given, lambda contexts, error: None, None)
            self.model[number] = new

    @rule(data=st.data())
    def remove(self, data):
        if self.model:
            number = data.draw(st.sampled_from(sorted(self.model)))
            self.open.append(self.world.store.remove(number))
            del self.model[number]

    @rule(before=st.integers(0, 6).map(float), surplus=st.integers(0, 5), most=MOSTS)
    def purge(self, before, surplus, most):
        done = sorted((e.done, n) for n, e in self.model.items() if e.done is not None)
        gone = [
            number
            for place, (since, number) in enumerate(done)
            if since < before or place < surplus
        ][:most]
        assert self.world.get(self.world.store.ended()) == len(done)
        assert self.world.get(self.world.store.purge(before, surplus, most)) == len(gone)
        for number in gone:
            del self.model[number]

    @rule()
    def wait(self):
        self.world.steps.run()

    @rule(queue=QUEUES, now=st.integers(0, 6).map(float), most=MOSTS)
    def due(self, queue, now, most):
        found = self.world.get(self.world.store.due(queue, now, most))
        wanted = sorted(
            (e.due, n)
            for n, e in self.model.items()
            if e.queue == queue and e.due is not None and e.due <= now
        )
        assert [each.number for each in found] == [number for _, number in wanted[:most]]

    @rule(now=st.integers(0, 6).map(float), most=MOSTS)
    def expired(self, now, most):
        found = self.world.get(self.world.store.expired(now, most))
        wanted = sorted(
            (e.expires, n)
            for n, e in self.model.items()
            if e.due is not None and e.expires is not None and e.expires <= now
        )
        assert [each.number for each in found] == [number for _, number in wanted[:most]]

    @invariant()
    def holds_what_the_model_holds(self):
        if self.world.steps.in_thread or len(self.model) > 40:
            return
        store = self.world.store
        for queue in ("a", "b"):
            found = self.world.get(store.unfinished(queue, 0, 99))
            wanted = [
                e.row()
                for _, e in sorted(self.model.items())
                if e.queue == queue and e.done is None
            ]
            assert [columns(each) for each in found] == wanted
        waiting = {}
        for each in self.model.values():
            if each.due is not None:
                count, earliest = waiting.get(each.queue, (0, 9.0))
                waiting[each.queue] = (count + 1, min(earliest, each.due))
        assert self.world.get(store.waiting()) == waiting
        assert all(each is None or each.called for each in self.open)
        self.open.clear()


class FileAgainstModel(StoreAgainstModel):
    @rule()
    def restart(self):
        self.world.restart()

    @rule()
    def crash(self):
        self.world.steps.run()
        self.world.crash()


class MemoryAgainstModel(StoreAgainstModel):
    make = MemoryWorld


FEW = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestFileAgainstModel = FileAgainstModel.TestCase
TestFileAgainstModel.settings = FEW
TestMemoryAgainstModel = MemoryAgainstModel.TestCase
TestMemoryAgainstModel.settings = FEW


CHANGES = st.tuples(st.sampled_from(["save", "remove", "mark", "ask"]), st.integers(1, 3))


@settings(max_examples=100, deadline=None)
@given(changes=st.lists(CHANGES, max_size=8))
def test_what_is_asked_for_in_one_turn_is_done_in_its_order(changes):
    with tempfile.TemporaryDirectory() as folder:
        worlds = [World(Path(folder) / "store"), MemoryWorld(Path(folder))]
        for world in worlds:
            store = world.open()
            for number in (1, 2):
                store.next_number()
                store.add(record(number, due=None))
            world.steps.run()
            for place, (change, number) in enumerate(changes, 10):
                if change == "save":
                    store.save(record(number, due=None, tries=place))
                elif change == "remove":
                    store.remove(number)
                elif change == "mark":
                    store.mark(number, place, place, lambda contexts, error: None, None)
                else:
                    store.get(number)
            world.steps.run()
        file, memory = [
            [columns(each) for each in world.get(world.store.unfinished("link", 0, 9))]
            for world in worlds
        ]
        worlds[0].abandon()
        assert file == memory
