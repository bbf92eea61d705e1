"""A statement of a worker that takes so long that another one takes its lanes: then it sends nothing of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db.models.functions import Now
from structlog.testing import capture_logs

from deliveries import sql
from deliveries.engine.leases import Leases
from deliveries.engine.limits import LIMITS
from deliveries.engine.loop import Engine
from deliveries.engine.trouble import STILL_SECONDS
from deliveries.engine.upkeep import Upkeep
from deliveries.models import Attempt, Endpoint, Lane, Worker
from deliveries.models.base import new_id
from deliveries.services.common.seldom import EVERY_SECONDS
from tests.engine.steps import PATIENCE_SECONDS, PATIENT, an_endpoint, emit, step_until_idle
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

Result = TypeVar("Result")

SECONDS = LIMITS.silent + 1
EVENTS = 50  # more than come with a lease


class Silenced:
    """A worker that is silent while one of its statements takes long, and another one who has its lanes by then.

    `statement` is a file of sql/, or a row's name; it takes long at its `nth` time. Either its answer comes late, or
    it came late to the database.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, *endpoints: Endpoint, statement: str, nth: int, asked_late: bool
    ) -> None:
        self.ids = [endpoint.id for endpoint in endpoints]
        self.statement, self.left, self.asked_late = statement, nth, asked_late
        self.seconds, self.started, self.started_before = 0.0, 0, -1
        self.other = Leases()
        self.other.beat()
        fetch, run = sql.fetch, sql.run
        patch.setattr(
            sql, "fetch", lambda row, *given, **named: self._ask(row.__name__, lambda: fetch(row, *given, **named))
        )
        patch.setattr(sql, "run", lambda name, *given: self._ask(name, lambda: run(name, *given)))
        self.engine = Engine(wake=lambda lanes: None, clock=lambda: self.seconds, limits=PATIENT)
        self.engine._leases.strays.add(new_id())  # which it gives back with each renewal that is in doubt
        start = self.engine.outbox._transfers.start
        patch.setattr(
            self.engine.outbox._transfers, "start", lambda *given, **named: self._start(lambda: start(*given, **named))
        )

    def work(self) -> None:
        """Go on until the statement has taken long, and then to the end."""
        self.engine.notify(self.ids)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while self.started_before < 0:
            assert time.monotonic() < give_up, "the statement was not made"
            self.engine.step()
            self.engine.notify([])  # it looks, too
            self.seconds += 0.25
            time.sleep(0.01)  # for the receiver, whose time is another one
        step_until_idle(self.engine)
        self.engine.abandon()

    def _ask(self, name: str, act: Callable[[], Result]) -> Result:
        self.left -= name == self.statement
        if self.left or self.started_before >= 0:
            return act()
        if self.asked_late:
            self._pass()
            return act()
        answer = act()
        self._pass()
        return answer

    def _pass(self) -> None:
        self.seconds, self.started_before = self.seconds + SECONDS, self.started
        Worker.objects.exclude(id=self.other.worker_id).update(beat_at=Now() - timedelta(seconds=SECONDS))
        self.other.beat()
        Worker.objects.filter(id=self.other.worker_id).update(since="2020-01-01T00:00:00Z")
        assert len(self.other.take(self.ids, room=10, now=0.0)[0]) == len(self.ids)

    def _start(self, act: Callable[[], Any]) -> Any:
        self.started += 1
        return act()


@pytest.mark.parametrize("asked_late", [False, True], ids=["answered late", "asked late"])
@pytest.mark.parametrize(
    ("statement", "nth"),
    [
        ("TakeLanesRow", 1),
        ("ClaimBatchRow", 1),
        ("FindDueLanesRow", 2),
        ("RecordOutcomesRow", 1),
        ("BeatRow", 2),
        ("RenewLeasesRow", 1),
        ("release_strays", 2),
    ],
)
def test_after_a_statement_that_took_long_nothing_is_sent_of_lanes_that_another_worker_has(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, statement: str, nth: int, asked_late: bool
) -> None:
    endpoints = [an_endpoint(receiver.url, max_in_flight=10) for _ in range(2)]
    for number in range(EVENTS):
        emit(endpoints[number % 2], number=number)
    worker = Silenced(monkeypatch, *endpoints, statement=statement, nth=nth, asked_late=asked_late)
    worker.work()
    assert worker.started == worker.started_before
    assert len(receiver.requests) == Attempt.objects.count() <= worker.started  # some were withheld at the last moment
    assert set(Lane.objects.values_list("worker_id", flat=True)) == {worker.other.worker_id}


@pytest.mark.parametrize("batch_size", [1, 3])
def test_what_was_started_and_not_sent_when_the_worker_fell_silent_is_not_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """Given a worker that is frozen right before its requests go out, then they wait again, and go with the lane."""
    endpoint = an_endpoint(receiver.url, max_in_flight=10, batch_size=batch_size)
    for number in range(EVENTS):
        emit(endpoint, number=number)
    worker = Silenced(monkeypatch, endpoint, statement="", nth=1, asked_late=False)
    collect = worker.engine.outbox.collect

    def collect_late(**given: Any) -> Any:
        if worker.started and worker.started_before < 0:
            worker._pass()
        return collect(**given)

    monkeypatch.setattr(worker.engine.outbox, "collect", collect_late)
    worker.work()
    assert worker.started == worker.started_before > 0
    assert receiver.requests == []
    assert not Attempt.objects.exists()
    assert set(Lane.objects.values_list("worker_id", flat=True)) == {worker.other.worker_id}


def test_what_was_withheld_is_sent_once_the_worker_is_sure_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that nobody else took its lanes meanwhile, then everything arrives once."""
    endpoint = an_endpoint(receiver.url, max_in_flight=10)
    for number in range(EVENTS):
        emit(endpoint, number=number)
    seconds = [0.0]
    engine = Engine(wake=lambda lanes: None, clock=lambda: seconds[0], limits=PATIENT)
    engine.notify([endpoint.id])
    collect, late = engine.outbox.collect, []

    def collect_late(**given: Any) -> Any:
        if engine.outbox.in_flight and not late:
            late.append(engine.outbox.in_flight)
            seconds[0] += SECONDS
        return collect(**given)

    monkeypatch.setattr(engine.outbox, "collect", collect_late)
    step_until_idle(engine)
    engine.abandon()
    assert late
    assert len(receiver.requests) == EVENTS == Attempt.objects.count()
    assert len({request.header("webhook-id") for request in receiver.requests}) == EVENTS


def test_an_engine_that_is_put_off_again_and_again_says_so_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given answers of the database that come too late each time, then it tells; after one late answer it does not."""
    now, is_sure = [0.0], [True]
    engine = Engine(wake=lambda lanes: None, clock=lambda: now[0], limits=PATIENT)
    monkeypatch.setattr(Upkeep, "is_sure", lambda upkeep: is_sure[0])

    def told_after(seconds: float) -> list[object]:
        now[0] += seconds
        with capture_logs() as logs:
            engine.step()
        return [line["sent_nothing_for_seconds"] for line in logs if line["event"] == "database_too_slow"]

    assert told_after(0.0) == told_after(600.0) == []
    is_sure[0] = False
    assert told_after(0.0) == told_after(STILL_SECONDS - 1) == []
    assert told_after(1.0) == [STILL_SECONDS]
    assert told_after(EVERY_SECONDS - 1) == []
    assert told_after(1.0) == [STILL_SECONDS + EVERY_SECONDS]
    is_sure[0] = True
    assert told_after(EVERY_SECONDS) == []
    is_sure[0] = False
    assert told_after(0.0) == []
    engine.abandon()
