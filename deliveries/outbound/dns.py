"""Names are looked up here and libcurl is told what was found, so that one that hangs costs nobody else anything.

libcurl would resolve with 20 threads, two of which each request takes: ten names that nobody answers for would keep
all others waiting. Here each name takes one thread, however many requests want it. The guard judges what is dialled.
Lives here: who waits for which name, where it leads, and since when. It must not know libcurl.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from requests import PreparedRequest

from deliveries.outbound.guard import AddressInfo, Resolve
from deliveries.outbound.options import ClientTls
from deliveries.protocol.writing.remembered import remember

LOOKUPS_LIMIT = 200
# An answer older than this is asked for anew while requests still go on with it, so that steady traffic never waits.
REFRESH_SECONDS = 60.0
GOOD_SECONDS = 90.0
# Of each family: whoever answers for a name decides how many there are, and each is a connection to somebody.
ADDRESSES_TRIED = 16
_REMEMBERED = 20_000

Place = tuple[str, int]  # a name and a port: what one endpoint has done to its port concerns no other port


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A request that waits for its name; moments are on the monotonic clock."""

    request: PreparedRequest
    tag: object
    timeout_seconds: float
    since: float
    give_up_at: float
    tls: ClientTls | None = None

    def left_seconds(self, now: float) -> float:
        """Return what its deadline leaves it."""
        return self.timeout_seconds - (now - self.since)


@dataclass(frozen=True, slots=True)
class _Found:
    addresses: tuple[str, ...]
    at: float


class Names:
    """The names of requests to come; `tell` is called from other threads when one was looked up."""

    def __init__(self, *, tell: Callable[[], None], resolve: Resolve | None = None) -> None:
        self._tell, self._resolve = tell, resolve or socket.getaddrinfo
        self._found: dict[Place, _Found] = {}
        self._moved: dict[Place, float] = {}
        self._by_place: dict[Place, list[Unresolved]] = {}  # also with nobody left who waits, while the look-up goes on
        self._asked: deque[Place] = deque()
        self._answers: queue.SimpleQueue[tuple[Place, tuple[str, ...], str]] = queue.SimpleQueue()
        self._busy = 0
        self.waiting = 0
        self.give_up_at = float("inf")  # when the first of those who wait has waited enough

    def addresses(self, place: Place) -> tuple[str, ...]:
        """Return where a name leads, or () when a request for it must wait until it is looked up."""
        found = self._found.get(place)
        if found is None:
            return ()
        age = time.monotonic() - found.at
        if age > GOOD_SECONDS:
            return ()
        if age > REFRESH_SECONDS:
            self._ask(place)
        return found.addresses

    def doubt(self, place: Place, *, is_away: bool) -> None:
        """Look a name up anew, because a request failed; if nobody `is_away` there, none goes on before that."""
        found = self._found.get(place)
        if found and is_away:
            self._found[place] = _Found(found.addresses, at=float("-inf"))
        self._ask(place)

    def seconds_since_move(self, place: Place) -> float:
        """Return how long ago a name was found to lead to none of its earlier addresses; infinite if it never was."""
        moved_at = self._moved.get(place)
        return float("inf") if moved_at is None else time.monotonic() - moved_at

    def enqueue(self, place: Place, request: Unresolved) -> None:
        """Let a request wait for its name."""
        self.waiting += 1
        self.give_up_at = min(self.give_up_at, request.give_up_at)
        self._ask(place, request)

    @property
    def is_asking(self) -> bool:
        """Tell whether `ended` has something to do."""
        return self._busy > 0 or self.waiting > 0

    def ended(self) -> Iterator[tuple[Unresolved, tuple[str, ...], str]]:
        """Return who need not wait any longer: with the addresses, or with none and what went wrong."""
        while not self._answers.empty():
            place, addresses, reason = self._answers.get()
            self._busy -= 1
            if addresses:
                self._note(place, addresses)
            for unresolved in self._by_place.pop(place, ()):
                self.waiting -= 1
                yield unresolved, addresses, reason
        self._look_up_next()
        now = time.monotonic()
        if now >= self.give_up_at:
            yield from self._given_up(now)

    def close(self) -> None:
        """Forget everybody who waits."""
        self._asked.clear()
        self._by_place.clear()
        self.waiting = 0

    def _note(self, place: Place, addresses: tuple[str, ...]) -> None:
        known = self._found.get(place)
        if known and not set(known.addresses) & set(addresses):
            remember(self._moved, place, time.monotonic(), limit=_REMEMBERED)
        remember(self._found, place, _Found(addresses, at=time.monotonic()), limit=_REMEMBERED)

    def _given_up(self, now: float) -> Iterator[tuple[Unresolved, tuple[str, ...], str]]:
        late = []
        for place, waiting in self._by_place.items():
            late += [unresolved for unresolved in waiting if unresolved.give_up_at <= now]
            self._by_place[place] = [unresolved for unresolved in waiting if unresolved.give_up_at > now]
        self.waiting -= len(late)
        self.give_up_at = min(
            (unresolved.give_up_at for each in self._by_place.values() for unresolved in each), default=float("inf")
        )
        yield from ((unresolved, (), "not_in_time") for unresolved in late)

    def _ask(self, place: Place, *requests: Unresolved) -> None:
        is_asked = place in self._by_place
        self._by_place.setdefault(place, []).extend(requests)
        if not is_asked:
            self._asked.append(place)
            self._look_up_next()

    def _look_up_next(self) -> None:
        while self._asked and self._busy < LOOKUPS_LIMIT:
            place = self._asked.popleft()
            if not (self._by_place[place] or place in self._found):
                del self._by_place[place]  # all who waited have given up: no thread for it that others wait for
                continue
            self._busy += 1
            threading.Thread(target=self._look_up, args=(place,), name="look up", daemon=True).start()

    def _look_up(self, place: Place) -> None:
        found: Sequence[AddressInfo] = ()
        reason = "not_found"
        try:
            found = self._resolve(place[0], None, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            reason = "no_answer" if getattr(error, "errno", 0) == socket.EAI_AGAIN else "not_found"
        # A scope is cut off: such an address is refused by the guard in any case.
        addresses = worth_trying(str(entry[4][0]).partition("%")[0] for entry in found)
        self._answers.put((place, addresses, "" if addresses else reason))
        self._tell()


def worth_trying(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the first addresses of each family, each once and in their order."""
    several = tuple(dict.fromkeys(addresses))
    if len(several) <= ADDRESSES_TRIED:
        return several
    six = [each for each in several if ":" in each][:ADDRESSES_TRIED]
    four = [each for each in several if ":" not in each][:ADDRESSES_TRIED]
    return tuple(each for each in several if each in six or each in four)
