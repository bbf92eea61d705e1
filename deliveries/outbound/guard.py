"""Which addresses a request may be sent to, judged on the address that is really dialled.

Lives here: the operator's lists beside protocol/writing/addresses.py, the check at registration.
It must not know libcurl, requests or the database.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from deliveries.errors import InvalidUrl
from deliveries.network_settings import AllowedTarget, Network
from deliveries.protocol.writing.addresses import is_public, parsed_address, reached
from deliveries.protocol.writing.remembered import remember
from deliveries.protocol.writing.sentences import say

# What socket.getaddrinfo tells of one address, which stands in the last part.
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
Resolve = Callable[..., Sequence[AddressInfo]]

RESOLVE_SECONDS = 5.0
# Resolving cannot be cancelled: a thread whose time is over lives on until the resolver gives up. They are fewer than
# the threads of a web process, and nobody waits long for one, so that names that hang cannot occupy it.
LOOKUPS_AT_ONCE = 8
SLOT_SECONDS = 1.0
_RESOLVERS = threading.BoundedSemaphore(LOOKUPS_AT_ONCE)
_REMEMBERED = 4096
_PLAIN_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


class DialRule(Protocol):
    """What decides about every new connection."""

    def permits(self, address: str, port: int) -> bool:
        """Tell whether this address and port may be dialled."""


class Guard:
    """Public addresses, and what the operator allow-listed."""

    def __init__(self, allow: Sequence[AllowedTarget] = (), *, deny: Sequence[Network] = ()) -> None:
        self._allow, self._deny = tuple(allow), tuple(deny)
        self._judged: dict[tuple[str, int], bool] = {}

    def permits(self, address: str, port: int) -> bool:
        """Tell whether this address and port may be dialled; anything unclear may not."""
        verdict = self._judged.get((address, port))
        if verdict is None:
            verdict = self._judge(address, port)
            remember(self._judged, (address, port), verdict, limit=_REMEMBERED)
        return verdict

    def check_target(
        self,
        host: str,
        port: int,
        *,
        resolve: Resolve = socket.getaddrinfo,
        timeout_seconds: float = RESOLVE_SECONDS,
    ) -> None:
        """Raise InvalidUrl unless the host resolves in time and every address of it may be dialled."""
        bare = host.removeprefix("[").removesuffix("]")
        for address in resolved(bare, port, resolve=resolve, timeout_seconds=timeout_seconds):
            if not self.permits(address, port):
                raise InvalidUrl(_refusal(bare, address, port), field="url")

    def _judge(self, address: str, port: int) -> bool:
        parsed = parsed_address(address)
        if parsed is None or any(reached(parsed) in network for network in self._deny):
            return False
        if any(target.opens(port) and parsed in target.network for target in self._allow):
            return True
        return is_public(parsed)

    def permits_by_proxy(self, url: str) -> bool:
        """Tell whether a URL may be given to a proxy, which resolves names itself: no private literals."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
            host = host.removesuffix(".")
        except ValueError:
            return False
        if "@" in parts.netloc or "\\" in parts.netloc:
            return False  # read differently by different parsers
        if _PLAIN_NAME.fullmatch(host) is None:
            address = parsed_address(host)
            return address is not None and self.permits(str(address), port)
        try:
            # Also the odd forms of IPv4, 127.1 and 0x7f000001, which a proxy may understand.
            return self.permits(socket.inet_ntoa(socket.inet_aton(host)), port)
        except OSError:
            return True


class ProxyOnly:
    """The egress proxy's own addresses, and nothing else: there is no direct fallback.

    Requests look its name up by `resolve`: a name server may give another of its addresses with each answer.
    """

    def __init__(self, proxy_url: str, *, resolve: Resolve = socket.getaddrinfo) -> None:
        self._host, self._port = proxy_place(proxy_url)
        self._resolve = resolve
        self._known: dict[str, bool] = {}

    def permits(self, address: str, port: int) -> bool:
        """Tell whether this is the proxy; its name is resolved again when the address is new."""
        if port != self._port:
            return False
        if address not in self._known:
            self._look_up()
        return address in self._known

    def resolve(self, host: str, port: int | None, **more: object) -> Sequence[AddressInfo]:
        """Look a name up, and note where the proxy's leads."""
        found = self._resolve(host, port, **more)
        if host == self._host:
            for entry in found:
                remember(self._known, str(entry[4][0]), True, limit=_REMEMBERED)
        return found

    def _look_up(self) -> None:
        with contextlib.suppress(InvalidUrl):
            resolved(self._host, self._port, resolve=self.resolve, timeout_seconds=RESOLVE_SECONDS)


def proxy_place(proxy_url: str) -> tuple[str, int]:
    """Return host and port of a proxy, the port by libcurl's default where the URL has none."""
    parts = urlsplit(proxy_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 1080)


def resolved(host: str, port: int, *, resolve: Resolve, timeout_seconds: float) -> tuple[str, ...]:
    """Return the addresses of a host, or raise InvalidUrl when there are none within the time."""
    answers: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = resolve(host, port, type=socket.SOCK_STREAM)
            answers.put(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, ValueError):
            answers.put(())
        finally:
            _RESOLVERS.release()

    if not _RESOLVERS.acquire(timeout=min(timeout_seconds, SLOT_SECONDS)):
        raise InvalidUrl(say("{host} could not be resolved in time", host=host), field="url")
    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        addresses = answers.get(timeout=timeout_seconds)
    except queue.Empty:
        raise InvalidUrl(say("{host} could not be resolved in time", host=host), field="url") from None
    if not addresses:
        raise InvalidUrl(say("{host} cannot be resolved", host=host), field="url")
    return addresses


def _refusal(host: str, address: str, port: int) -> str:
    named = address if address == host else f"{host} resolves to {address}, which"
    return f"{named} is not an address that requests may go to (port {port})"
