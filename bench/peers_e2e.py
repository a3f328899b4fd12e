"""Other Python libraries as clients of the sink, to be measured beside client.py.

    bin/smpp_sink --port 2775 &
    python peers_e2e.py smpplib --port 2775 --window 10 --count 20000
    python peers_e2e.py aiosmpplib --port 2775 --window 10 --count 20000

One JSON line, as client.py prints it. aiosmpplib's own correlator walks all messages that
await a receipt for each submit_sm; here a plain dict takes its place, so that what is seen is
the cost of the protocol and not one that grows with the run.
"""

import argparse
import logging

from bench_common import TEXT, Round


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
    import asyncio

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


PEERS = {"smpplib": smpplib, "aiosmpplib": aiosmpplib}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--port", type=int, default=2775)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--count", type=int, default=20000)
    options = parser.parse_args()
    PEERS[options.peer](options)


if __name__ == "__main__":
    main()
