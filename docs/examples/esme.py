"""An application that sends one message and prints its receipt.

    python esme.py ENDPOINT SYSTEM_ID PASSWORD_FILE

for example ``python esme.py tcp:127.0.0.1:2775 smppclient1 password.txt``.
"""

import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_smpp import NPI, TON, ESMEService, RegisteredDelivery
from twisted_smpp.errors import RequestRefused


async def main(reactor, endpoint, system_id, password_file):
    arrived = Deferred()
    service = ESMEService(
        endpoint,
        system_id,
        Path(password_file).read_text().strip(),
        on_receipt=lambda receipt, pdu: arrived.callback(receipt),
        on_state=lambda change: print(change.reason, file=sys.stderr),
        reactor=reactor,
    )
    service.startService()
    await service.when_bound().addTimeout(10, reactor)
    try:
        response = await service.submit_sm(
            source_addr_ton=TON.ALPHANUMERIC,
            source_addr="Shop",
            dest_addr_ton=TON.INTERNATIONAL,
            dest_addr_npi=NPI.ISDN,
            destination_addr="491761234567",
            registered_delivery=RegisteredDelivery.RECEIPT,
            short_message=b"Your parcel is here",
        )
        print("accepted as", response.message_id)
        receipt = await arrived.addTimeout(60, reactor)
        print(receipt.message_id, "is", receipt.stat)
    except RequestRefused as refusal:
        print("the message centre said no:", refusal)
    finally:
        await service.stopService()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
