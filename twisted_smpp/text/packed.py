"""Septets packed into octets: eight characters in seven octets.

How many septets there are is not in the octets: when seven bits are left over at the end,
they look like one more septet. So a carriage return is written there, and one more behind
a last character that would be taken for filling. Reading takes both away again.

Source: 3GPP TS 23.038, 6.1.2.1 (packing) and 6.1.2.3.1 (the carriage return).
"""

from __future__ import annotations

__all__ = ["FILLING", "ambiguous", "fill_bits", "pack", "unpack"]

_CR = 0x0D
#: A last septet that may be nothing but the seven bits left over: CR, or zeros as many
#: message centres write them (an "@").
FILLING = (_CR, 0x00)


def fill_bits(header_octets: int) -> int:
    """The bits between a user data header and the septet boundary after it, 0 to 6.

    Args:
        header_octets: the whole header, its length octet included.
    """
    return -header_octets * 8 % 7


def pack(septets: bytes, fill: int = 0) -> bytes:
    """``septets``, each in an octet, without the unused bit.

    Args:
        septets: values 0 to 0x7F.
        fill: bits to leave free in front, 0 to 6.
    """
    spare = -(fill + 7 * len(septets)) % 8
    if spare == 7 or (spare == 0 and septets and septets[-1] in FILLING):
        septets += bytes([_CR])
    packed = bytearray()
    held, bits = 0, fill
    for septet in septets:
        held |= septet << bits
        bits += 7
        if bits >= 8:
            packed.append(held & 0xFF)
            held >>= 8
            bits -= 8
    if bits:
        packed.append(held)
    return bytes(packed)


def unpack(octets: bytes, fill: int = 0) -> bytes:
    """The septets in ``octets``, one an octet, without what only filled the last octet.

    Args:
        octets: any.
        fill: bits in front that are no part of it, 0 to 6.
    """
    septets = bytearray()
    held, bits = 0, -fill
    for octet in octets:
        held |= octet << bits if bits >= 0 else octet >> -bits
        bits += 8
        while bits >= 7:
            septets.append(held & 0x7F)
            held >>= 7
            bits -= 7
    ends_in_filling = bits == 0 and septets and septets[-1] in FILLING
    is_guarded = bits == 1 and septets.endswith((b"\r\r", b"\0\r"))
    if ends_in_filling or is_guarded:
        septets.pop()
    return bytes(septets)


def ambiguous(septets: bytes, fill: int = 0) -> bool:
    """Whether ``septets`` end in a way that packing does not bring back.

    That is a carriage return, behind another one or an "@", which looks like one written
    by :func:`pack` to mark the end.
    """
    return unpack(pack(septets, fill), fill) != septets
