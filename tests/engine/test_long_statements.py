"""A statement of a worker that takes so long that another one takes its lanes: then it sends nothing of them."""

from __future__ import annotations

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
from deliveries.engine.trouble import STILL_SECONDS, TELL_EVERY_SECONDS
from deliveries.engine.upkeep import Upkeep
from deliveries.models import Attempt, Endpoint, Lane, Worker
from deliveries.models.base import new_id
from tests.engine.steps import PATIENT, an_endpoint, emit, step_until_idle
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
        for _ in range(100):
            self.engine.step()
            self.engine.notify([])  # it looks, too
            self.seconds += 0.25
            if self.started_before >= 0:
                break
        assert self.started_before >= 0, "the statement was not made"
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
    assert len(receiver.requests) == worker.started == Attempt.objects.count()
    assert set(Lane.objects.values_list("worker_id", flat=True)) == {worker.other.worker_id}


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
    assert told_after(TELL_EVERY_SECONDS - 1) == []
    assert told_after(1.0) == [STILL_SECONDS + TELL_EVERY_SECONDS]
    is_sure[0] = True
    assert told_after(TELL_EVERY_SECONDS) == []
    is_sure[0] = False
    assert told_after(0.0) == []
    engine.abandon()
