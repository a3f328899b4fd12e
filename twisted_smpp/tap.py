"""Seeing what passes on a connection: for logs, captures and tests.

A tap is called as ``tap(direction, pdu, octets, time)`` for every PDU:

- ``direction``: ``"received"`` or ``"sent"``;
- ``pdu``: the :class:`~twisted_smpp.wire.pdu.PDU`, or the
  :class:`~twisted_smpp.errors.PDUError` that says why the octets are none;
- ``octets``: the PDU as it is on the wire;
- ``time``: seconds of the reactor.

Taps look at the octets of the connection and decode them once more, so that they see
what was really said; a connection without a tap pays nothing. A bind carries a password:
:func:`twisted_smpp.trace.line` writes a PDU without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from twisted_smpp.errors import PDUError
from twisted_smpp.wire.framing import MAX_PDU
from twisted_smpp.wire.pdu import PDU, decode

__all__ = ["Direction", "Tap", "Watch"]

Direction = Literal["received", "sent"]
Tap = Callable[[Direction, PDU | PDUError, bytes, float], object]


class Watch:
    """Cuts the two streams of one connection and calls the taps."""

    def __init__(self, taps: list[Tap], max_pdu: int = MAX_PDU) -> None:
        self.taps = taps
        self._max_pdu = max_pdu
        self._rest: dict[Direction, bytes | None] = {"received": b"", "sent": b""}

    def see(self, direction: Direction, data: bytes, now: float) -> None:
        """Octets pass in one direction."""
        rest = self._rest[direction]
        if rest is None:
            return
        frames = _Frames(rest + data, self._max_pdu)
        for octets in frames:
            try:
                pdu: PDU | PDUError = decode(octets)
            except PDUError as error:
                pdu = error
            for tap in self.taps:
                tap(direction, pdu, octets, now)
        self._rest[direction] = frames.rest


class _Frames:
    """The whole PDUs in ``data``; ``rest`` is what follows, None once the stream is lost."""

    def __init__(self, data: bytes, max_pdu: int) -> None:
        self.rest: bytes | None = data
        self._max_pdu = max_pdu

    def __iter__(self) -> Iterator[bytes]:
        data = self.rest or b""
        pos = 0
        while len(data) - pos >= 4:
            length = int.from_bytes(data[pos : pos + 4], "big")
            if not 16 <= length <= self._max_pdu:
                # No boundary is known any more: what is there is shown once, as an error.
                self.rest = None
                yield data[pos:]
                return
            if pos + length > len(data):
                break
            yield data[pos : pos + length]
            pos += length
        self.rest = data[pos:]
