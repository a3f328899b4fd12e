"""The message centre with its store, as ``twistd smpp smsc`` runs it.

    python centre.py --port 2775 --store memory       then: bin/smpp_pump --port 2775 --window 100
    python centre.py --port 2775 --store /tmp/bench   with SQLite and synchronous=FULL

The accounts are "bench" with the password "bench", and that of smpp_pump; every message counts as
delivered at once, with a receipt where one is asked for. It runs until SIGTERM or Ctrl-C and is
measured from outside (smpp_pump --peer-pid). --profile writes cProfile statistics at the end.
"""

import argparse
import cProfile
from pathlib import Path

from bench_common import raise_fd_limit
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor

from twisted_smpp import MemoryStore, MessageCentre, SMSCService, SQLiteStore
from twisted_smpp.daemon.collector import freeze_when_running


def make_store(where):
    if where == "memory":
        return MemoryStore()
    Path(where).mkdir(parents=True, exist_ok=True)
    return SQLiteStore(Path(where) / "messages.db")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=2775, help="0 takes a free one")
    parser.add_argument("--print-port", action="store_true", help="print it once listening")
    parser.add_argument("--store", default="memory", help='"memory" or a folder')
    parser.add_argument("--window", type=int, default=100, help="of deliveries")
    parser.add_argument("--profile", metavar="FILE")
    options = parser.parse_args()
    raise_fd_limit()
    store = make_store(options.store)
    store.open()
    centre = MessageCentre(store)
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.users = {b"bench": b"bench", b"pump": b"secret"}
    service = SMSCService(
        f"tcp:{options.port}:interface=127.0.0.1:backlog=4096",
        Portal(centre, [checker]),
        window=options.window,
        max_unanswered=2000,
    )
    reactor.callWhenRunning(service.startService)
    reactor.callWhenRunning(centre.start)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.addSystemEventTrigger("before", "shutdown", centre.stop)
    reactor.addSystemEventTrigger("during", "shutdown", store.close)
    if options.print_port:
        reactor.callWhenRunning(
            lambda: service.when_listening().addCallback(
                lambda port: print(port.getHost().port, flush=True)
            )
        )
    freeze_when_running(reactor)
    if options.profile:
        profile = cProfile.Profile()
        try:
            profile.runcall(reactor.run)
        finally:
            profile.dump_stats(options.profile)
    else:
        reactor.run()


if __name__ == "__main__":
    main()
