"""Where a connection comes from: addresses, and the networks that they are in.

An IPv4 address that is written as an IPv6 one (``::ffff:192.0.2.1``) is the IPv4 address.
What is no address, the path of a Unix socket for example, is in no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

__all__ = ["Address", "Network", "address_of", "block_of", "is_in", "read_network"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: One site has at least so many bits of IPv6; what it does counts together.
_SITE_BITS = 64
_MAPPED_BITS = 96


def address_of(peer: Any) -> Address | None:
    """The IP address of what a transport calls its peer; None when it has none."""
    host = getattr(peer, "host", None)
    try:
        address = ip_address(str(host).partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def block_of(address: Address | None) -> str:
    """What is counted as one: an IPv4 address, the /64 of an IPv6 one; "" for no address."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> _SITE_BITS << _SITE_BITS, _SITE_BITS)))
    return "" if address is None else str(address)


def is_in(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has the address; none has what is no address."""
    return address is not None and any(address in network for network in networks)


def read_network(text: str) -> Network:
    """The network that ``192.0.2.0/24`` or ``2001:db8::/32`` stands for.

    Raises:
        ValueError: none, or the address has bits beyond its length.
    """
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network
