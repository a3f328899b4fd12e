"""A seeded mutator that knows how a PDU is built, and the runner that feeds its frames.

The invariant, checked for every frame:

- reading it raises only errors of our own tree, and none of them claims lost boundaries while
  the frame's command_length is true;
- what is accepted is written again octet for octet;
- a stream of frames gives the same PDUs however it is cut into reads.

Of each hundred frames sixty are valid PDUs with one or two fields, counts or TLVs changed,
twenty have bits or octets changed, ten are spliced from two PDUs and ten are random. Two runs
with one seed make the same frames, so that a failure is replayed by its seed and number.
"""

from __future__ import annotations

from random import Random
from typing import Any

from wire_data import CLASSES, SAMPLES, TLVS, outcome, parts

from twisted_smpp.errors import FieldError, PDUError
from twisted_smpp.values import InterfaceVersion
from twisted_smpp.wire.framing import Framing, Malformed
from twisted_smpp.wire.pdu import ALL_VERSIONS, PDU, decoders, encoders, registry

__all__ = ["Mutator", "run"]

#: Octets that parsers stumble over.
EDGES = (0, 1, 2, 3, 4, 0x0F, 0x10, 0x7F, 0x80, 0xFD, 0xFE, 0xFF)
LENGTHS = (0, 1, 2, 3, 5, 8, 9, 16, 17, 20, 21, 22, 64, 65, 66, 100, 253, 254, 255, 256)
#: Errors in an element of a repeated structure name its own field.
ELEMENT_FIELDS = {"destination_addr", "dl_name", "message_id"}
WORDS = (0, 1, 0x0F, 0x10, 0x11, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x400)


def _pieces(octets: bytes) -> tuple[bytes, list[bytes]] | None:
    """Header and pieces (fields, then TLVs) of a PDU that can be taken apart."""
    if int.from_bytes(octets[4:8], "big") not in registry:
        return None
    try:
        _, pieces, rest = parts(octets)
    except PDUError:
        return None
    while len(rest) >= 4:
        size = 4 + int.from_bytes(rest[2:4], "big")
        pieces.append(rest[:size])
        rest = rest[size:]
    return octets[4:16], [*pieces, rest] if rest else pieces


class Mutator:
    """Makes frames, each with a true command_length unless ``lie`` is asked for."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.templates = [pieces for pieces in map(_pieces, SAMPLES) if pieces is not None]
        self.command_ids = [cls.command_id for cls in CLASSES]
        self.tags = [tlv.tag for tlv in TLVS]

    def frame(self) -> bytes:
        """One frame."""
        dice = self.random.random()
        if dice < 0.6:
            head, body = self.fields()
        elif dice < 0.8:
            head, body = self.flipped()
        elif dice < 0.9:
            head, body = self.spliced()
        else:
            head, body = self.noise()
        return (16 + len(body)).to_bytes(4, "big") + head + body

    def fields(self) -> tuple[bytes, bytes]:
        """A valid PDU with some of its pieces changed."""
        random = self.random
        head, pieces = random.choice(self.templates)
        pieces = pieces.copy()
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            if not pieces or random.random() < 0.15:
                pieces.insert(random.randrange(len(pieces) + 1), self.tlv())
                continue
            index = random.randrange(len(pieces))
            pieces[index] = self.changed(pieces[index])
        if random.random() < 0.1:
            head = self.header(head)
        return head, b"".join(pieces)

    def changed(self, piece: bytes) -> bytes:
        """Another octet, string, count or TLV in place of ``piece``."""
        random = self.random
        kind = random.randrange(10)
        if kind == 0:
            return b""
        if kind == 1:
            return piece + piece
        if kind == 2:
            return piece[: random.randrange(len(piece) + 1)]
        if kind == 3:  # its first octet is its value, its count or half of its tag
            return bytes((random.choice(EDGES),)) + piece[1:]
        if kind == 4:  # a string without its end, or octets less one
            return piece[:-1]
        if kind == 5:
            return random.randbytes(random.choice(LENGTHS)).replace(b"\0", b"x") + b"\0"
        if kind == 6:
            return b"\0" + piece
        if kind == 7 and len(piece) >= 4:  # the length of a TLV
            return piece[:3] + bytes((random.choice(EDGES),)) + piece[4:]
        if kind == 8:
            return self.tlv()
        return random.randbytes(len(piece))

    def tlv(self) -> bytes:
        """Some TLV, known or not, of some length, which may be a lie."""
        random = self.random
        tag = random.choice(self.tags) if random.random() < 0.7 else random.randrange(0x10000)
        value = random.randbytes(random.choice(LENGTHS[:12]))
        size = len(value) if random.random() < 0.9 else random.choice((0, 1, 255, 0xFFFF))
        repeated = 300 if random.random() < 0.005 else 1
        return (tag.to_bytes(2, "big") + size.to_bytes(2, "big") + value) * repeated

    def header(self, head: bytes) -> bytes:
        """Another command_id, command_status or sequence_number."""
        random = self.random
        place = random.choice((0, 4, 8))
        word = random.choice(self.command_ids) if place == 0 else random.choice(WORDS)
        return head[:place] + word.to_bytes(4, "big") + head[place + 4 :]

    def flipped(self) -> tuple[bytes, bytes]:
        """A valid PDU with bits or octets changed anywhere behind command_length."""
        random = self.random
        octets = bytearray(random.choice(SAMPLES)[4:])
        for _ in range(random.choice((1, 1, 2, 4))):
            place = random.randrange(len(octets))
            if random.random() < 0.5:
                octets[place] ^= 1 << random.randrange(8)
            else:
                octets[place] = random.choice(EDGES)
        return bytes(octets[:12]), bytes(octets[12:])

    def spliced(self) -> tuple[bytes, bytes]:
        """The beginning of one PDU and the end of another."""
        random = self.random
        one, other = random.choice(SAMPLES), random.choice(SAMPLES)
        begin, end = random.randrange(16, len(one) + 1), random.randrange(16, len(other) + 1)
        return one[4:16], one[16:begin] + other[end:]

    def noise(self) -> tuple[bytes, bytes]:
        """A command with a random body, or any command_id at all."""
        random = self.random
        known = random.random() < 0.8
        command_id = random.choice(self.command_ids) if known else random.getrandbits(32)
        rest = random.choice((b"\0\0\0\0\0\0\0\1", random.randbytes(8)))
        body = random.randbytes(random.choice(LENGTHS))
        return command_id.to_bytes(4, "big") + rest, body

    def lie(self, frame: bytes) -> bytes:
        """``frame`` with a command_length that no PDU has, so that a stream ends there."""
        random = self.random
        length = random.choice((random.randrange(16), random.randrange(73_729, 1 << 32)))
        return length.to_bytes(4, "big") + frame[4:]

    def cut(self, stream: bytes) -> list[bytes]:
        """``stream`` in reads of random sizes, now and then of one octet each."""
        random = self.random
        if random.random() < 0.02:
            return [stream[at : at + 1] for at in range(len(stream))]
        most = random.choice((16, 100, 1_000, 10_000))
        reads, at = [], 0
        while at < len(stream):
            size = random.randint(1, most)
            reads.append(stream[at : at + size])
            at += size
        return reads


class Broken(AssertionError):
    """The invariant does not hold; the message has all that is needed to replay it."""


def run(seed: int, count: int, batch: int = 64) -> dict[str, int]:
    """Feeds ``count`` frames in streams of ``batch``.

    Returns:
        How many were accepted, malformed, unknown, and streams that ended with a lie.
    """
    mutator = Mutator(seed)
    seen = dict.fromkeys(("accepted", "malformed", "unknown", "lies"), 0)
    for start in range(0, count, batch):
        frames = [mutator.frame() for _ in range(min(batch, count - start))]
        version = mutator.random.choice(ALL_VERSIONS)
        lie = mutator.random.random() < 0.1
        reads = mutator.cut(b"".join([*frames, mutator.lie(frames[0])] if lie else frames))
        where = f"seed {seed}, frames from {start}, version {version.text}"
        results = _read(reads, version, lie, where)
        if len(results) != len(frames):
            raise Broken(f"{where}: {len(results)} of {len(frames)} frames came out")
        seen["lies"] += lie
        for index, (frame, result) in enumerate(zip(frames, results, strict=True)):
            # Looking at everything takes long: a sample of the frames is enough.
            closely = (start + index) % 16 == 0
            try:
                seen[_check(frame, result, closely)] += 1
            except Exception as error:
                raise Broken(
                    f"{where}, number {start + index}: {frame.hex()}: {error!r}"
                ) from error
    return seen


def _read(reads: list[bytes], version: InterfaceVersion, lie: bool, where: str) -> list[Any]:
    framing = Framing()
    framing.decoders = decoders(version)
    results: list[Any] = []
    try:
        for read in reads:
            results += framing.receive(read)
    except Exception as error:
        stream = b"".join(reads).hex()
        raise Broken(f"{where}: after {len(results)} frames: {stream}: {error!r}") from error
    if (framing.error is not None) is not lie:
        raise Broken(f"{where}: framing error {framing.error!r}, a false length sent: {lie}")
    return results


def _check(frame: bytes, result: PDU | Malformed, closely: bool) -> str:
    if isinstance(result, Malformed):
        error = result.error
        assert type(error).__module__ == "twisted_smpp.errors"
        assert not error.fatal
        assert "disagree" not in str(error), "the generated decoder refused, the plain one did not"
        assert frame[4:8] == result.command_id.to_bytes(4, "big")
        assert len(frame) == result.size
        return "malformed"
    assert result.encode() == frame
    if closely:
        repr(result)
        result.show(text=True)
        again = PDU.from_dict(result.to_dict())
        assert again == result
        assert again.encode() == frame
        for tag in result.tlvs:
            _typed(result, tag)
        for version in ALL_VERSIONS:
            _sendable(result, version)
        assert result.encode() == frame
    return "accepted" if result.command else "unknown"


#: TLVs without which a message is another: it cannot go to a peer that has none.
NEEDED = ("message_payload", "sar_msg_ref_num", "sar_total_segments", "sar_segment_seqnum")


def _sendable(pdu: PDU, version: InterfaceVersion) -> None:
    """What cannot be said in a version is refused by name; all else is a whole frame."""
    sent = outcome(encoders(version)[type(pdu)], pdu)
    if isinstance(sent, FieldError):
        known = {field.name for field in pdu.fields} | ELEMENT_FIELDS
        assert sent.field in known or (version is InterfaceVersion.V3_3 and sent.field in NEEDED)
    else:
        assert int.from_bytes(sent[:4], "big") == len(sent)


def _typed(pdu: PDU, tag: int) -> None:
    if isinstance(outcome(pdu.tlvs.all, tag), PDUError):
        # Of a response the sizes are not checked when it is read, but when it is looked at.
        assert pdu.is_response or not pdu.fields
