"""Which IP addresses belong to the public internet.

What lives here: the refused ranges (`ipaddress.is_global` lets through all of NAT64, 6to4, multicast and more).
It must not know names, ports or the operator's allow-list. Source: the special-purpose registries of IANA.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ]
)
# RFC 6052: the gateway of an IPv6-only network sends these on to the IPv4 address in their last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
)


def parsed_address(text: str) -> Address | None:
    """Return the address with a v4-mapped one unwrapped, or None if it is none or has a scope."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    return None if parsed.scope_id is not None else parsed.ipv4_mapped or parsed


def reached(address: Address) -> Address:
    """Return where a request to an unwrapped address ends: by NAT64 at the IPv4 address in its last 32 bits."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def is_public(address: Address) -> bool:
    """Say whether an unwrapped address is a unicast address of the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if address in _NAT64:
        return is_public(reached(address))
    return address in _UNICAST_V6 and not any(address in network for network in _REFUSED_V6)
