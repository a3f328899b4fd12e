"""Coverage-guided fuzzing of everything that reads what a peer sends.

The invariant, for any octets whatsoever:

1. Only errors of our own tree leave ``decode`` and ``Framing``: a PDUError, of which only a
   FramingError is fatal.
2. What is accepted is written again octet for octet, also after it was looked at (``repr``,
   ``show``, every TLV) and after a way through JSON.
3. A stream gives the same PDUs, the same errors and the same remainder however it is cut into
   reads.

Run it with ``python fuzz/decode_fuzz.py fuzz/corpus``; fuzz/README.md says how. Without atheris
``python fuzz/decode_fuzz.py FILE...`` tries each file once: that is how a finding is replayed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

try:
    import atheris
except ImportError:  # replaying needs no fuzzer
    atheris = None

if atheris is not None:
    with atheris.instrument_imports(include=["twisted_smpp"]):
        from twisted_smpp.errors import FieldError, FramingError, PDUError
        from twisted_smpp.wire import pdus
        from twisted_smpp.wire.framing import Framing, Malformed
        from twisted_smpp.wire.pdu import ALL_VERSIONS, PDU, decode, decoders, encoders, registry
else:
    from twisted_smpp.errors import FieldError, FramingError, PDUError
    from twisted_smpp.wire import pdus
    from twisted_smpp.wire.framing import Framing, Malformed
    from twisted_smpp.wire.pdu import ALL_VERSIONS, PDU, decode, decoders, encoders, registry

KNOWN = sorted(registry)
assert pdus.SubmitSM.command_id in KNOWN


class Broken(AssertionError):
    """The invariant does not hold."""


def hold(condition: object, what: str) -> None:
    """Raises when ``condition`` is false, also where Python was told to skip assertions."""
    if not condition:
        raise Broken(what)


def check(octets: bytes) -> None:
    """The invariant for one input: as a stream, and as the body of each kind of PDU."""
    stream(octets)
    if len(octets) >= 6:
        # The first octets choose a command, so that the fuzzer need not guess four of them.
        command_id = KNOWN[octets[0] % len(KNOWN)]
        status = octets[1] & 3 and octets[2]
        body = octets[3:]
        header = (16 + len(body), command_id, status, octets[2])
        whole(b"".join(word.to_bytes(4, "big") for word in header) + body)


def whole(octets: bytes) -> None:
    """Points 1 and 2 for octets whose command_length is true, in each version."""
    for version in ALL_VERSIONS:
        try:
            pdu = decode(octets, version)
        except PDUError as error:
            hold(isinstance(error, FieldError), f"{error!r} is not about a field")
            hold(not error.fatal, f"{error!r} is fatal")
            continue
        accepted(pdu, octets)


def accepted(pdu: PDU, octets: bytes) -> None:
    """Point 2."""
    hold(pdu.encode() == octets, "it is written otherwise than it was read")
    hold(repr(pdu) and pdu.show(text=True), "it is not shown")
    for tag in pdu.tlvs:
        try:
            pdu.tlvs.all(tag)
        except FieldError as error:
            hold(pdu.is_response or not pdu.fields, f"the sizes of its TLVs were checked: {error}")
    hold(pdu.encode() == octets, "looking at it changed it")
    again = PDU.from_dict(json.loads(json.dumps(pdu.to_dict())))
    hold(again == pdu and again.encode() == octets, "it is another one after JSON")
    for version in ALL_VERSIONS:
        try:
            sent = encoders(version)[type(pdu)](pdu)
        except FieldError:
            continue
        hold(int.from_bytes(sent[:4], "big") == len(sent), f"no frame in {version.text}")


def stream(octets: bytes) -> None:
    """Points 1 and 3."""
    random = Random(octets[:8])  # the same input is cut the same way each time
    version = random.choice(ALL_VERSIONS)
    at_once = read([octets], version)
    places = sorted(random.randrange(len(octets) + 1) for _ in range(random.randrange(20)))
    ends = zip([0, *places], [*places, len(octets)], strict=True)
    hold(read([octets[a:b] for a, b in ends], version) == at_once, "cuts change the result")
    if len(octets) < 512:
        singly = [octets[at : at + 1] for at in range(len(octets))]
        hold(read(singly, version) == at_once, "single octets change the result")


def read(reads: list[bytes], version: Any) -> tuple[list[bytes | str], str, int | None]:
    """What comes out of a stream, in a form that can be compared."""
    framing = Framing()
    framing.decoders = decoders(version)
    results: list[bytes | str] = []
    for data in reads:
        for result in framing.receive(data):
            if isinstance(result, Malformed):
                hold(not result.error.fatal, f"{result.error!r} is fatal")
                results.append(f"{result.error!r} {result[1:]}")
            else:
                results.append(result.encode())
    if framing.error is None:
        return results, "", framing.partial
    hold(isinstance(framing.error, FramingError), f"{framing.error!r} ends the stream")
    return results, str(framing.error), None


def write_corpus(folder: Path) -> None:
    """Seeds from the examples of the standard and what real peers sent; each in both forms."""
    data = HERE.parent / "tests" / "data"
    commands = json.loads((data / "pdus.json").read_text(encoding="ascii"))["commands"]
    captured = json.loads((data / "wire.json").read_text(encoding="ascii"))
    samples = [each["example"]["hex"] for each in commands] + [each["hex"] for each in captured]
    folder.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(samples):
        octets = bytes.fromhex(sample)
        (folder / f"stream-{number:03}").write_bytes(octets)
        command_id = int.from_bytes(octets[4:8], "big")
        if command_id in registry:
            choice = bytes([KNOWN.index(command_id), octets[11] and 1, octets[15]])
            (folder / f"body-{number:03}").write_bytes(choice + octets[16:])


def main() -> None:
    """Fuzzes, or tries the files given when there is no fuzzer."""
    corpus = HERE / "corpus"
    if not corpus.is_dir():
        write_corpus(corpus)
    if atheris is None or any(Path(each).is_file() for each in sys.argv[1:]):
        for each in sys.argv[1:]:
            files = sorted(Path(each).iterdir()) if Path(each).is_dir() else [Path(each)]
            for file in files:
                check(file.read_bytes())
            print(f"{each}: {len(files)} inputs hold")
        return
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
