"""Where a request comes from: the one answer for lock-out, limits and logs.

What lives here: the caller's address. Behind a trusted proxy it is the entry that this proxy added, the last one of
X-Forwarded-For; whatever stands before it was written by the caller. It must not know what an address is used for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from django.http import HttpRequest

from deliveries.conf import conf

IPV6_PREFIX = 64  # what one subscriber is given; each holds 2**64 addresses


def address_of(environ: Mapping[str, object]) -> str:
    """Return the caller's address in its plain form, or "" when there is none (a Unix socket)."""
    peer = _plain(str(environ.get("REMOTE_ADDR") or ""))
    if not conf.trusted_proxy:
        return peer
    last = str(environ.get("HTTP_X_FORWARDED_FOR") or "").rpartition(",")[2].strip()
    return _plain(last) or peer


def log_in_address(request: HttpRequest) -> str | None:
    """Return the address that failed log-ins are counted for."""
    return network_of(request.META) or None


def network_of(environ: Mapping[str, object]) -> str:
    """Return the address that is counted for a caller: of IPv6 the network of one subscriber."""
    address = address_of(environ)
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False).network_address)


def _plain(text: str) -> str:
    try:
        address = ipaddress.ip_address(_without_port(text))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))  # without a scope
    return str(address)


def _without_port(text: str) -> str:
    """Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
