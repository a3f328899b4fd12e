"""A throw-away Twisted ESME and SMSC: what pure Python reaches when nothing is in the way.

Full decode of every submit_sm, a Deferred per request, a window, one write per read; no state
machine, no timers, no errors, no text. It is the bar to hold beside the real thing, not a design.

    python prototype.py server PORT                     # then: smpp_pump --port PORT --window 100
    python prototype.py client PORT WINDOW COUNT        # with: smpp_sink --port PORT
"""

import json
import struct
import sys
import time

from twisted.internet import endpoints, protocol, reactor
from twisted.internet.defer import Deferred

HEADER = struct.Struct(">IIII")
PACK2, PACK3, PACK5 = (struct.Struct(f">{n}B").pack for n in (2, 3, 5))
SUBMIT, SUBMIT_RESP, BIND, BIND_RESP, UNBIND, UNBIND_RESP, ENQUIRE, ENQUIRE_RESP = (
    0x04,
    0x80000004,
    0x09,
    0x80000009,
    0x06,
    0x80000006,
    0x15,
    0x80000015,
)


class SubmitSM:
    __slots__ = (  # noqa: RUF023  the order of the wire
        "sequence_number",
        "service_type",
        "source_addr_ton",
        "source_addr_npi",
        "source_addr",
        "dest_addr_ton",
        "dest_addr_npi",
        "destination_addr",
        "esm_class",
        "protocol_id",
        "priority_flag",
        "schedule_delivery_time",
        "validity_period",
        "registered_delivery",
        "replace_if_present_flag",
        "data_coding",
        "sm_default_msg_id",
        "short_message",
        "tail",
    )


def decode(buf: bytes, pos: int, end: int, sequence_number: int) -> SubmitSM:
    """What generated code looks like: indexing for octets, find only in strings not empty."""
    self = SubmitSM.__new__(SubmitSM)
    self.sequence_number = sequence_number
    find = buf.index
    if buf[pos]:
        stop = find(0, pos, pos + 6)
        self.service_type = buf[pos:stop].decode("latin-1")
        pos = stop + 1
    else:
        self.service_type = ""
        pos += 1
    self.source_addr_ton = buf[pos]
    self.source_addr_npi = buf[pos + 1]
    pos += 2
    stop = find(0, pos, pos + 21)
    self.source_addr = buf[pos:stop].decode("latin-1")
    pos = stop + 1
    self.dest_addr_ton = buf[pos]
    self.dest_addr_npi = buf[pos + 1]
    pos += 2
    stop = find(0, pos, pos + 21)
    self.destination_addr = buf[pos:stop].decode("latin-1")
    pos = stop + 1
    self.esm_class = buf[pos]
    self.protocol_id = buf[pos + 1]
    self.priority_flag = buf[pos + 2]
    pos += 3
    if buf[pos]:
        stop = find(0, pos, pos + 17)
        self.schedule_delivery_time = buf[pos:stop].decode("latin-1")
        pos = stop + 1
    else:
        self.schedule_delivery_time = ""
        pos += 1
    if buf[pos]:
        stop = find(0, pos, pos + 17)
        self.validity_period = buf[pos:stop].decode("latin-1")
        pos = stop + 1
    else:
        self.validity_period = ""
        pos += 1
    self.registered_delivery = buf[pos]
    self.replace_if_present_flag = buf[pos + 1]
    self.data_coding = buf[pos + 2]
    self.sm_default_msg_id = buf[pos + 3]
    stop = pos + 5 + buf[pos + 4]
    if stop > end:
        raise ValueError("sm_length runs past the body")
    self.short_message = buf[pos + 5 : stop]
    self.tail = buf[stop:end]
    return self


def encode(pdu: SubmitSM) -> bytes:
    message = pdu.short_message
    body = b"".join(
        (
            pdu.service_type.encode("latin-1"),
            b"\0",
            PACK2(pdu.source_addr_ton, pdu.source_addr_npi),
            pdu.source_addr.encode("latin-1"),
            b"\0",
            PACK2(pdu.dest_addr_ton, pdu.dest_addr_npi),
            pdu.destination_addr.encode("latin-1"),
            b"\0",
            PACK3(pdu.esm_class, pdu.protocol_id, pdu.priority_flag),
            pdu.schedule_delivery_time.encode("latin-1"),
            b"\0",
            pdu.validity_period.encode("latin-1"),
            b"\0",
            PACK5(
                pdu.registered_delivery,
                pdu.replace_if_present_flag,
                pdu.data_coding,
                pdu.sm_default_msg_id,
                len(message),
            ),
            message,
            pdu.tail,
        )
    )
    return HEADER.pack(16 + len(body), SUBMIT, 0, pdu.sequence_number) + body


class Peer(protocol.Protocol):
    rest = b""

    def dataReceived(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        self.out = []
        pos, size = 0, len(data)
        while size - pos >= 16:
            length, command_id, status, number = HEADER.unpack_from(data, pos)
            if size - pos < length:
                break
            self.received(command_id, status, number, data, pos + 16, pos + length)
            pos += length
        self.rest = data[pos:]
        self.flush()

    def flush(self) -> None:
        if self.out:
            self.transport.write(b"".join(self.out))


class Server(Peer):
    count = 0

    def received(self, command_id, status, number, data, pos, end):
        if command_id == SUBMIT:
            decode(data, pos, end, number)
            self.count += 1
            self.out.append(HEADER.pack(33, SUBMIT_RESP, 0, number) + b"%016x\0" % self.count)
        elif command_id == BIND:
            self.out.append(HEADER.pack(20, BIND_RESP, 0, number) + b"prt\0")
        elif command_id == UNBIND:
            self.out.append(HEADER.pack(16, UNBIND_RESP, 0, number))
        elif command_id == ENQUIRE:
            self.out.append(HEADER.pack(16, ENQUIRE_RESP, 0, number))


class Client(Peer):
    def __init__(self, window: int, count: int) -> None:
        self.window, self.count = window, count
        self.sent = self.done = 0
        self.pending: dict[int, Deferred] = {}

    def connectionMade(self):
        self.transport.write(HEADER.pack(28, BIND, 0, 0x7FFFFFFF) + b"pump\0s\0\0\x34\0\0\0")

    def submit(self) -> Deferred:
        self.sent += 1
        pdu = SubmitSM()
        pdu.sequence_number = self.sent
        pdu.service_type = pdu.schedule_delivery_time = pdu.validity_period = ""
        pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr = 5, 0, "TestApp"
        pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr = 1, 1, "491761234567"
        pdu.esm_class = pdu.protocol_id = pdu.priority_flag = pdu.replace_if_present_flag = 0
        pdu.data_coding = pdu.sm_default_msg_id = 0
        pdu.registered_delivery, pdu.short_message, pdu.tail = 1, b"x" * 40, b""
        answer = self.pending[self.sent] = Deferred()
        self.out.append(encode(pdu))
        return answer

    def received(self, command_id, status, number, data, pos, end):
        if command_id == BIND_RESP:
            self.wall, self.cpu = time.perf_counter(), time.process_time()
        else:
            stop = data.index(0, pos, end)
            self.pending.pop(number).callback((status, data[pos:stop].decode("latin-1")))

    def answered(self, answer):
        self.done += 1

    def flush(self):
        while self.sent < self.count and len(self.pending) < self.window:
            self.submit().addCallback(self.answered)
        super().flush()
        if self.done == self.count:
            wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
            figures = {
                "client": "prototype",
                "window": self.window,
                "count": self.count,
                "ok": self.done,
                "failed": 0,
                "msgs_per_s": round(self.count / wall),
                "cpu_us_per_msg": round(cpu / self.count * 1e6, 3),
            }
            print(json.dumps(figures), flush=True)
            self.transport.loseConnection()
            reactor.callLater(0.1, reactor.stop)


if __name__ == "__main__":
    role, port = sys.argv[1], sys.argv[2]
    if role == "server":
        endpoints.serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(
            protocol.Factory.forProtocol(Server)
        )
    else:
        endpoints.connectProtocol(
            endpoints.clientFromString(reactor, f"tcp:127.0.0.1:{port}"),
            Client(int(sys.argv[3]), int(sys.argv[4])),
        )
    reactor.run()
