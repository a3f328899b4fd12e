"""An application that prints the texts it receives, long ones whole.

python receive.py ENDPOINT SYSTEM_ID PASSWORD_FILE
"""

import sys
from pathlib import Path

from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import ESMEService
from twisted_smpp.text import Part, Reassembly, TextRules

RULES = TextRules()


class Inbox:
    """Puts the parts together, and calls ``show`` with the sender and the text of each message."""

    def __init__(self, clock, show):
        self._clock = clock
        self._show = show
        self._parts = Reassembly(seconds=600)

    def receive(self, pdu):
        """For ``on_message``: what it returns, None, is ESME_ROK."""
        source, destination = pdu.source_addr, pdu.destination_addr
        now = self._clock.seconds()
        self._hand_over(self._parts.add("link 1", source, destination, Part.of(pdu), now))

    def expire(self):
        """Hands over what has waited for too long; to be called now and then."""
        self._hand_over(self._parts.expire(self._clock.seconds()))

    def _hand_over(self, messages):
        for message in messages:
            text = " ".join(each.text or "(no text)" for each in message.decode(RULES))
            gaps = "".join(f" [part {number} is missing]" for number in message.missing)
            self._show(message.source, text + gaps)


async def main(reactor, endpoint, system_id, password_file):
    def show(source, text):
        print(f"{source}: {text!r}", flush=True)

    inbox = Inbox(reactor, show)
    password = Path(password_file).read_text().strip()
    esme = ESMEService(endpoint, system_id, password, on_message=inbox.receive, reactor=reactor)
    timer = TimerService(10, inbox.expire)
    esme.startService()
    timer.startService()
    reactor.addSystemEventTrigger("before", "shutdown", timer.stopService)
    reactor.addSystemEventTrigger("before", "shutdown", esme.stopService)
    await Deferred()  # until it is interrupted


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
