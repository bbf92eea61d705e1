"""How much of a web process one customer holds at once: its threads, connections and processor time are everybody's.

What lives here: the count of each customer under way, a short wait for a place, and the refusal beyond it; budgets.py
keeps the accounts of processor time. It must not know requests. Service keys and staff are the operator's, and are not
counted. Who is beyond its share waits: an answer at once would invite the next request, and a thread that waits costs
nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from uuid import UUID

from django.db import close_old_connections

from deliveries.conf import conf
from deliveries.database.sharing import is_sharing
from deliveries.errors import TooManyAtOnce
from deliveries.evaluator.turns import asker, asking_for
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.limits import LIMITS
from deliveries.services.process.budgets import Budgets
from deliveries.services.process.group_commit import committing_seconds

HAS_PLACE = "hookpost.has_place"  # in what a web server tells of a request: its place was taken before
WAIT_SECONDS = 2.0
UNDER_WAY = say("another one like it is under way for this customer; ask again once it has ended")
SECONDS_PER_BYTE = 1e-7  # of a posted body: what storing it costs the database, and those who wait for it there
SECONDS_PER_DELIVERY = 2.5e-4  # of processor, from its row in the queue to the record of its attempt

THE_OPERATORS = nullcontext()  # has a place always

_budgets = Budgets()  # of events, requests and pages together


@dataclass(slots=True)
class _Customer:
    """What one customer has at work and waiting; `freed` tells those that wait."""

    freed: threading.Condition
    working: int = 0
    waiting: int = 0


class RequestShares:
    """The requests of one kind in this process, by customer; `limit` names how many of them work at once."""

    def __init__(self, limit: str, budgets: Budgets, *, cost_factor: float = 1.0) -> None:
        self._limit, self._budgets, self._cost_factor = limit, budgets, cost_factor
        self._customers: dict[UUID, _Customer] = {}
        self._lock = threading.Lock()

    def place(self, customer_id: UUID | None, *, body_bytes: int = 0) -> AbstractContextManager[None]:
        """Work inside, after a short wait if need be; raises TooManyAtOnce when no place becomes free."""
        self._budgets.note(customer_id, time.monotonic())
        return THE_OPERATORS if customer_id is None else self._place(customer_id, body_bytes)

    @contextmanager
    def _place(self, customer_id: UUID, body_bytes: int) -> Iterator[None]:
        drawn = self._take(customer_id)
        began, committing = time.thread_time(), committing_seconds()
        try:
            with asking_for(customer_id):
                yield
        finally:
            # What the request committed itself is the part that another thread would have had to do.
            own = time.thread_time() - began - (committing_seconds() - committing)
            cost = own * self._cost_factor + body_bytes * SECONDS_PER_BYTE
            self._give_back(customer_id, drawn=drawn, cost=cost)

    def under_way(self) -> int:
        """Return how many customers have a request here."""
        return len(self._customers)

    def _take(self, customer_id: UUID) -> float:
        figure = LIMITS[self._limit].figure(None)
        with self._lock:
            mine = self._customers.setdefault(customer_id, _Customer(threading.Condition(self._lock)))
            if self._pause(customer_id, mine, figure) and not self._is_free_after_wait(customer_id, mine, figure):
                self._forget_if_idle(customer_id, mine)
                raise self._too_many(customer_id) if mine.working >= figure else _too_dear(customer_id)
            mine.working += 1
            return self._budgets.begin(customer_id, time.monotonic(), share=_share())

    def _pause(self, customer_id: UUID, mine: _Customer, figure: int) -> float:
        """Return how long to wait for a place, or for somebody to give one back."""
        if mine.working >= figure:
            return WAIT_SECONDS
        return self._budgets.pause(customer_id, time.monotonic(), share=_share())

    def _is_free_after_wait(self, customer_id: UUID, mine: _Customer, figure: int) -> bool:
        in_all = sum(each.waiting for each in self._customers.values())
        if mine.waiting >= waiting_limit() or in_all >= 2 * waiting_limit():
            return False
        if is_sharing():
            close_old_connections()  # who waits holds no connection to the database
        until = time.monotonic() + WAIT_SECONDS
        mine.waiting += 1
        try:
            while (pause := self._pause(customer_id, mine, figure)) and (left := until - time.monotonic()) > 0:
                mine.freed.wait(min(pause, left))
            return not pause
        finally:
            mine.waiting -= 1

    def _too_many(self, customer_id: UUID) -> TooManyAtOnce:
        figure = LIMITS[self._limit].figure(None)
        return _refusal(
            f"{figure} requests of this customer are at work in this process; send fewer at a time",
            self._limit,
            customer_id,
        )

    def _give_back(self, customer_id: UUID, *, drawn: float, cost: float) -> None:
        self._budgets.end(customer_id, time.monotonic(), share=_share(), drawn=drawn, cost=cost)
        with self._lock:
            mine = self._customers[customer_id]
            mine.working -= 1
            mine.freed.notify()
            self._forget_if_idle(customer_id, mine)

    def _forget_if_idle(self, customer_id: UUID, mine: _Customer) -> None:
        if not mine.working and not mine.waiting:
            del self._customers[customer_id]


def charge(customer_id: UUID, *, deliveries: int, seconds: float = 0.0) -> None:
    """Draw on a customer's account what its own posts have others do: make deliveries, send and record them."""
    cost = seconds + deliveries * SECONDS_PER_DELIVERY
    _budgets.draw(customer_id, time.monotonic(), share=_share(), cost=cost)


class DearWork:
    """What PostgreSQL does for as long as a customer's request chose: one at a time, and drawn on its account."""

    def __init__(self) -> None:
        self._customers: set[UUID] = set()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Work inside, once nothing of the kind is under way for whoever asks; raises TooManyAtOnce after a wait."""
        customer_id = asker()
        if not isinstance(customer_id, UUID):
            yield
            return
        self._begin(customer_id)
        began, own = time.monotonic(), time.thread_time()
        try:
            yield
        finally:
            waited = time.monotonic() - began - (time.thread_time() - own)
            charge(customer_id, deliveries=0, seconds=waited)
            self._end(customer_id)

    def _begin(self, customer_id: UUID) -> None:
        if customer_id in self._customers and is_sharing():
            close_old_connections()  # who waits holds no connection to the database
        with self._changed:
            if not self._changed.wait_for(lambda: customer_id not in self._customers, timeout=WAIT_SECONDS):
                raise _refusal(UNDER_WAY, "processor_percent", customer_id)
            self._customers.add(customer_id)

    def _end(self, customer_id: UUID) -> None:
        with self._changed:
            self._customers.discard(customer_id)
            self._changed.notify_all()


def paced(customer_id: UUID | None, parts: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """Yield the parts of a long answer, each once the customer's account has time for it; the operator's at once."""
    with closing(parts):
        while True:
            drawn = _wait_for_time(customer_id) if customer_id else 0.0
            began = time.thread_time()
            try:
                part = next(parts, None)
            finally:
                if customer_id:
                    cost = time.thread_time() - began
                    _budgets.end(customer_id, time.monotonic(), share=_share(), drawn=drawn, cost=cost)
            if part is None:
                return
            yield part


def _wait_for_time(customer_id: UUID) -> float:
    while pause := _budgets.pause(customer_id, time.monotonic(), share=_share()):
        if is_sharing():
            close_old_connections()
        time.sleep(pause)
    _budgets.note(customer_id, time.monotonic())
    return _budgets.begin(customer_id, time.monotonic(), share=_share())


def waiting_limit() -> int:
    """Return how many requests of a kind of one customer may wait; of all customers twice as many."""
    return max(2, conf.web_threads * 3 // 16)


def _too_dear(customer_id: UUID) -> TooManyAtOnce:
    sentence = "this customer's requests have used up their share of this process's time; send fewer, or more in one"
    return _refusal(sentence, "processor_percent", customer_id)


def _refusal(sentence: str, limit: str, customer_id: UUID) -> TooManyAtOnce:
    owner = ids.encode_id(ids.CUSTOMER, customer_id)
    return TooManyAtOnce(sentence, limit=limit, figure=LIMITS[limit].figure(None), owner=owner)


def _share() -> float:
    return LIMITS["processor_percent"].figure(None) / 100


# Of an event the committing thread has as much again to do.
posted_events = RequestShares("events_at_once", _budgets, cost_factor=2.0)
requests_and_pages = RequestShares("requests_at_once", _budgets)
filter_previews, counts = DearWork(), DearWork()
