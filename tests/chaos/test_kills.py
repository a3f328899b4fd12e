"""kill -9 at any time, again and again: nothing that was acknowledged is lost.

The two ledgers are kept by the ESMEs, outside of the daemon. ``CHAOS_KILLS`` and ``CHAOS_SEED``
choose how many kills there are, and when.
"""

import os
import random
import time
from collections import Counter

import pytest
from chaos_kit import IN_CI, Peer, SinkESME, Source, ledgers_agree, wait_until

from twisted_smpp.wire.pdus import QuerySM

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

KILLS = int(os.environ.get("CHAOS_KILLS", "0")) or (25 if IN_CI else 6)
#: What waits grows from kill to kill; so there are some rounds rather than a long one.
KILLS_OF_A_ROUND = 25
ROUNDS = [min(KILLS_OF_A_ROUND, KILLS - i) for i in range(0, KILLS, KILLS_OF_A_ROUND)]
SEED = int(os.environ.get("CHAOS_SEED", "0")) or (20 if IN_CI else random.randrange(1, 1 << 32))


@pytest.mark.parametrize(("round_number", "kills"), list(enumerate(ROUNDS)))
def test_d01_d02_nothing_acknowledged_is_lost_by_kill_9(smsc, ledger, round_number, kills):
    print(f"CHAOS_SEED={SEED}")
    chance = random.Random(SEED + round_number)
    daemon = smsc()
    source = Source(daemon, ledger("accepted"))
    sink = SinkESME(daemon, ledger("delivered"))
    unknown = Counter()
    with sink:
        with source:
            for _ in range(kills):
                daemon.start()
                time.sleep(chance.uniform(0.1, 1.6))  # it listens after about 0.5 s
                assert daemon.process.poll() is None, daemon.tail()
                daemon.kill()
                unknown += daemon.unfinished()
        daemon.up()
        accepted = dict(line.split() for line in source.ledger.lines())
        wait_until(lambda: accepted.keys() <= sink.got.keys(), 60, "the last delivery")
        # It answers meanwhile: what it has not answered when it ends is not delivered.
        everything_is_known(daemon, list(accepted.values()))
    assert len(accepted) > 10 * kills  # there was something to lose
    # At a kill, the receiver may have answered what has no end on the disk yet: that comes again.
    ledgers_agree(source, sink, unknown)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.log.read_text(), daemon.tail()


def everything_is_known(daemon, message_ids):
    """query_sm finds every message, and says that it was delivered."""
    assert len(set(message_ids)) == len(message_ids)
    with Peer(daemon.port) as peer:
        for begin in range(0, len(message_ids), 50):
            part = message_ids[begin : begin + 50]
            # The last ones were received, perhaps, and their answers are on the way.
            wait_until(lambda part=part: states(peer, part) == {2}, what="the end of each")


def states(peer, message_ids):
    answers = peer.ask([QuerySM(message_id=each, source_addr="1") for each in message_ids])
    assert {int(each.command_status) for each in answers} == {0}
    return {int(each.message_state) for each in answers}
