"""Names are looked up here before libcurl looks them up, so that one that hangs costs nobody else anything.

libcurl resolves with 20 threads, two of which each request takes: ten names that nobody answers for would keep all
others waiting. Here each name takes one thread, however many requests want it. What is found is thrown away: libcurl
asks again, and the guard judges what it dials. Lives here: who waits for which name. It must not know libcurl.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from requests import PreparedRequest

from deliveries.outbound.guard import Resolve
from deliveries.outbound.options import TlsOptions

LOOKUPS_LIMIT = 200
# Less than libcurl remembers addresses for (60 s), so that it seldom has to look up what was not looked up here.
GOOD_SECONDS = 50.0
_REMEMBERED = 20_000
_LITERAL = re.compile(r"[0-9.]*|.*:.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A request that waits for its name; moments are on the monotonic clock."""

    request: PreparedRequest
    tag: object
    timeout_seconds: float
    tls: TlsOptions | None = field(repr=False)
    since: float
    give_up_at: float

    def left_seconds(self, now: float) -> float:
        """Return what its deadline leaves it."""
        return self.timeout_seconds - (now - self.since)


class Names:
    """The names of requests to come; `tell` is called from other threads when one was looked up."""

    def __init__(self, *, tell: Callable[[], None], resolve: Resolve | None = None) -> None:
        self._tell, self._resolve = tell, resolve or socket.getaddrinfo
        self._good_until: dict[str, float] = {}
        self._held: dict[str, list[Held]] = {}  # also with nobody left who waits, while the look-up goes on
        self._asked: deque[str] = deque()
        self._answers: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._busy = 0
        self.waiting = 0
        self.give_up_at = float("inf")  # when the first of those who wait has waited enough

    def knows(self, name: str) -> bool:
        """Say whether a request for this name may go to libcurl."""
        return self._good_until.get(name, 0.0) > time.monotonic()

    def note_kept(self, name: str) -> None:
        """Remember that a request got its answer over a kept connection: the next one needs no look-up either."""
        if len(self._good_until) >= _REMEMBERED:
            self._good_until.clear()
        self._good_until[name] = time.monotonic() + GOOD_SECONDS

    def hold(self, name: str, held: Held) -> None:
        """Let a request wait for its name."""
        self.waiting += 1
        self.give_up_at = min(self.give_up_at, held.give_up_at)
        if name not in self._held:
            self._held[name] = []
            self._asked.append(name)
            self._look_up_next()
        self._held[name].append(held)

    def ended(self) -> Iterator[tuple[Held, str]]:
        """Return who need not wait any longer: with "" if the name was found, else with what went wrong."""
        while not self._answers.empty():
            name, found = self._answers.get()
            self._busy -= 1
            if found:
                self.note_kept(name)
            for held in self._held.pop(name, ()):
                self.waiting -= 1
                yield held, "" if found else "dns_error"
        self._look_up_next()
        now = time.monotonic()
        if now >= self.give_up_at:
            yield from self._given_up(now)

    def close(self) -> None:
        """Forget everybody who waits."""
        self._asked.clear()
        self._held.clear()
        self.waiting = 0

    def _given_up(self, now: float) -> Iterator[tuple[Held, str]]:
        late = []
        for name, waiting in self._held.items():
            late += [held for held in waiting if held.give_up_at <= now]
            self._held[name] = [held for held in waiting if held.give_up_at > now]
        self.waiting -= len(late)
        self.give_up_at = min((held.give_up_at for each in self._held.values() for held in each), default=float("inf"))
        yield from ((held, "connect_timeout") for held in late)

    def _look_up_next(self) -> None:
        while self._asked and self._busy < LOOKUPS_LIMIT:
            name = self._asked.popleft()
            self._busy += 1
            threading.Thread(target=self._look_up, args=(name,), name="look up", daemon=True).start()

    def _look_up(self, name: str) -> None:
        try:
            self._resolve(name, None, type=socket.SOCK_STREAM)
            found = True
        except (OSError, UnicodeError):
            found = False
        self._answers.put((name, found))
        self._tell()


@lru_cache(maxsize=4096)
def name_in(url: str) -> str:
    """Return the host of a URL if it has to be looked up, "" for an address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return "" if _LITERAL.fullmatch(host) else host
