"""Requests that leave, among the settings: which addresses they may reach, and by which way.

What lives here: its variables and their parsers; conf.py has them with all others. It must not know Django.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from deliveries.address_variables import authorities, proxy
from deliveries.process_settings import ProcessSettings
from deliveries.variables import between, setting, truth, words

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def _range_of(word: str) -> tuple[int, int]:
    match = _PORTS.fullmatch(word)
    return (int(match[1]), int(match[2] or match[1])) if match else (0, 0)


def ports(raw: str) -> tuple[tuple[int, int], ...]:
    """ports and ranges, comma separated"""
    ranges = []
    for word in words(raw):
        low, high = _range_of(word)
        if not 0 < low <= high < 65536:
            raise ValueError(f"{word!r} is not a port or a range of ports")
        ranges.append((low, high))
    if not ranges:
        raise ValueError("names no port, so that nothing could be sent")
    return tuple(ranges)


@dataclass(frozen=True, slots=True)
class AllowedTarget:
    """An address range that endpoints may reach although it is private, by one port or those up to `last_port`."""

    network: Network
    port: int
    last_port: int = 0

    def opens(self, port: int) -> bool:
        """Say whether requests may go to this port of the range."""
        return self.port <= port <= max(self.port, self.last_port)

    def __str__(self) -> str:
        return f"{self.network}:{self.port}" + (f"-{self.last_port}" if self.last_port > self.port else "")


def targets(raw: str) -> tuple[AllowedTarget, ...]:
    """CIDR:port or CIDR:port-port, comma separated"""
    found = []
    for word in words(raw):
        cidr, colon, several = word.rpartition(":")
        low, high = _range_of(several)
        if not colon or not 0 < low <= high < 65536:
            raise ValueError(
                f"{word!r} is not CIDR:port, such as 127.0.0.1/32:9400, [::1]/128:9400 or 127.0.0.1/32:1-9"
            )
        found.append(AllowedTarget(ipaddress.ip_network(cidr.replace("[", "").replace("]", "")), low, high))
    return tuple(found)


def networks(raw: str) -> tuple[Network, ...]:
    """CIDR, comma separated"""
    return tuple(ipaddress.ip_network(word) for word in words(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings(ProcessSettings):
    """What endpoints may be reached, and by which way."""

    allow_targets: tuple[AllowedTarget, ...] = setting(
        "HOOKPOST_ALLOW_TARGETS",
        "",
        targets,
        "Private targets that endpoints may reach, CIDR:port or CIDR:port-port, comma separated; they may be plain http.",
    )
    deny_networks: tuple[Network, ...] = setting(
        "HOOKPOST_DENY_NETWORKS",
        "",
        networks,
        "Public networks that endpoints may not reach, such as your own; they win over HOOKPOST_ALLOW_TARGETS. Of your names, those of HOOKPOST_BASE_URL and HOOKPOST_ALLOWED_HOSTS are refused in any case.",
    )
    allow_http: bool = setting("HOOKPOST_ALLOW_HTTP", "false", truth, "Accept endpoints with plain http.")
    allowed_ports: tuple[tuple[int, int], ...] = setting(
        "HOOKPOST_ALLOWED_PORTS", "80,443,1024-65535", ports, "Ports that endpoints may use."
    )
    ca_file: str = setting(
        "HOOKPOST_CA_FILE",
        "",
        authorities,
        "Authorities that certificates of endpoints and of the egress proxy must come from, in place of the public ones (add those to the file to trust both); read when a process starts.",
    )
    connection_seconds: int = setting(
        "HOOKPOST_CONNECTION_SECONDS",
        "120",
        between(1, 240),
        "How old a kept connection to an endpoint may get; with the 90 seconds for which a name's addresses are used, the longest that steady traffic goes on to an address that its name has left.",
    )
    egress_proxy: str = setting(
        "HOOKPOST_EGRESS_PROXY",
        "",
        proxy,
        "Proxy that every outgoing request takes; there is no direct fallback.",
    )
    egress_addresses: tuple[str, ...] = setting(
        "HOOKPOST_EGRESS_ADDRESSES", "", words, "Addresses published at /api/v1/meta for receivers' allow-lists."
    )
