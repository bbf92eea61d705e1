"""The steps that engine tests are made of: a customer with an endpoint, events, turns, time passing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases
from deliveries.engine.limits import Limits
from deliveries.engine.loop import Clock, Engine
from deliveries.engine.record_columns import GiveBack
from deliveries.engine.recorder import record_outcomes
from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Endpoint, Lane, Worker
from deliveries.services.accepting.events import Accepted, EventDraft, accept_event
from deliveries.services.endpoints import create_endpoint
from tests.receiver import Answer, Request

# However slow the machine is, a slice does not end in the middle of a test.
PATIENT = Limits(slice_seconds=600)
PATIENCE_SECONDS = 120  # ends what hangs, and nothing else


def an_endpoint(url: str, **fields: Any) -> Endpoint:
    """An endpoint of a new customer at this URL."""
    customer = Customer.objects.create(name="Alice & Co")
    return create_endpoint(customer, {"url": url, **fields}, actor="user:alice")[0]


def emit(endpoint: Endpoint, *, number: int = 1, name: str = "invoice.paid") -> Accepted:
    """An event of the endpoint's customer."""
    return accept_event(EventDraft(type=name, data=b'{"number": %d}' % number, customer_id=endpoint.customer_id))


def an_engine(
    *endpoints: Endpoint, slow: bool = False, limits: Limits = PATIENT, clock: Clock = time.monotonic
) -> tuple[Engine, list[tuple[UUID, bool]]]:
    """An engine that has leased these lanes, and the list of what it wants woken."""
    woken: list[tuple[UUID, bool]] = []
    engine = Engine(wake=woken.extend, slow=slow, limits=limits, clock=clock)
    engine.agenda.look = False  # these lanes, and none that it finds by itself
    engine.notify([endpoint.id for endpoint in endpoints])
    return engine, woken


@contextmanager
def by_hand() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session of somebody who locks rows, and goes for lunch."""
    with psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}) as session:
        yield session
        session.rollback()


@contextmanager
def waiting_for_no_lock() -> Iterator[None]:
    """Inside, this connection is refused what is locked at once, where that of a process waits for seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10ms'")
    try:
        yield
    finally:
        connection.close()


class Overlap:
    """Answers as a receiver that counts how many requests it has at once."""

    def __init__(self, *, seconds: float = 0) -> None:
        self.most = 0
        self._seconds, self._busy, self._lock = seconds, 0, threading.Lock()

    def __call__(self, request: Request) -> Answer:
        """Count while the answer takes its time."""
        with self._lock:
            self._busy += 1
            self.most = max(self.most, self._busy)
        time.sleep(self._seconds)
        with self._lock:
            self._busy -= 1
        return 200, {}, b""


def lease(endpoint: Endpoint, *, room: int = 10, slow: bool = False) -> LeasedLane:
    """The endpoint's lane, leased by a worker of its own with what is due."""
    lanes, _ = Leases(slow=slow).take([endpoint.id], room=room, now=time.monotonic())
    assert lanes, "nothing is due, or the lane is not free"
    return lanes[0]


def is_free(endpoint: Endpoint, *, slow: bool = False) -> bool:
    """Whether another worker may have the lane; it then has it."""
    return bool(Leases(slow=slow).take([endpoint.id], room=10, now=time.monotonic())[0])


def record(*lanes: LeasedLane, released: bool = False) -> None:
    """Record what the lanes have finished, and give them back if that is wanted."""
    kind = GiveBack.NOW if released else GiveBack.KEEP
    record_outcomes(lanes, now=time.monotonic(), give_back={lane.endpoint_id: kind for lane in lanes})


def run_until_idle(engine: Engine, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Step until every lane was given back, and end the engine."""
    step_until_idle(engine, seconds=seconds)
    engine.abandon()


def step_until(engine: Engine, condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Step until something holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        engine.step()


def step_until_idle(engine: Engine, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Step until every lane was given back."""
    give_up = time.monotonic() + seconds
    engine.step()
    while engine.lanes:
        assert time.monotonic() < give_up, "requests still hang"
        engine.step()


def take_turn(endpoint: Endpoint, *, slow: bool = False, seconds: float = PATIENCE_SECONDS) -> list[tuple[UUID, bool]]:
    """One turn over the endpoint's lane, to its end; returns what is to be woken."""
    engine, woken = an_engine(endpoint, slow=slow)
    run_until_idle(engine, seconds=seconds)
    return woken


def let_time_pass(endpoint: Endpoint) -> None:
    """Everything that waits for a moment waits no longer: retries and the lane's rest."""
    DueDelivery.objects.filter(endpoint_id=endpoint.id).exclude(due_at=None).update(due_at="2020-01-01T00:00:00Z")
    Lane.objects.filter(endpoint=endpoint).update(rest_until=None)


def expire_lease(endpoint: Endpoint) -> None:
    """The worker of this lane is lost, and had time to come back."""
    Worker.objects.update(since="2020-01-01T00:00:00Z")
    Lane.objects.filter(endpoint=endpoint).update(lease_until="2020-01-01T00:00:00Z")


def the_delivery(endpoint: Endpoint) -> Delivery:
    """The only delivery of the endpoint, as it stands."""
    return Delivery.objects.get(endpoint=endpoint)


def attempts_of(delivery: Delivery) -> list[Attempt]:
    """The log of a delivery, oldest first."""
    return list(Attempt.objects.filter(delivery=delivery).order_by("id"))


def due_seconds(delivery: Delivery, *, manual: bool = False, since: datetime | None = None) -> float:
    """In how many seconds the database will call this delivery due; or how long after a moment before that was said."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM due_at - coalesce(%s, now()))::float8 FROM hookpost_due_delivery"
            " WHERE delivery_id = %s AND manual = %s",
            [since, delivery.id, manual],
        )
        return float(cursor.fetchone()[0])


def rest_seconds(endpoint: Endpoint, *, since: datetime | None = None) -> float:
    """How much longer the endpoint's lane rests, or how long after a moment before; 0 when it does not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM rest_until - coalesce(%s, now())), 0)::float8 FROM hookpost_lane"
            " WHERE endpoint_id = %s",
            [since, endpoint.id],
        )
        return float(cursor.fetchone()[0])


def is_due_between(delivery: Delivery, low: float, high: float) -> bool:
    """Whether it was given such a pause after its last attempt, however long ago that is."""
    return low < due_seconds(delivery, since=last_attempt_at()) and due_seconds(delivery) <= high


def rests_between(endpoint: Endpoint, low: float, high: float) -> bool:
    """Whether the lane was given such a rest after the last attempt, however long ago that is."""
    return low < rest_seconds(endpoint, since=last_attempt_at()) and rest_seconds(endpoint) <= high


def last_attempt_at() -> datetime:
    """When the last attempt of all began."""
    return Attempt.objects.latest("id").started_at


class Script:
    """A receiver's answers one after the other; the last one stays."""

    def __init__(self, *answers: int | Answer) -> None:
        self._answers = [(answer, {}, b"") if isinstance(answer, int) else answer for answer in answers]

    def __call__(self, request: Request) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
