"""An ESME on twisted_smpp that keeps its window full: one Deferred for each message.

    bin/smpp_sink --port 2775 &
    python client.py --port 2775 --window 100 --count 100000

The callback of each response sends the next request. One JSON line: messages per second,
CPU microseconds per message (user and system), and the round trip, timed for about one
message in ``count / 2000`` so that timing costs nothing to speak of. Exit status 1 when a
message was refused or lost. --profile writes cProfile statistics; the timing is then no
longer worth anything.
"""

import argparse
import cProfile
import json
import sys
import time

from bench_common import TEXT, quantile
from twisted.internet import endpoints, reactor

from twisted_smpp import ESMEFactory, SubmitSM


class Load:
    """``count`` messages on one session, ``window`` of them outstanding.

    The functions of a run share variables instead of attributes: what is measured is the
    library, and the harness should weigh no more than it must.
    """

    figures = None

    def __init__(self, window, count):
        self.window, self.count = window, count
        self.failed = 0
        self.error = None
        self.timed_each = max(1, count // 2000)
        self.latencies = []

    def begin(self, protocol):
        request, count = protocol.request, self.count
        sent = done = 0
        next_timed = self.timed_each

        def send():
            nonlocal sent, next_timed
            sent += 1
            answer = request(
                SubmitSM(
                    source_addr_ton=5,
                    source_addr="TestApp",
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    destination_addr="491761234567",
                    registered_delivery=1,
                    short_message=TEXT,
                )
            )
            if sent == next_timed:
                next_timed += self.timed_each
                answer.addCallback(self.timed, time.perf_counter_ns())
            answer.addCallbacks(answered, refused)

        def answered(response):
            nonlocal done
            done += 1
            if sent < count:
                send()
            elif done == count:
                self.end(wall, cpu)
                protocol.unbind()

        def refused(failure):
            self.failed += 1
            self.error = self.error or failure.getErrorMessage()
            if protocol.bound:
                answered(None)

        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(min(self.window, count)):
            send()

    def timed(self, response, sent_at):
        self.latencies.append(time.perf_counter_ns() - sent_at)
        return response

    def end(self, wall, cpu):
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        ordered = sorted(self.latencies)
        self.figures = {
            "client": "twisted_smpp",
            "window": self.window,
            "count": self.count,
            "ok": self.count - self.failed,
            "failed": self.failed,
            "msgs_per_s": round(self.count / wall),
            "cpu_us_per_msg": round(cpu / self.count * 1e6, 3),
            "p50_us": quantile(ordered, 0.5) if ordered else 0,
            "p99_us": quantile(ordered, 0.99) if ordered else 0,
        }


def run(options):
    load = Load(options.window, options.count)

    def lost(protocol, why):
        if load.figures is None:
            load.error = load.error or why
        reactor.stop()

    def not_connected(failure):
        load.error = failure.getErrorMessage()
        reactor.stop()

    factory = ESMEFactory(
        "bench", "secret", window=options.window, on_bound=load.begin, on_lost=lost
    )
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", options.port)
    endpoint.connect(factory).addErrback(not_connected)
    reactor.run()
    return load


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=2775)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--profile", metavar="FILE")
    options = parser.parse_args()
    if options.profile:
        profile = cProfile.Profile()
        try:
            load = profile.runcall(run, options)
        finally:
            profile.dump_stats(options.profile)
    else:
        load = run(options)
    if load.figures:
        print(json.dumps(load.figures), flush=True)
    if load.error:
        print(load.error, file=sys.stderr)
    return 0 if load.figures and not load.failed else 1


if __name__ == "__main__":
    sys.exit(main())
