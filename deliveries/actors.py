"""The Dramatiq actors, and how lanes are woken. Messages carry ids only; nothing is retried by the broker.

PostgreSQL is the truth and the broker a doorbell: a message that is lost costs time, never a delivery. While the broker
is away, what this process would have told everybody it tells its own engines, so that deliveries go on where the
dispatcher leads. Messages cannot pile up either: who rings looks first at how many wait, and many lanes are not named
but looked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, cast
from uuid import UUID

import dramatiq
import structlog

from deliveries.engine.dispatcher import Dispatcher
from deliveries.engine.engines import Engines
from deliveries.errors import reason_of
from deliveries.metrics import names
from deliveries.services.common.seldom import Seldom

log = structlog.get_logger(__name__)

LANES_A_MESSAGE = 32
LANES_TOGETHER = 12  # so few go in one message; more are shared by several workers
MESSAGES_AT_ONCE = 4
LANES_NAMED = 128  # more than that at once are not named: a message without lanes says that there are some
COLLECT_SECONDS = 0.005
RING_SECONDS = 0.002  # between two rings of the threads that commit: closer ones are gathered
WAITING_LIMIT = 64  # messages of a queue, from which on nobody rings
AWAY_SECONDS = 5.0  # after a failure nobody but the notifier's own thread waits for the broker
HEARD_SECONDS = 0.5  # within which a worker takes a lane that was rung for
FORGET_SECONDS = 3.0  # since a ring, after which it is not counted against the broker
LOOK_SECONDS = 0.25  # between two looks at how many wait
WEEK_MS = 7 * 24 * 3600 * 1000


class CountingBroker(Protocol):
    """A broker that says how many messages of a queue wait to be read; see config/broker.py."""

    def waiting(self, queue_name: str) -> int:
        """Return how many messages wait."""


@dramatiq.actor(queue_name="deliveries", max_retries=0, time_limit=WEEK_MS)
def deliver_due(endpoint_ids: Sequence[str]) -> None:
    """Let this process deliver what is due for these lanes; without any, for those that it finds."""
    _engines.hint(endpoint_ids, slow=False)


@dramatiq.actor(queue_name="deliveries_slow", max_retries=0, time_limit=WEEK_MS)
def deliver_due_slow(endpoint_ids: Sequence[str]) -> None:
    """The same for lanes that answer late, by an engine of their own."""
    _engines.hint(endpoint_ids, slow=True)


@dramatiq.actor(queue_name="jobs", max_retries=0, time_limit=WEEK_MS)
def run_job(job_id: str) -> None:
    """Take a step of the job whose turn it is, whichever was rung for, and ring again while there is more."""
    from deliveries.services import job_steps

    skipped: set[UUID] = set()
    while (step := job_steps.run_next_step(skipped=skipped)) is not None:
        wake(step.lanes)
        if step.more:
            ring_job(step.job_id)
            return
        skipped.add(step.job_id)


def start_engines() -> None:
    """Begin to deliver, without waiting for a message: what is due may have been due for long."""
    names.IN_FLIGHT.read = lambda: sum(engine.outbox.in_flight for engine in _engines.all())
    names.LANES_IN_HAND.read = lambda: sum(len(engine.lanes) for engine in _engines.all())
    _engines.of(slow=False)


def engines_live() -> bool:
    """Say whether this process's engines go on."""
    return _engines.live()


def begin_no_more() -> None:
    """Begin no request from now on; what is in flight may end."""
    _engines.begin_no_more()


def stop_engines() -> None:
    """Let requests in flight end for a moment, and give all lanes of this process back."""
    _engines.stop()


class _Notifier:
    """Rings at once, and then once for all lanes that were woken in the milliseconds since."""

    def __init__(self) -> None:
        self._lanes: dict[UUID, bool] = {}
        self._many: dict[UUID, bool] = {}  # that were woken by the dozen: among those nobody is named
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._thread: threading.Thread | None = None
        self._crowded = {False: False, True: False}
        self._look_at = {False: 0.0, True: 0.0}
        self._rung_at = self._away_until = 0.0

    def note_away(self) -> None:
        self._away_until = time.monotonic() + AWAY_SECONDS

    def is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def add(self, lanes: Iterable[tuple[UUID, bool]]) -> None:
        given = dict(lanes)
        with self._lock:
            (self._lanes if len(given) <= LANES_TOGETHER else self._many).update(given)
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring_on, name="notifier", daemon=True)
                self._thread.start()
        if given:
            self._filled.set()

    def ring_now(self, lanes: Sequence[tuple[UUID, bool]]) -> None:
        """Ring in this thread, unless others rang a moment ago or the broker is away: then the notifier's does."""
        now, in_haste = time.monotonic(), getattr(deliver_due.broker, "in_haste", None)
        with self._lock:
            is_free = not self._lanes and now - self._rung_at > RING_SECONDS and now > self._away_until
            if is_free:
                self._rung_at = now
        if is_free and in_haste and len(lanes) <= LANES_TOGETHER:
            with in_haste():
                self._send_all(dict(lanes))
        else:
            self.add(lanes)

    def _ring_on(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            self._ring()
            time.sleep(COLLECT_SECONDS)

    def _ring(self) -> None:
        with self._lock:
            rings, self._lanes, self._many = (self._lanes, self._many), {}, {}
            self._rung_at = time.monotonic()
        for lanes in rings:
            self._send_all(lanes)

    def _send_all(self, lanes: Mapping[UUID, bool]) -> None:
        for slow in (False, True):
            if ids := [endpoint_id for endpoint_id, is_slow in lanes.items() if is_slow is slow]:
                self._send(ids, slow=slow)

    def _send(self, ids: Sequence[UUID], *, slow: bool) -> None:
        if was_away := self.is_away():
            _engines.tell(ids, slow=slow)  # now: the broker may be one that says nothing for seconds
        try:
            if not self._is_crowded(slow=slow):
                for part in parts_of([str(endpoint_id) for endpoint_id in ids]):
                    _ring_for(_actor_of(slow=slow), part)
        except Exception as error:  # the broker is away: the leading dispatcher finds these lanes by itself
            note_broker_away(error, lanes=len(ids))
            if not was_away:
                _engines.tell(ids, slow=slow)

    def _is_crowded(self, *, slow: bool) -> bool:
        """Say whether so many messages wait that another one helps nobody: who reads those finds all the others."""
        if time.monotonic() >= self._look_at[slow]:
            self._crowded[slow] = messages_waiting(slow=slow) >= WAITING_LIMIT
            self._look_at[slow] = time.monotonic() + LOOK_SECONDS
        return self._crowded[slow]


def parts_of(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Return the messages for these lanes: a handful in one, more in several, very many in a few that name none."""
    if len(ids) > LANES_NAMED:
        yield from ([] for _ in range(MESSAGES_AT_ONCE))
        return
    size = LANES_TOGETHER if len(ids) <= LANES_TOGETHER else min(LANES_A_MESSAGE, -(-len(ids) // MESSAGES_AT_ONCE))
    yield from (ids[start : start + size] for start in range(0, len(ids), size))


def messages_waiting(*, slow: bool) -> int:
    """Return how many messages of a queue no worker has read."""
    actor = _actor_of(slow=slow)
    count = getattr(actor.broker, "waiting", None)  # a broker of Dramatiq's own, in another project, cannot tell
    return cast(CountingBroker, actor.broker).waiting(actor.queue_name) if count else 0


def _ring_for(actor: dramatiq.Actor[[Sequence[str]], None], lanes: Sequence[str]) -> None:
    """Send a hint, past Dramatiq's message where the broker writes it itself."""
    if hint := getattr(actor.broker, "hint", None):
        hint(actor.queue_name, actor_name=actor.actor_name, lanes=lanes)
    else:
        actor.send(lanes)


def _actor_of(*, slow: bool) -> dramatiq.Actor[[Sequence[str]], None]:
    return deliver_due_slow if slow else deliver_due


_notifier = _Notifier()
_seldom = Seldom()


def wake(lanes: Iterable[tuple[UUID, bool]]) -> None:
    """Ring for lanes, given as (endpoint id, whether it is slow); returns at once, whatever the broker does."""
    _notifier.add(lanes)


def wake_now(lanes: Sequence[tuple[UUID, bool]]) -> None:
    """Ring for lanes before this returns, where that costs a moment only."""
    _notifier.ring_now(lanes)


_engines = Engines(wake)


class _FoundLanes:
    """Lanes that the dispatcher found: rung for, and told to this process's own engines if a ring was in vain.

    A broker can lose messages without a word, as a cluster of RabbitMQ does while it chooses another node.
    """

    def __init__(self) -> None:
        self._rung: dict[UUID, float] = {}

    def ring(self, lanes: Iterable[tuple[UUID, bool]]) -> None:
        """Ring for lanes; nobody took those that were rung for a moment ago."""
        now, found = time.monotonic(), list(lanes)
        self._rung = {lane: at for lane, at in self._rung.items() if now - at < FORGET_SECONDS}
        for slow in (False, True):
            mine = [lane for lane, is_slow in found if is_slow is slow]
            if unheard := [lane for lane in mine if now - self._rung.get(lane, now) > HEARD_SECONDS]:
                _engines.tell(unheard, slow=slow)
        self._rung |= dict.fromkeys((lane for lane, _ in found), now)
        wake(found)


def wake_all(*, slow: bool) -> None:
    """Ring for more lanes than can be named; returns whatever the broker does."""
    _engines.tell([], slow=slow)
    try:
        if messages_waiting(slow=slow) < WAITING_LIMIT:
            for _ in range(MESSAGES_AT_ONCE):
                _actor_of(slow=slow).send([])
    except Exception as error:
        note_broker_away(error, lanes="all")


def ring_job(job_id: UUID) -> None:
    """Ring for a job; returns whatever the broker does, because the dispatcher finds open jobs by itself."""
    try:
        run_job.send(str(job_id))
    except Exception as error:
        note_broker_away(error, job=str(job_id))


def note_broker_away(error: Exception, **what: object) -> None:
    """Count a ring that failed, log each reason once a minute, and ring with less haste for a while."""
    _notifier.note_away()
    names.BROKER_FAILURES.add()
    if _seldom.lets(reason := reason_of(error)):
        log.warning("broker_notify_failed", error=reason, **what)


def run_dispatcher(stop: threading.Event) -> None:
    """Dispatch until told to stop."""
    ring = _FoundLanes().ring
    Dispatcher(ring=ring, ring_all=wake_all, ring_job=ring_job, is_heard=is_heard).run_forever(stop)


def is_heard() -> bool:
    """Say whether what this process rings for comes to an engine: its own, or by the broker another's."""
    return bool(_engines.all()) or not _notifier.is_away()
