"""What our PDUs say to Wireshark: text and numbers of parts, read by tshark from a capture.

200 texts in many scripts for each alphabet behind data_coding 0 that Wireshark knows, with all
methods. Where its reading is less than ours, what it does show is checked:

- It has no national tables: text in one is shown as if it were in the default alphabet. The
  languages that it shows, the septets that it shows, and the tables of gsm0338.json give it.
- It shows no text for UCS-2 with a message class (data_coding 0x18 to 0x1B), but the octets.
- Of a character outside of 16 bits it shows the two surrogates one by one (seen in 4.0).
- Packed text: it shows the carriage return that fills seven bits left over, or guards an "@"
  or a carriage return at the end.
- It knows no UTF-8 behind data_coding 0.
- In message_payload it takes a header for text: only the octets are looked at.
- It joins the parts that a header numbers, but not those of the sar TLVs.
"""

import json
import os
import re
import shutil
import struct
import subprocess
from random import Random

import pytest
from segment_kit import DEFAULT, EXTENSION, SCRIPTS, gsm_text, sample, unpacked

from twisted_smpp.text.gsm0338 import Language
from twisted_smpp.text.rules import Method, TextRules
from twisted_smpp.text.segments import plan
from twisted_smpp.text.udh import Ports
from twisted_smpp.wire.pdus import DataSM, DeliverSM, SubmitSM
from twisted_smpp.wire.tlvs import message_payload

pytestmark = pytest.mark.interop

TEXTS = 200
METHODS = tuple(Method)
LANGUAGES = ((), (Language.TURKISH, Language.SPANISH), tuple(Language))
#: Our name of an alphabet, Wireshark's, and whether that is packed where a class says GSM.
ALPHABETS = [
    ("gsm0338", "GSM 7-bit", False),
    ("gsm0338-packed", "GSM 7-bit (packed)", True),
    ("latin-1", "ISO-8859-1", False),
    ("ascii", "ASCII", False),
]
SAR = ("msg_ref_num", "total_segments", "segment_seqnum")
UNREAD = (0x18, 0x19, 0x1A, 0x1B)

HOSTS = (b"\x0a\0\0\1", b"\x0a\0\0\2")
PORTS = (40_000, 2775)


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """A file for Wireshark: one connection, one TCP segment for each PDU."""

    def __init__(self):
        self.records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)]
        self.sent = [1, 1]  # the next octet of each side

    def add(self, octets, side):
        """A PDU of side 0, the ESME, or side 1, the message centre."""
        other, count = 1 - side, len(self.records)
        numbers = self.sent[side], self.sent[other]
        tcp = struct.pack(
            ">HHIIBBHHH", PORTS[side], PORTS[other], *numbers, 0x50, 0x18, 65535, 0, 0
        )
        self.sent[side] += len(octets)
        length = 20 + len(tcp) + len(octets)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, length, count, 0, 64, 6, 0)
        ip += HOSTS[side] + HOSTS[other]
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        frame = bytes([2, 0, 0, 0, 0, other, 2, 0, 0, 0, 0, side, 8, 0]) + ip + tcp + octets
        time = 1_000_000_000 + count
        self.records.append(struct.pack("<IIII", time, 0, len(frame), len(frame)) + frame)

    def read(self, tshark, folder, alphabet, packed):
        """What tshark says of each PDU: the values of every field by its name."""
        path = folder / "smpp.pcap"
        path.write_bytes(b"".join(self.records))
        done = subprocess.run(
            [
                *(tshark, "-n", "-r", str(path), "-T", "json", "--no-duplicate-keys"),
                *("-o", f"smpp.decode_sms_over_smpp:{alphabet}"),
                *("-o", f"smpp.gsm7_unpacked:{'FALSE' if packed else 'TRUE'}"),
            ],
            capture_output=True,
            timeout=120,
            # No preferences of whoever runs this.
            env={"PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        said = json.loads(done.stdout.decode("utf-8", "surrogatepass"))
        return [fields(packet["_source"]["layers"]) for packet in said]


def fields(tree, found=None):
    found = {} if found is None else found
    for name, value in tree.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                fields(each, found)
            else:
                found.setdefault(name, []).append(each)
    return found


def whole(text):
    """Surrogates that are shown one by one are characters again."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be")


def octets_of(shown):
    return bytes.fromhex(shown.replace(":", ""))


def numbers(said, *names):
    """The values of fields that are there together, or not at all."""
    values = [said.get(name, []) for name in names]
    return [tuple(int(each, 0) for each in column) for column in zip(*values, strict=True)]


class Expected:
    """One PDU, and what is to be read of it."""

    def __init__(self, found, segment, index, kind, elements):
        self.segment = segment
        self.method = found.method
        payload = found.method is Method.PAYLOAD
        self.text = found.text if payload else found.texts[index]
        self.octets = segment.tlvs.get(message_payload, segment.short_message)
        header = self.octets[0] + 1 if segment.esm_class & 0x40 else 0
        self.body = self.octets[header:]
        self.coding = found.coding
        self.elements = elements
        self.in_payload = payload or kind is DataSM
        self.hides_header = self.in_payload and header > 0


@pytest.fixture
def tshark():
    path = shutil.which("tshark")
    if path is None:
        pytest.skip("tshark, Wireshark for terminals, is not installed")
    return path


def made(alphabet):
    """All PDUs: their octets and side, and what is to be read."""
    random = Random(f"wireshark {alphabet}")
    for number in range(TEXTS):
        # Each other one in an alphabet that mostly is the default one.
        text = sample(random, random.randrange(6) if number % 2 else number // 2 % len(SCRIPTS))
        method = METHODS[number // 3 % 4]
        rules = TextRules(
            alphabet,
            LANGUAGES[number % 3],
            latin_1=random.random() < 0.5,
            method=method,
            graphemes=random.random() < 0.8,
        )
        elements = ()
        if method in (Method.UDH_8, Method.UDH_16) and random.random() < 0.3:
            elements = (Ports(20_000 + number, 16_999),)
        message_class = random.choice((None, None, None, None, 0, 1, 2, 3))
        found = plan(text, rules, elements=elements, message_class=message_class)
        kind = (SubmitSM, DeliverSM, DataSM)[number % 5 % 3]
        # Wireshark joins parts by reference: 200 of them differ in 8 bits, too.
        for index, segment in enumerate(found.segments(0x1200 + number)):
            taken = segment.data_sm_fields if kind is DataSM else segment.fields
            pdu = kind(
                sequence_number=1000 + number,
                source_addr=f"49{number}",
                destination_addr="1234",
                **taken,
            )
            yield (
                pdu.encode(),
                int(kind is DeliverSM),
                Expected(found, segment, index, kind, elements),
            )


@pytest.mark.parametrize(("alphabet", "name", "packed"), ALPHABETS)
def test_wireshark_reads_what_we_wrote(alphabet, name, packed, tshark, tmp_path):
    capture, expected = Capture(), []
    for octets, side, wanted in made(alphabet):
        capture.add(octets, side)
        expected.append(wanted)
    read = capture.read(tshark, tmp_path, name, packed)
    assert len(read) == len(expected)
    seen = set()
    bodies = []
    for said, wanted in zip(read, expected, strict=True):
        assert not [field for field in said if "malformed" in field or "expert" in field]
        check_octets(said, wanted)
        if wanted.hides_header:
            continue
        check_numbers(said, wanted)
        check_text(said, wanted, packed)
        bodies = check_joined(said, wanted, bodies)
        seen.add((wanted.method, wanted.coding.name.split(" (")[0].split(",")[0]))
    # Else it would show less than it says.
    assert {"GSM 7-bit", "LATIN-1", "UCS-2"} <= {coding for _, coding in seen}
    assert all((method, "UCS-2") in seen for method in (None, *Method))
    if alphabet.startswith("gsm"):
        assert all((method, "GSM 7-bit") in seen for method in (None, *Method))


def check_octets(said, wanted):
    assert int(said["smpp.data_coding"][0], 0) == wanted.segment.data_coding
    features = int(said["smpp.esm.submit.features"][0], 0)
    assert bool(features & 1) is bool(wanted.segment.esm_class & 0x40)
    field = "smpp.message_payload" if wanted.in_payload else "smpp.message"
    assert octets_of("".join(said.get(field, [""]))) == wanted.octets


def check_numbers(said, wanted):
    segment = wanted.segment
    by_header = numbers(said, *(f"gsm_sms.udh.mm.msg_{each}" for each in ("id", "parts", "part")))
    by_tlvs = numbers(said, *(f"smpp.sar_{each}" for each in SAR))
    reference = 0x1200 + int(said["smpp.sequence_number"][0]) - 1000
    if wanted.method is Method.UDH_8:
        reference &= 0xFF
    numbered = [(reference, segment.total, segment.number)]
    assert by_header == (numbered if wanted.method in (Method.UDH_8, Method.UDH_16) else [])
    assert by_tlvs == (numbered if wanted.method is Method.SAR else [])
    ports = numbers(said, "gsm_sms.destination_port", "gsm_sms.originator_port")
    assert ports == [tuple(each[:2]) for each in wanted.elements]


def check_text(said, wanted, packed):
    shown = whole("".join(said.get("smpp.message_text", [""])))
    locking = int(said.get("gsm_sms.dis_iei_lang.locking_shift", ["0"])[0], 0)
    single = int(said.get("gsm_sms.dis_iei_lang.single_shift", ["0"])[0], 0)
    assert locking == getattr(wanted.coding, "locking", 0)
    assert single == getattr(wanted.coding, "single", 0)
    texts = [wanted.text]
    septets = wanted.body
    if packed and wanted.coding.name.startswith("GSM"):
        septets = unpacked(wanted.body, len(wanted.octets) - len(wanted.body))
        texts.append(wanted.text + "\r")
    if locking or single:
        assert gsm_text(septets, locking, single) in texts
        texts.append(without_tables(septets))
    elif wanted.segment.data_coding in UNREAD:
        texts.append("")
    assert shown in texts


def without_tables(octets):
    """What a reader sees that knows only the default alphabet."""
    pairs = re.findall(rb"\x1b?.", octets, re.DOTALL)
    codes = [EXTENSION.get(pair[1]) if len(pair) == 2 else DEFAULT[pair[0]] for pair in pairs]
    return "".join(each or "\ufffd" for each in codes)


def check_joined(said, wanted, bodies):
    """Wireshark has all octets of the parts when the last one is there."""
    if "gsm_sms.udh.mm.msg_id" not in said:
        return []
    bodies = [*bodies, wanted.body] if wanted.segment.number > 1 else [wanted.body]
    if wanted.segment.number == wanted.segment.total:
        assert said["gsm_sms_ud.fragment.count"] == [str(wanted.segment.total)]
        assert octets_of(said["gsm_sms_ud.short_msg"][0]) == b"".join(bodies)
    return bodies
