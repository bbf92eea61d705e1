"""Two connections at once: who comes second sees what the first did, whatever its own snapshot says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from deliveries.engine.backlogs import Leftovers, hold_backlogs, release_backlogs
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.phases import Phase
from deliveries.engine.work import Finished
from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, Lane
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.services.resending.backlog import cancel_waiting
from tests.engine import steps
from tests.engine.steps import PATIENCE_SECONDS, an_endpoint, emit, expire_lease, lease, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SUCCESS = Outcome(state="succeeded", healthy=True)
RETRY = Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0)
EXHAUSTED = Outcome(state="exhausted", error="http_5xx")


@pytest.fixture
def lane(receiver: Receiver) -> LeasedLane:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    return lease(endpoint, room=1)


@pytest.fixture
def endpoint(lane: LeasedLane) -> Endpoint:
    return Endpoint.objects.get()


def record(lane: LeasedLane, outcome: Outcome) -> None:
    status = 200 if outcome.state == "succeeded" else 500
    finished = Finished(
        claimed=lane.waiting[0], started_at=datetime.now(UTC), answer=Answer(status=status), outcome=outcome
    )
    lane.finish(finished)
    steps.record(lane)


@contextmanager
def waiting_behind(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """Begin `second` on a connection of its own while `first` is done and not committed; end after both."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            second()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        wait_until_blocked(thread)
    thread.join(PATIENCE_SECONDS)
    assert errors == []
    yield


def wait_until_blocked(thread: threading.Thread) -> None:
    """Return as soon as somebody waits for our lock."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            assert thread.is_alive(), "it did not wait"
            assert time.monotonic() < give_up, "it did not wait in time"


def test_an_outcome_that_waited_for_a_takeover_changes_nothing_but_the_log(
    lane: LeasedLane, endpoint: Endpoint
) -> None:
    expire_lease(endpoint)
    with waiting_behind(lambda: lease(endpoint), lambda: record(lane, EXHAUSTED)):
        assert Attempt.objects.count() == 1
        assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("pending", 0)
        assert (lane.phase, Lane.objects.get().fence) == (Phase.LOST, 2)


def test_an_outcome_that_waited_for_another_change_of_its_lane_is_recorded(
    lane: LeasedLane, endpoint: Endpoint
) -> None:
    with waiting_behind(lambda: Lane.objects.update(failures=3), lambda: record(lane, SUCCESS)):
        assert the_delivery(endpoint).state == "succeeded"
        assert (lane.phase is Phase.LOST, Lane.objects.get().failures) == (False, 0)


@pytest.mark.parametrize(
    ("outcome", "state", "due"), [(SUCCESS, "succeeded", 0), (RETRY, "held", 1), (EXHAUSTED, "exhausted", 0)]
)
def test_an_outcome_that_waited_for_a_pause_ends_or_keeps_the_held_delivery(
    lane: LeasedLane, endpoint: Endpoint, outcome: Outcome, state: str, due: int
) -> None:
    Endpoint.objects.update(state="paused")
    with waiting_behind(hold_backlogs, lambda: record(lane, outcome)):
        delivery = the_delivery(endpoint)
        assert (delivery.state, delivery.attempts, delivery.next_attempt_at) == (state, 1, None)
        assert DueDelivery.objects.filter(due_at=None, attempts=1).count() == due == DueDelivery.objects.count()


@pytest.mark.parametrize(("outcome", "state"), [(SUCCESS, "succeeded"), (RETRY, "cancelled"), (EXHAUSTED, "cancelled")])
def test_an_outcome_that_waited_for_a_cancellation_does_not_bring_the_delivery_back(
    lane: LeasedLane, endpoint: Endpoint, outcome: Outcome, state: str
) -> None:
    with waiting_behind(lambda: cancel_waiting(endpoint_id=endpoint.id), lambda: record(lane, outcome)):
        assert the_delivery(endpoint).state == state
        assert the_delivery(endpoint).failed_at is None
        assert not DueDelivery.objects.exists()


@pytest.mark.parametrize(("outcome", "state"), [(SUCCESS, "succeeded"), (EXHAUSTED, "exhausted")])
def test_a_release_or_a_cancellation_that_waited_for_an_outcome_leaves_the_end_alone(
    lane: LeasedLane, endpoint: Endpoint, outcome: Outcome, state: str
) -> None:
    DueDelivery.objects.update(due_at=None)
    Delivery.objects.update(state="held")

    def release_and_cancel() -> None:
        Leftovers().find()
        release_backlogs()
        cancel_waiting(endpoint_id=endpoint.id)

    with waiting_behind(lambda: record(lane, outcome), release_and_cancel):
        assert the_delivery(endpoint).state == state
        assert not DueDelivery.objects.exists()


def test_a_cancellation_ends_although_somebody_else_takes_rows_out_of_its_batch(
    lane: LeasedLane, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.services.resending.backlog.CANCEL_BATCH", 1)
    emit(endpoint, number=2)
    emit(endpoint, number=3)
    with waiting_behind(lambda: record(lane, SUCCESS), lambda: cancel_waiting(endpoint_id=endpoint.id)):
        assert sorted(Delivery.objects.values_list("state", flat=True)) == ["cancelled", "cancelled", "succeeded"]
