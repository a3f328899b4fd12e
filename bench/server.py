"""The thinnest message centre that twisted_smpp can be: each submit_sm is given an id.

    python server.py --port 2775            then: bin/smpp_pump --port 2775 --window 100

Any bind is accepted. It runs until SIGTERM or Ctrl-C and is measured from outside
(smpp_pump --peer-pid). --profile writes cProfile statistics at the end; the timing is then
no longer worth anything.
"""

import argparse
import cProfile
import itertools

from bench_common import raise_fd_limit
from twisted.internet import endpoints, reactor

from twisted_smpp import SMSCFactory, SubmitSM, SubmitSMResp


def accept(session, request):
    """Any bind is good."""


def make_factory():
    numbers = itertools.count(1)

    def submitted(session, request):
        if request.__class__ is SubmitSM:
            return SubmitSMResp(message_id=f"{next(numbers):016x}")
        return None

    return SMSCFactory(accept, on_request=submitted)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=2775, help="0 takes a free one")
    parser.add_argument("--print-port", action="store_true", help="print it once listening")
    parser.add_argument("--profile", metavar="FILE")
    options = parser.parse_args()
    raise_fd_limit()
    endpoint = endpoints.TCP4ServerEndpoint(
        reactor, options.port, backlog=4096, interface="127.0.0.1"
    )
    listening = endpoint.listen(make_factory())
    if options.print_port:
        listening.addCallback(lambda port: print(port.getHost().port, flush=True))
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
