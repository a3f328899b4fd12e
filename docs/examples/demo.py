"""Watch an SMS travel to a message centre and its receipt come back.

Starts ``twistd smpp smsc`` in a process of its own, binds an ESME to it over TCP, submits
"Hello World! 👋" and waits for the delivery receipt. Every PDU that passes is printed in
one line: ``->`` goes to the message centre, ``<-`` comes from it.
"""

import os
import socket
import sys
import tempfile
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import react

from twisted_smpp import NPI, TON, ESMEService, RegisteredDelivery
from twisted_smpp.text import segments
from twisted_smpp.trace import line

TEXT = "Hello World! 👋"
DESTINATION = "491761234567"
SECONDS = 30


class MessageCentre(ProcessProtocol):
    """The process of ``twistd smpp smsc``; its log goes to a file."""

    def __init__(self, reactor, folder, port):
        self.ended = Deferred()
        self.log = Path(folder, "smsc.log").open("wb")
        twistd = str(Path(sys.executable).with_name("twistd"))
        arguments = [twistd, "--nodaemon", "--pidfile=", "smpp", "smsc"]
        arguments += ["--listen", f"tcp:{port}:interface=127.0.0.1"]
        arguments += ["--auth", "memory:smppclient1:password", "--store", "memory"]
        self.process = reactor.spawnProcess(self, twistd, arguments, env=os.environ, path=folder)

    def outReceived(self, data):
        self.log.write(data)

    errReceived = outReceived

    def processEnded(self, reason):
        self.log.close()
        self.ended.callback(reason.value.exitCode)

    async def stop(self):
        if not self.ended.called:
            self.process.signalProcess("TERM")
        return await self.ended


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def send_one(reactor, port):
    final = Deferred()
    esme = ESMEService(
        f"tcp:127.0.0.1:{port}",
        "smppclient1",
        "password",
        on_receipt=lambda receipt, pdu: final.callback(receipt),
        taps=[lambda direction, pdu, octets, time: print(line(direction, pdu, time), flush=True)],
        first_delay=0.2,
        reactor=reactor,
    )
    esme.startService()
    try:
        await esme.when_bound().addTimeout(SECONDS, reactor)
        (segment,) = segments(TEXT)
        response = await esme.submit_sm(
            source_addr_ton=TON.ALPHANUMERIC,
            source_addr="Demo",
            dest_addr_ton=TON.INTERNATIONAL,
            dest_addr_npi=NPI.ISDN,
            destination_addr=DESTINATION,
            registered_delivery=RegisteredDelivery.RECEIPT,
            **segment.fields,
        )
        receipt = await final.addTimeout(SECONDS, reactor)
        assert receipt.message_id == response.message_id
        return receipt
    finally:
        await esme.stopService()


async def main(reactor):
    port = free_port()
    print(f'Sending "{TEXT}" to {DESTINATION} through a message centre on port {port}.')
    with tempfile.TemporaryDirectory() as folder:
        smsc = MessageCentre(reactor, folder, port)
        try:
            receipt = await send_one(reactor, port)
        finally:
            exit_code = await smsc.stop()
    print(f"Message {receipt.message_id}: {receipt.stat}")
    if not receipt.delivered or exit_code:
        raise SystemExit(1)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
