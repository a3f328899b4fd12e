"""What has to hold after each move of a schedule, and at its end."""

from __future__ import annotations

from typing import Any

from swarm_model_kit import FINAL, Item, Message

from twisted_smpp.smsc.dispatch import MOST_READY, READY_OCTETS
from twisted_smpp.smsc.kinds import RECEIPT
from twisted_smpp.smsc.outlets import Sessions, Sink
from twisted_smpp.testing import success
from twisted_smpp.text.receipt import Receipt
from twisted_smpp.values import MessageState as M
from twisted_smpp.wire.pdu import decode

#: Octets that wait for a peer and are not read, at most (R7).
MOST_UNREAD = 262_144
LONGEST_PDU = 400
#: After everything is well, so long may it take until nothing is left to do.
MOST_SECONDS = 4000


def look(life: Any) -> None:
    """After each move: nothing wrong was seen, and the books agree.

    Raises:
        AssertionError: with the seed.
    """
    world, found = life.world, list(life.model.wrongs)
    for queue, dispatch in world.centre.dispatches.items():
        found += [f"{queue}: {each}" for each in dispatch_wrongs(world, dispatch)]
    for pair in world.pairs:
        unread = len(pair.smsc_transport.written)
        if unread > MOST_UNREAD:
            found.append(f"I10: {unread} octets wait for a peer")
        if pair.smsc.session.in_flight > pair.smsc.session.window:
            found.append(f"I9: {pair.smsc.session.in_flight} in flight")
    found += traffic_wrongs(life)
    assert not found, f"seed {life.seed}: " + "\n".join(found)


def dispatch_wrongs(world: Any, dispatch: Any) -> list[str]:
    """What does not fit together in one queue."""
    found = []
    octets = sum(len(each.pdu) for each in dispatch._ready)
    if octets != dispatch._octets or octets > READY_OCTETS + LONGEST_PDU:
        found.append(f"I10: {octets} octets are ready, {dispatch._octets} in the books")
    if len(dispatch._ready) > MOST_READY:
        found.append(f"I10: {len(dispatch._ready)} are ready")
    if dispatch._here.keys() != dispatch._in_flight | {e.number for e in dispatch._ready}:
        found.append("I9: what is here is neither ready nor in flight")
    if dispatch.count < 0:
        found.append(f"I15: {dispatch.count} wait")
    if isinstance(dispatch.outlet, Sessions):
        numbers = flying(world, dispatch.outlet)
        held = dispatch._in_flight.difference(numbers)
        if len({*numbers} & dispatch._in_flight) < len(numbers) or len(held) > replacing(world):
            found.append(f"I9: {numbers} are in the windows, {dispatch._in_flight} in flight")
    elif isinstance(dispatch.outlet, Sink):
        count = len(dispatch.outlet._in_flight)
        if not count <= dispatch.in_flight <= count + replacing(world):
            found.append(f"I9: the sink has {count}, {dispatch.in_flight} are in flight")
    return found


def flying(world: Any, sessions: Sessions) -> list[int]:
    """The numbers of the records that are in the windows of an account, or wait for them."""
    found = []
    for protocol in world.service.factory.connections:
        waiting = [told for _, _, told in protocol._waiting or ()]
        for told in [each.context for each in protocol.session._pending.values()] + waiting:
            if getattr(told, "sessions", None) is sessions:
                found.append(told.record.number)
    return found


def replacing(world: Any) -> int:
    """How many submissions wait until they have replaced what is there: they are held."""
    return sum(
        bool(getattr(pdu, "replace_if_present_flag", 0))
        for wire in world.model.wires
        for pdu in wire.asked.values()
    )


def traffic_wrongs(life: Any) -> list[str]:
    """Whether what the centre counts is what was said."""
    found = []
    model, centre = life.model, life.world.centre
    for name, customer in centre.customers.items():
        said, taken = model.accepted.get(name, 0), model.answered.get(name, 0)
        unheard = sum(e.owner == name and e.status == "asked" for e in model.messages)
        if not said <= customer.accepted <= said + unheard:
            found.append(f"I15: {name} has {customer.accepted} accepted, and not {said}")
        if customer.sessions.delivered != taken:
            found.append(f"I15: {name} has {customer.sessions.delivered} taken, and not {taken}")
    return found


# The end.


def heal(life: Any) -> None:
    """All that was wrong outside is well again, and everybody is there: nothing may be left."""
    world, model = life.world, life.model
    life.is_healed = True
    if world.step:
        model.jumps_now()
        world.step = 0.0
    for pair in list(world.pairs):
        if not pair.esme_transport.lost:
            pair.drop()
    life.late.clear()
    for deferred, attempt in life.app.open:
        life.app.answer(deferred, attempt, True)
    life.app.open.clear()
    world.turn(6)  # the sweep has seen the wall clock
    for name in ("shop", "bank", "news"):
        life._connect(name, "transceiver", 0x34)
    world.turn(1)
    late = [each for each in due(world) if each.queue.startswith("account:")]
    model.wrongs += [f"D30: {each.number} of {each.queue} still waits" for each in late]
    begin = world.clock.seconds()
    while world.clock.seconds() < begin + MOST_SECONDS:
        for message_id, destination in life.app.taken:
            life.app.report(message_id, destination, M.DELIVERED)
        if not waiting(world):
            break
        world.turn(1 if world.clock.seconds() % 10 else 10)
    else:
        model.wrong("D23", f"{waiting(world)} still wait")
    world.turn(1)
    look(life)


def due(world: Any) -> list[Any]:
    """What waits and was never refused; what is tried again later may rest until then."""
    found: list[Any] = world.query_all("due <= ? AND tries = 0", world.now())
    return found


def waiting(world: Any) -> dict[str, int]:
    """How many wait in each queue, but for those that nobody is to get any more."""
    if world.kind == "memory":
        counts = {queue: count for queue, (count, _) in success(world.store.waiting()).items()}
    else:
        counts = dict(
            world.store._connection.execute(
                "SELECT queue, count(*) FROM message WHERE due IS NOT NULL GROUP BY queue"
            )
        )
    return {queue: count for queue, count in counts.items() if not queue.startswith("dead:")}


def judge(life: Any) -> None:
    """Each message has its end, and each receipt has come.

    Raises:
        AssertionError: with the seed.
    """
    world, model = life.world, life.model
    model.latest = max(model.latest, world.now())
    for queue, dispatch in world.centre.dispatches.items():
        if dispatch.count or dispatch._here:
            model.wrong("I15", f"{queue} still has {dispatch.count}")
    for pair in world.pairs:
        if pair.smsc.session.in_flight:
            model.wrong("I9", f"{pair.smsc.session.in_flight} are in flight at the end")
    for wire in model.wires:
        if wire.asked_for and not wire.protocol._lost and any(wire.asked.values()):
            model.wrong("I11", f"{wire.name} was not answered {list(wire.asked)}")
    dead = {
        (record.message_id, Receipt.of(pdu).message_state, pdu.source_addr): record
        for record in world.query_all("kind = ? AND queue LIKE 'dead:%'", RECEIPT)
        for pdu in [decode(record.pdu)]
    }
    for message in model.messages:
        if message.message_id and message.status != "refused":
            judge_message(life, message, dead)
        elif message.status == "refused" and message.attempts:
            model.wrong("I3", f"{message} was refused and delivered")
    assert not model.wrongs, f"seed {life.seed}: " + "\n".join(model.wrongs)


def judge_message(life: Any, message: Message, dead: dict[Any, Any]) -> None:
    """It has one end, for a reason."""
    model = life.model
    rows = [e for e in model.image(message.message_id) if e.destination == message.destination]
    if len(rows) != 1:
        model.wrong("I2", f"{message} is {len(rows)} times in the store")
        return
    (row,) = rows
    if row.state not in FINAL or row.done is None:
        model.wrong("I2", f"{message} is {M(row.state).name} at the end")
        return
    for each in message.attempts:
        each.look(model.seconds())
    model.state_told(message, row.state)
    if not reason(life, message, row):
        outcomes = [each.outcome for each in message.attempts]
        model.wrong("I2", f"{message} is {M(row.state).name} after {outcomes}")
    if message.is_cancelled and row.state != M.DELETED:
        model.wrong("I8", f"{message} was cancelled and is {M(row.state).name}")
    judge_receipts(life, message, row, dead)


def reason(life: Any, message: Message, row: Any) -> bool:
    """Whether there is one for its state."""
    model, state = life.model, row.state
    said = [each.state for each in message.attempts if each.outcome == "ok" or each.doubtful]
    if M.ACCEPTED in said:
        said += message.reported or sorted(FINAL)  # what counts is never heard after a crash
    if said and said[-1] != M.ACCEPTED and M.ACCEPTED not in said:
        return bool(state == said[-1])  # the one answer that is known counts
    if state in said:
        return True
    if state == M.DELIVERED:
        return message.came or life.receiver(message.destination, message.owner) == ""
    if state == M.EXPIRED:
        return any(each is not None and each <= model.latest for each in message.expires)
    if state == M.DELETED:
        return message.may_end
    if state == M.UNDELIVERABLE:
        is_refused = any(each.outcome == "final" for each in message.attempts)
        is_hopeless = message.failures >= model.keeping.attempts or bool(model.crashes)
        return (is_refused or is_hopeless) and bool((row.data or {}).get("why"))
    return False


def judge_receipts(life: Any, message: Message, row: Any, dead: dict[Any, Any]) -> None:
    """As many have come as were asked for."""
    model = life.model
    wants = {wants_receipt(each, row.state) for each in message.registered}
    if message.what == "broadcast_sm":
        wants = {False}
    for (state, is_intermediate), item in message.receipts.items():
        expected = M.ENROUTE if is_intermediate else row.state
        if state != expected:
            model.wrong("I7", f"{item} tells of {state}, and not {expected}")
    final = message.receipts.get((row.state, False), Item("none"))
    is_dead = (message.message_id, row.state, message.destination) in dead
    has_come = final.came or is_dead
    if has_come not in wants or (final.attempts and True not in wants):
        model.wrong("I7", f"{message} wants a receipt: {wants}, has one: {has_come}")
    if is_dead:
        record = dead[message.message_id, row.state, message.destination]
        if not (record.data or {}).get("why"):
            model.wrong("D15", f"{message}: its receipt is put aside without a reason")
    judge_intermediate(life, message, dead)


def judge_intermediate(life: Any, message: Message, dead: dict[Any, Any]) -> None:
    """It has come if the first try has failed, and it was asked for."""
    model = life.model
    item = message.receipts.get((M.ENROUTE, True), Item("none"))
    has_come = item.came or (message.message_id, M.ENROUTE, message.destination) in dead
    asked = {bool(each & 0x10) for each in message.ever}
    if has_come and True not in asked:
        model.wrong("I7", f"{message} has an intermediate notification")
    first = [each.outcome for each in message.attempts[:1]]
    has_failed = not model.crashes and first in (["refused"], ["timeout"])
    if asked == {True} and has_failed and not has_come:
        model.wrong("I7", f"{message} has no intermediate notification")


def wants_receipt(registered: int, state: int) -> bool:
    """By the bits (SMPP 5.0, 4.7.21): 1 always, 2 of a failure, 3 of a success."""
    kind = registered & 3
    is_success = state == M.DELIVERED
    return kind == 1 or (kind == 2 and not is_success) or (kind == 3 and is_success)
