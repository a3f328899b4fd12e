"""Other Python libraries, to be measured as client.py and server.py are.

    make peers                       once: they get an environment of their own, peers/
    bin/smpp_sink --port 2775 &
    peers/bin/python peers_e2e.py client smpplib --port 2775 --window 10 --count 20000
    peers/bin/python peers_e2e.py server smpp34 --port 2776

Clients: smpplib, aiosmpplib, smpp.twisted3, smpp34; they print one JSON line, as client.py does.
Servers: smpp.twisted3, smpp34; they take any bind, answer each submit_sm at once and run until
they are ended. aiosmpplib's own correlator walks all messages that await a receipt for each
submit_sm; here a plain dict takes its place, so that what is seen is the cost of the protocol
and not one that grows with the run. smpp.twisted3 asks for an older Twisted than ours.
"""

import argparse
import asyncio
import logging
import os

from bench_common import TEXT, Round

# Clients.


def smpplib(options):
    import smpplib.client
    from smpplib import consts

    client = smpplib.client.Client("127.0.0.1", options.port, timeout=20)
    client.connect()
    client.bind_transceiver(system_id="bench", password="secret")
    measured = Round("smpplib", options.window, options.count)
    client.set_message_sent_handler(lambda pdu, **_: measured.done(pdu.sequence))
    measured.start()
    while measured.answered < measured.count:
        while measured.free > 0:
            pdu = client.send_message(
                source_addr_ton=consts.SMPP_TON_ALNUM,
                source_addr_npi=0,
                source_addr="TestApp",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr="491761234567",
                short_message=TEXT,
                data_coding=0,
                esm_class=0,
                registered_delivery=True,
            )
            measured.send(pdu.sequence)
        client.read_once()
    measured.report()
    client.unbind()
    client.disconnect()


def aiosmpplib(options):
    from aiosmpplib import ESME, AbstractBroker, AbstractHook, PhoneNumber, SubmitSm, SubmitSmResp
    from aiosmpplib.correlator import SimpleCorrelator
    from aiosmpplib.state import NPI, TON

    source = PhoneNumber("TestApp", TON.ALPHANUMERIC, NPI.UNKNOWN)
    destination = PhoneNumber("491761234567", TON.INTERNATIONAL, NPI.ISDN)
    text = TEXT.decode()
    measured = Round("aiosmpplib", options.window, options.count)

    class Broker(AbstractBroker):
        def __init__(self):
            self.wake = asyncio.Event()

        async def enqueue(self, message):
            raise NotImplementedError

        async def dequeue(self):
            while measured.free <= 0:
                self.wake.clear()
                await self.wake.wait()
            key = str(measured.sent)
            measured.send(key)
            return SubmitSm(
                short_message=text,
                source=source,
                destination=destination,
                registered_delivery=1,
                log_id=key,
            )

    class Hook(AbstractHook):
        def __init__(self, broker, finished):
            self.broker, self.finished = broker, finished

        async def sending(self, message, pdu, client_id):
            pass

        async def send_error(self, message, error, client_id):
            raise error

        async def received(self, message, pdu, client_id):
            if isinstance(message, SubmitSmResp):
                if measured.done(message.log_id):
                    self.finished.set()
                self.broker.wake.set()

    class Correlator(SimpleCorrelator):
        def __init__(self):
            super().__init__("bench")
            self.requests = {}

        async def put(self, message):
            self.requests[message.sequence_num] = message

        async def get(self, response):
            return self.requests.pop(response.sequence_num, None)

        async def put_delivery(self, message_id, message):
            pass

    async def run():
        broker, finished = Broker(), asyncio.Event()
        esme = ESME(
            smsc_host="127.0.0.1",
            smsc_port=options.port,
            system_id="bench",
            password="secret",
            log_level=logging.WARNING,
            broker=broker,
            hook=Hook(broker, finished),
            correlator=Correlator(),
        )
        measured.start()
        task = asyncio.create_task(esme.start())
        await finished.wait()
        measured.report()
        await esme.stop()
        task.cancel()

    asyncio.run(run())


def smpp_twisted3(options):
    from smpp.pdu import operations, pdu_types
    from smpp.twisted.client import SMPPClientTransceiver
    from smpp.twisted.config import SMPPClientConfig
    from twisted.internet import defer, reactor

    fields = {
        "service_type": "",
        "source_addr_ton": pdu_types.AddrTon.ALPHANUMERIC,
        "source_addr_npi": pdu_types.AddrNpi.UNKNOWN,
        "source_addr": "TestApp",
        "dest_addr_ton": pdu_types.AddrTon.INTERNATIONAL,
        "dest_addr_npi": pdu_types.AddrNpi.ISDN,
        "destination_addr": "491761234567",
        "esm_class": pdu_types.EsmClass(
            pdu_types.EsmClassMode.DEFAULT, pdu_types.EsmClassType.DEFAULT
        ),
        "protocol_id": 0,
        "priority_flag": pdu_types.PriorityFlag.LEVEL_0,
        "registered_delivery": pdu_types.RegisteredDelivery(
            pdu_types.RegisteredDeliveryReceipt.SMSC_DELIVERY_RECEIPT_REQUESTED
        ),
        "replace_if_present_flag": pdu_types.ReplaceIfPresentFlag.DO_NOT_REPLACE,
        "data_coding": pdu_types.DataCoding(
            pdu_types.DataCodingScheme.DEFAULT,
            pdu_types.DataCodingDefault.SMSC_DEFAULT_ALPHABET,
        ),
        "sm_default_msg_id": 0,
        "short_message": TEXT,
    }
    measured = Round("smpp.twisted3", options.window, options.count)

    async def one(session):
        while measured.free > 0:
            key = measured.sent
            measured.send(key)
            await session.sendDataRequest(operations.SubmitSM(**fields))
            measured.done(key)

    async def run():
        config = SMPPClientConfig(
            host="127.0.0.1", port=options.port, username="bench", password="secret"
        )
        session = await SMPPClientTransceiver(config, lambda *_: None).connectAndBind()
        measured.start()
        window = [defer.ensureDeferred(one(session)) for _ in range(options.window)]
        await defer.gatherResults(window)
        measured.report()
        await session.unbindAndDisconnect()

    quiet()
    run_twisted(reactor, run)


def smpp34(options):
    import smpp34

    measured = Round("smpp34", options.window, options.count)

    async def one(session):
        while measured.free > 0:
            key = measured.sent
            measured.send(key)
            answer = await session.submit_sm(
                destination_addr="491761234567",
                source_addr="TestApp",
                source_addr_ton=5,
                dest_addr_ton=1,
                dest_addr_npi=1,
                short_message=TEXT,
                registered_delivery=1,
            )
            if not answer.is_success:
                raise RuntimeError("a message was refused")
            measured.done(key)

    async def run():
        client = smpp34.Client(
            host="127.0.0.1",
            port=options.port,
            system_id="bench",
            password="secret",
            bind_type="TRX",
            window_size=options.window,
        )
        session = await client.connect()
        measured.start()
        await asyncio.gather(*(one(session) for _ in range(options.window)))
        measured.report()
        await session.unbind()
        await client.stop()

    asyncio.run(run())


# Servers.


def smpp_twisted3_server(options):
    from smpp.pdu.pdu_types import CommandStatus
    from smpp.twisted.config import SMPPServerConfig
    from smpp.twisted.protocol import DataHandlerResponse
    from smpp.twisted.server import SMPPServerFactory
    from twisted.internet import defer, reactor

    class Anyone:
        """Lets everybody in; stands for a portal of twisted.cred."""

        def login(self, credentials, mind, *interfaces):
            return defer.succeed((interfaces[0], credentials.username, lambda: None))

    count = 0

    def take(*_):
        nonlocal count
        count += 1
        return DataHandlerResponse(status=CommandStatus.ESME_ROK, message_id=str(count))

    quiet()
    systems = {name: {"max_bindings": 1_000_000} for name in ("pump", "bench")}
    config = SMPPServerConfig(systems=systems, msgHandler=take)
    factory = SMPPServerFactory(config, auth_portal=Anyone())
    reactor.listenTCP(options.port, factory, interface="127.0.0.1", backlog=4096)
    reactor.run()


def smpp34_server(options):
    import smpp34

    async def run():
        server = smpp34.Server(host="127.0.0.1", port=options.port, system_id="smpp34")
        await server.start()
        count = 0
        while True:
            event = await server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                count += 1
                event.accept(str(count))

    asyncio.run(run())


def quiet():
    """smpp.twisted3 logs each PDU."""
    logging.basicConfig(level=logging.WARNING, stream=open(os.devnull, "w"))  # noqa: SIM115


def run_twisted(reactor, main):
    from twisted.internet import defer

    failures = []

    def start():
        ended = defer.ensureDeferred(main())
        ended.addErrback(failures.append)
        ended.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(start)
    reactor.run()
    for failure in failures:
        failure.raiseException()


PEERS = {
    ("client", "smpplib"): smpplib,
    ("client", "aiosmpplib"): aiosmpplib,
    ("client", "smpp.twisted3"): smpp_twisted3,
    ("client", "smpp34"): smpp34,
    ("server", "smpp.twisted3"): smpp_twisted3_server,
    ("server", "smpp34"): smpp34_server,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("role", choices=("client", "server"))
    parser.add_argument("peer", choices=sorted({peer for _, peer in PEERS}))
    parser.add_argument("--port", type=int, default=2775)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--count", type=int, default=20000)
    options = parser.parse_args()
    run = PEERS.get((options.role, options.peer))
    if run is None:
        parser.error(f"{options.peer} has no {options.role} here")
    run(options)


if __name__ == "__main__":
    main()
