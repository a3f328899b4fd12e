"""An application that sends a text of any length and waits for the receipts of its parts.

    python send_long.py ENDPOINT SYSTEM_ID PASSWORD_FILE DESTINATION TEXT

Each part has an id and a receipt of its own. A receipt may come before the response that
gives the id: then it is kept until the id is known.
"""

import sys
from collections import deque
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import NPI, TON, ESMEService, MessageState, RegisteredDelivery
from twisted_smpp.errors import RequestRefused
from twisted_smpp.text import MessageIds, References, TextRules, plan

SOURCE = "Shop"
RULES = TextRules(transliterate=True)


class Receipts:
    """Who waits for which receipt."""

    def __init__(self):
        self._ids = MessageIds()
        self._early = deque(maxlen=10_000)

    def expect(self, message_id):
        """A Deferred that fires with the final receipt of a message."""
        final = Deferred()
        self._ids.add(message_id, final)
        for _ in range(len(self._early)):
            self.receive(self._early.popleft())
        return final

    def receive(self, receipt, pdu=None):
        """For ``on_receipt``: what it returns, None, is ESME_ROK."""
        final = self._ids.match(receipt.message_id)
        if final is None:
            self._early.append(receipt)
        elif receipt.final and receipt.message_state != MessageState.ACCEPTED:
            self._ids.discard(receipt.message_id, final)
            if not final.called:
                final.callback(receipt)


async def send_text(esme, references, receipts, destination, text):
    """Submits a text, part after part: what follows one that is refused is not sent.

    Returns Deferreds, which fire with the receipt of each part.
    """
    found = plan(text, RULES)
    waiting = []
    for segment in found.segments(references.next(SOURCE, destination)):
        response = await esme.submit_sm(
            source_addr_ton=TON.ALPHANUMERIC,
            source_addr=SOURCE,
            dest_addr_ton=TON.INTERNATIONAL,
            dest_addr_npi=NPI.ISDN,
            destination_addr=destination,
            registered_delivery=RegisteredDelivery.RECEIPT,
            **segment.fields,
        )
        print(f"part {segment.number} of {segment.total} accepted as {response.message_id}")
        waiting.append(receipts.expect(response.message_id))
    return waiting


async def main(reactor, endpoint, system_id, password_file, destination, text):
    receipts = Receipts()
    password = Path(password_file).read_text().strip()
    esme = ESMEService(
        endpoint,
        system_id,
        password,
        on_receipt=receipts.receive,
        on_state=lambda change: print(change.reason, file=sys.stderr),
        reactor=reactor,
    )
    esme.startService()
    await esme.when_bound().addTimeout(10, reactor)
    try:
        for each in await send_text(esme, References(), receipts, destination, text):
            receipt = await each.addTimeout(60, reactor)
            print(receipt.message_id, "is", receipt.stat)
    except RequestRefused as refusal:
        print("the message centre said no:", refusal)
    finally:
        await esme.stopService()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
