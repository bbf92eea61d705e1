"""The Dramatiq actors, and how lanes are woken. Messages carry ids only; nothing is retried by the broker.

PostgreSQL is the truth and the broker a doorbell: a message that is lost costs time, never a delivery.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import dramatiq
import structlog

from deliveries.engine.dispatcher import Dispatcher
from deliveries.engine.loop import Engine
from deliveries.engine.turns import take_turn
from deliveries.errors import reason_of

log = structlog.get_logger(__name__)

LANES_PER_TURN_LIMIT = 32
LANES_TOGETHER = 12
TURNS_AT_ONCE = 4
COLLECT_SECONDS = 0.005
WEEK_MS = 7 * 24 * 3600 * 1000


@dramatiq.actor(queue_name="deliveries", max_retries=0, time_limit=WEEK_MS)
def deliver_due(endpoint_ids: Sequence[str]) -> None:
    """Take a turn over these lanes."""
    take_turn([UUID(text) for text in endpoint_ids], engine=_engines.of(slow=False), slow=False)


@dramatiq.actor(queue_name="deliveries_slow", max_retries=0, time_limit=WEEK_MS)
def deliver_due_slow(endpoint_ids: Sequence[str]) -> None:
    """Take a turn over lanes that time out, on threads of their own."""
    take_turn([UUID(text) for text in endpoint_ids], engine=_engines.of(slow=True), slow=True)


@dramatiq.actor(queue_name="jobs", max_retries=0, time_limit=WEEK_MS)
def run_job(job_id: str) -> None:
    """Take a step of the job whose turn it is, whichever was rung for, and ring again while there is more."""
    from deliveries.services import jobs

    skipped: set[UUID] = set()
    while (step := jobs.run_next_step(skipped=skipped)) is not None:
        wake(step.lanes)
        if step.more:
            ring_job(step.job_id)
            return
        skipped.add(step.job_id)


class _Engines:
    """The engines of this process, one for quick lanes and one for slow; started by the first turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[bool, tuple[Engine, threading.Thread]] = {}
        self._stopping = threading.Event()

    def of(self, *, slow: bool) -> Engine:
        with self._lock:
            if slow not in self._running:
                engine = Engine(wake=wake)
                name = "engine-slow" if slow else "engine"
                thread = threading.Thread(target=engine.run, args=(self._stopping,), name=name, daemon=True)
                thread.start()
                self._running[slow] = engine, thread
            return self._running[slow][0]

    def stop(self) -> None:
        self._stopping.set()
        for engine, _ in self._running.values():
            engine.adopt(())
        for _, thread in self._running.values():
            thread.join()


_engines = _Engines()


def stop_engines() -> None:
    """Let requests in flight end for a moment, and give all lanes of this process back."""
    _engines.stop()


class _Doorbell:
    """Rings at once, and then once for all lanes that were woken in the milliseconds since."""

    def __init__(self) -> None:
        self._lanes: dict[UUID, bool] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, lanes: Iterable[tuple[UUID, bool]]) -> None:
        with self._lock:
            self._lanes.update(lanes)
            if self._thread is None:
                self._thread = threading.Thread(target=self._ring_on, name="doorbell", daemon=True)
                self._thread.start()
        if self._lanes:
            self._filled.set()

    def _ring_on(self) -> None:
        while True:
            self._filled.wait()
            self._filled.clear()
            self._ring()
            time.sleep(COLLECT_SECONDS)

    def _ring(self) -> None:
        with self._lock:
            lanes, self._lanes = self._lanes, {}
        for actor, slow in ((deliver_due, False), (deliver_due_slow, True)):
            ids = [str(endpoint_id) for endpoint_id, is_slow in lanes.items() if is_slow is slow]
            for part in batched(ids, lanes_per_turn(len(ids))):
                try:
                    actor.send(part)
                except Exception as error:  # the broker is away: the dispatcher finds these lanes by itself
                    log.warning("doorbell_failed", error=reason_of(error), lanes=len(ids))
                    return


def lanes_per_turn(lanes: int) -> int:
    """Say how many lanes one message names: a handful stays together, more are shared by several turns."""
    if lanes <= LANES_TOGETHER:
        return LANES_TOGETHER
    return min(LANES_PER_TURN_LIMIT, -(-lanes // TURNS_AT_ONCE))


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut a list into parts of at most that size."""
    return (items[start : start + size] for start in range(0, len(items), size))


_doorbell = _Doorbell()


def wake(lanes: Iterable[tuple[UUID, bool]]) -> None:
    """Ring for lanes, given as (endpoint id, whether it is slow); returns at once, whatever the broker does."""
    _doorbell.add(lanes)


def wake_alone(endpoint_id: UUID, slow: bool) -> None:
    """Ring for one lane whose last worker was lost; only a turn of its own may lease it."""
    (deliver_due_slow if slow else deliver_due).send([str(endpoint_id)])


def ring_job(job_id: UUID) -> None:
    """Ring for a job; returns whatever the broker does, because the dispatcher finds open jobs by itself."""
    try:
        run_job.send(str(job_id))
    except Exception as error:
        log.warning("doorbell_failed", error=reason_of(error), job=str(job_id))


def run_dispatcher(stop: threading.Event) -> None:
    """Dispatch until told to stop."""
    Dispatcher(ring=wake, ring_alone=wake_alone, ring_job=ring_job).run_forever(stop)
