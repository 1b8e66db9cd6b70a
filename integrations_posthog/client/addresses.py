"""Which IP addresses may be connected to: global unicast, and none that leads inside.

The list is our own and does not lean on Python's ``is_global`` alone, which calls several
of these global (3.11), nor on the filter of requests-hardened, which lets some through.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_GLOBAL_UNICAST_IPV6 = ip_network("2000::/3")
"""Leaves out, among others, ``::/96``, ``64:ff9b::/96`` and ``fec0::/10``."""

_NEVER = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # the host of a virtual machine at Azure
        "100.64.0.0/10",  # shared address space of carriers, metadata services of some clouds
        "192.0.0.0/24",  # IETF protocol assignments, metadata services of some clouds
        "192.88.99.0/24",  # 6to4 relay anycast
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)


def is_allowed(address: str) -> bool:
    """Whether a socket may be opened to this address.

    Args:
        address: an IPv4 or IPv6 address in text form. A mapped one is judged by the IPv4 in it.

    Raises:
        ValueError: not an IP address.
    """
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_allowed(str(ip.ipv4_mapped))
        if ip not in _GLOBAL_UNICAST_IPV6:
            return False
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    return not any(ip in network for network in _NEVER if network.version == ip.version)
