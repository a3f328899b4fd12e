"""An application that prints the texts it receives, long ones whole.

python receive.py ENDPOINT SYSTEM_ID PASSWORD_FILE
"""

import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import ESMEService


def show(message):
    """For ``on_message``: what it returns, None, is ESME_ROK."""
    text = f"{len(message.octets)} octets" if message.text is None else repr(message.text)
    gaps = "".join(f" [part {number} is missing]" for number in message.missing)
    print(f"{message.source}: {text}{gaps}", flush=True)


async def main(reactor, endpoint, system_id, password_file):
    password = Path(password_file).read_text().strip()
    esme = ESMEService(
        endpoint,
        system_id,
        password,
        on_message=show,
        on_state=lambda change: print(change.reason, file=sys.stderr),
        reactor=reactor,
    )

    async def stop():
        await esme.stopService()
        esme.hand_over()  # what has come of messages that are not complete

    esme.startService()
    reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(stop()))
    await Deferred()  # until it is interrupted


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
