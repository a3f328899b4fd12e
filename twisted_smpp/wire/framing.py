"""The byte stream of a connection, cut into PDUs.

Goals, in this order: nothing a peer sends raises anything but errors of our own tree;
nothing is allocated because a peer *claims* a length; the work is linear in the octets
however they are cut into reads; a PDU costs as little as possible.

The stream is a list of chunks until enough octets for the next step are there (the
length, the header, the whole PDU): only then they are joined. One octet at a time, a PDU
is therefore joined three times, not once per octet.

:meth:`Framing.receive` is a generator, so that its caller decides after every PDU
whether to go on: a bind must be answered before what follows it is judged, and a full
write buffer must stop the reading. When the generator is closed early, the octets behind
the last PDU stay, and the next call goes on with them.

Source: SMPP 5.0, 3.2 (PDU format), 2.9 (error handling).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from twisted_smpp.errors import FramingError, PDUError
from twisted_smpp.wire.codec import HEADER
from twisted_smpp.wire.pdu import LATEST, PDU, UnknownPDU, decoders

__all__ = ["MAX_PDU", "MAX_PDU_UNBOUND", "Framing", "Malformed"]

#: A message_payload of 65,535 octets, the mandatory fields and other TLVs.
MAX_PDU = 73_728
#: Before a bind is accepted nothing longer than a bind is legal.
MAX_PDU_UNBOUND = 512

#: How the first octets of other protocols look when somebody took the wrong port.
_FOREIGN = (
    (b"\x16\x03", "TLS"),
    (b"GET ", "HTTP"),
    (b"POST", "HTTP"),
    (b"HEAD", "HTTP"),
    (b"PUT ", "HTTP"),
    (b"OPTI", "HTTP"),
    (b"HTTP", "HTTP"),
    (b"CONN", "HTTP"),
    (b"SSH-", "SSH"),
    (b"EHLO", "SMTP"),
    (b"220 ", "SMTP"),
)


class Malformed(NamedTuple):
    """A frame that is intact but whose body is not that of its command.

    Attributes:
        error: what is wrong with it, with the status to answer.
        command_id, command_status, sequence_number: its header.
        size: its command_length in octets.
    """

    error: PDUError
    command_id: int
    command_status: int
    sequence_number: int
    size: int


class Framing:
    """Octets in, PDUs out.

    Args:
        max_pdu: the longest command_length accepted, in octets.

    Attributes:
        decoders: command_id -> decoder; a session sets those of the version in use.
        error: the FramingError after which nothing more is read, or None.
    """

    __slots__ = ("_chunks", "_have", "_need", "decoders", "error", "max_pdu")

    def __init__(self, max_pdu: int = MAX_PDU) -> None:
        self.max_pdu = max_pdu
        self.decoders: Mapping[int, Any] = decoders(LATEST)
        self.error: FramingError | None = None
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = 4

    @property
    def partial(self) -> int:
        """How many octets wait for the rest of their PDU."""
        return self._have

    @property
    def missing(self) -> int:
        """How many octets of the PDU that has begun are still to come, as far as known."""
        return max(0, self._need - self._have)

    def push(self, data: bytes) -> None:
        """Keeps octets for the next :meth:`receive`; none behind a framing error."""
        if data and self.error is None:
            self._chunks.append(data)
            self._have += len(data)

    def receive(self, data: bytes = b"") -> Iterator[PDU | Malformed]:
        """The PDUs that are complete with ``data``; ends at the first framing error.

        Args:
            data: what was read; none to go on with what is there.
        """
        self.push(data)
        if self._have < self._need or self.error is not None:
            return
        buf = b"".join(self._chunks)
        pos, end = 0, len(buf)
        need = 0
        text = buf.decode("latin-1")
        unpack = HEADER.unpack_from
        try:
            while True:
                if end - pos < 16:
                    need = self._header_incomplete(buf, pos, end)
                    return
                length, command_id, status, number = unpack(buf, pos)
                if not 16 <= length <= self.max_pdu:
                    self.error = _framing_error(buf, pos, length, self.max_pdu, number)
                    return
                start = pos + 16
                if pos + length > end:
                    need = length
                    return
                pos += length
                decoder = self.decoders.get(command_id)
                if decoder is None:
                    yield UnknownPDU(
                        command_id,
                        buf[start:pos],
                        command_status=status,
                        sequence_number=number,
                    )
                    continue
                try:
                    pdu = decoder(buf, text, start, pos, status, number)
                except PDUError as error:
                    yield Malformed(error, command_id, status, number, length)
                else:
                    yield pdu
        finally:
            self._chunks = [buf[pos:]] if pos < end else []
            self._have = end - pos
            self._need = need

    def _header_incomplete(self, buf: bytes, pos: int, end: int) -> int:
        """How many octets are needed; a length that is wrong is seen with its 4th octet."""
        if end - pos < 4:
            return 4
        length = int.from_bytes(buf[pos : pos + 4], "big")
        if not 16 <= length <= self.max_pdu:
            self.error = _framing_error(buf, pos, length, self.max_pdu, 0)
        return 16


def _framing_error(buf: bytes, pos: int, length: int, most: int, number: int) -> FramingError:
    hint = ""
    for prefix, protocol in _FOREIGN:
        if buf.startswith(prefix, pos):
            hint = f"; this looks like {protocol}"
            number = 0
    return FramingError(f"command_length {length} is not within 16 to {most}{hint}", number)
