"""Where a URL leads, read once: the name to look up, the port, and the bytes of its request line.

Lives here: a reading of URLs that were checked at registration. It must not judge them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_LITERAL = re.compile(r"[0-9.]*|.*:.*")
_TARGET = re.compile(r"[A-Za-z]+://[^/?#]*([^#]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The parts of one URL.

    `name` is its host if that has to be looked up, "" for an address. `target` is path and query, byte for byte.
    `escaped` says that there is a % in its host: libcurl would decode it, and keep the scope of an address from
    the callback that judges it.
    """

    name: str
    port: int
    target: str
    encrypted: bool
    escaped: bool


@lru_cache(maxsize=4096)
def destination_of(url: str) -> Destination:
    """Return where a URL leads; of one that cannot be read, nothing that libcurl would not refuse."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return Destination(name="", port=0, target="", encrypted=False, escaped=True)
    return Destination(
        name="" if _LITERAL.fullmatch(host) else host,
        port=port,
        target=_target_in(url),
        encrypted=parts.scheme == "https",
        escaped="%" in parts.netloc,
    )


def _target_in(url: str) -> str:
    match = _TARGET.match(url)
    target = match[1] if match else ""
    return target if target.startswith("/") else f"/{target}"
