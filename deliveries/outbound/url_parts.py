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
_REQUEST_TARGET = re.compile(r"[A-Za-z]+://[^/?#]*([^#]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlParts:
    """The parts of one URL.

    `name` is its host if that has to be looked up, "" for an address. `request_target` is path and query, byte for
    byte (RFC 9112, 3.2). `escaped` says that there is a % in its host: libcurl would decode it, and keep the scope of
    an address from the callback that judges it.
    """

    name: str
    port: int
    place: tuple[str, int]  # both of them
    request_target: str
    encrypted: bool
    escaped: bool


@lru_cache(maxsize=4096)
def url_parts(url: str) -> UrlParts:
    """Return where a URL leads; of one that cannot be read, nothing that libcurl would not refuse."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return UrlParts(name="", port=0, place=("", 0), request_target="", encrypted=False, escaped=True)
    name = "" if _LITERAL.fullmatch(host) else host
    return UrlParts(
        name=name,
        port=port,
        place=(name, port),
        request_target=_request_target(url),
        encrypted=parts.scheme == "https",
        escaped="%" in parts.netloc,
    )


def _request_target(url: str) -> str:
    match = _REQUEST_TARGET.match(url)
    found = match[1] if match else ""
    return found if found.startswith("/") else f"/{found}"
