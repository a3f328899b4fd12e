"""Four PDUs, and how each library builds, encodes and decodes them.

A library's function returns ``{pdu: {"decode": f, "encode": f}}``. ``decode`` goes from octets to
an object whose fields are read; ``encode`` makes the object anew from Python values and returns
its octets. Each f takes nothing.
"""

import struct
from functools import partial

from bench_common import TEXT, installed

RECEIPT = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2501011200 "
    b"done date:2501011201 stat:DELIVRD err:000 text:The quick brown fox"
)
SOURCE, DESTINATION, MESSAGE_ID = "TestApp", "491761234567", "0123456789"


def _pdu(command_id, sequence_number, body=b""):
    return struct.pack(">IIII", 16 + len(body), command_id, 0, sequence_number) + body


def _cstring(text):
    return text.encode() + b"\0"


_FROM = b"\x05\0" + _cstring(SOURCE)
_TO = b"\x01\x01" + _cstring(DESTINATION)

#: The reference octets.
PDUS = {
    "submit_sm": _pdu(
        0x00000004,
        7,
        b"\0" + _FROM + _TO + b"\0\0\0" + b"\0\0" + b"\1\0\0\0" + bytes([len(TEXT)]) + TEXT,
    ),
    "deliver_sm": _pdu(
        0x00000005,
        8,
        b"\0"
        + _TO
        + _FROM
        + b"\4\0\0"
        + b"\0\0"
        + b"\0\0\0\0"
        + bytes([len(RECEIPT)])
        + RECEIPT
        # receipted_message_id and message_state
        + b"\x00\x1e\x00\x0b"
        + _cstring(MESSAGE_ID)
        + b"\x04\x27\x00\x01\x02",
    ),
    "submit_sm_resp": _pdu(0x80000004, 7, _cstring(MESSAGE_ID)),
    "enquire_link": _pdu(0x00000015, 9),
}


def _cases(encoders, decode):
    return {
        encode.__name__: {"decode": partial(decode, PDUS[encode.__name__]), "encode": encode}
        for encode in encoders
    }


def twisted_smpp():
    from twisted_smpp import DeliverSM, EnquireLink, SubmitSM, SubmitSMResp, decode

    def submit_sm():
        return SubmitSM(
            source_addr_ton=5,
            source_addr=SOURCE,
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=DESTINATION,
            registered_delivery=1,
            short_message=TEXT,
            sequence_number=7,
        ).encode()

    def deliver_sm():
        return DeliverSM(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=DESTINATION,
            dest_addr_ton=5,
            destination_addr=SOURCE,
            esm_class=4,
            short_message=RECEIPT,
            tlvs={"receipted_message_id": MESSAGE_ID, "message_state": 2},
            sequence_number=8,
        ).encode()

    def submit_sm_resp():
        return SubmitSMResp(message_id=MESSAGE_ID, sequence_number=7).encode()

    def enquire_link():
        return EnquireLink(sequence_number=9).encode()

    return _cases((submit_sm, deliver_sm, submit_sm_resp, enquire_link), decode)


def smpplib():
    from smpplib import consts, smpp

    class Client:
        sequence = 7

        def next_sequence(self):
            return 7

    client = Client()

    def submit_sm():
        return smpp.make_pdu(
            "submit_sm",
            client=client,
            source_addr_ton=consts.SMPP_TON_ALNUM,
            source_addr_npi=0,
            source_addr=SOURCE,
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=DESTINATION,
            short_message=TEXT,
            data_coding=0,
            esm_class=0,
            registered_delivery=True,
        ).generate()

    def deliver_sm():
        pdu = smpp.make_pdu(
            "deliver_sm",
            client=client,
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=DESTINATION,
            dest_addr_ton=5,
            dest_addr_npi=0,
            destination_addr=SOURCE,
            esm_class=4,
            protocol_id=0,
            priority_flag=0,
            registered_delivery=0,
            replace_if_present_flag=0,
            data_coding=0,
            sm_default_msg_id=0,
            sm_length=len(RECEIPT),
            short_message=RECEIPT,
            receipted_message_id=MESSAGE_ID,
            message_state=2,
        )
        pdu.sequence = 8
        return pdu.generate()

    def submit_sm_resp():
        pdu = smpp.make_pdu("submit_sm_resp", client=client, message_id=MESSAGE_ID)
        pdu.sequence = 7
        return pdu.generate()

    def enquire_link():
        pdu = smpp.make_pdu("enquire_link", client=client)
        pdu.sequence = 9
        return pdu.generate()

    decode = partial(smpp.parse_pdu, client=client)
    return _cases((submit_sm, deliver_sm, submit_sm_resp, enquire_link), decode)


def aiosmpplib():
    from aiosmpplib import protocol
    from aiosmpplib.state import NPI, TON, OptionalParam, PhoneNumber

    source = PhoneNumber(SOURCE, TON.ALPHANUMERIC, NPI.UNKNOWN)
    destination = PhoneNumber(DESTINATION, TON.INTERNATIONAL, NPI.ISDN)
    text, receipt = TEXT.decode(), RECEIPT.decode()

    def submit_sm():
        return protocol.SubmitSm(
            short_message=text,
            source=source,
            destination=destination,
            registered_delivery=1,
            sequence_num=7,
        ).pdu()

    def deliver_sm():
        return protocol.DeliverSm(
            short_message=receipt,
            source=destination,
            destination=source,
            esm_class=4,
            registered_delivery=0,
            sequence_num=8,
            optional_params=[OptionalParam(0x001E, MESSAGE_ID), OptionalParam(0x0427, 2)],
        ).pdu()

    def submit_sm_resp():
        return protocol.SubmitSmResp(sequence_num=7, message_id=MESSAGE_ID).pdu()

    def enquire_link():
        return protocol.EnquireLink(sequence_num=9).pdu()

    def decode(octets):
        header = protocol.SmppMessage.parse_header(octets[:16])
        cls = protocol.MESSAGE_TYPE_MAP[header.smpp_command]
        return cls.from_pdu(octets, header, "gsm0338", None)

    return _cases((submit_sm, deliver_sm, submit_sm_resp, enquire_link), decode)


LIBRARIES = {f.__name__: f for f in (twisted_smpp, smpplib, aiosmpplib)}


def available():
    """The libraries that are installed, ours first."""
    return [name for name in LIBRARIES if installed(name)]


def same(octets, reference):
    """Whether the octets are the reference, in which the order of the TLVs is free."""
    octets = bytes(octets)
    return octets == reference or sorted(octets) == sorted(reference)


def check(library):
    """What is wrong with the cases of a library: a list, empty when they do what they should."""
    wrong = []
    for name, case in LIBRARIES[library]().items():
        if not same(case["encode"](), PDUS[name]):
            wrong.append(f"{library} encodes {name} otherwise: {bytes(case['encode']()).hex()}")
        if not case["decode"]():
            wrong.append(f"{library} does not decode {name}")
    return wrong
