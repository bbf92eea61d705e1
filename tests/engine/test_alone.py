"""An event that comes alone takes small statements of its own, which do what those for many do, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from deliveries import sql
from deliveries.engine import recorder
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases
from deliveries.engine.record_columns import GiveBack
from deliveries.engine.recorder import record_outcomes
from deliveries.engine.work import Finished
from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, Job, Lane
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.protocol.when.delivery_states import DeliveryState
from tests.engine.steps import an_endpoint, emit

pytestmark = pytest.mark.django_db

URL = "https://93.184.216.34/in"  # nobody is asked
Change = Callable[[Endpoint], object]


def nothing(endpoint: Endpoint) -> None:
    """An event came alone."""


def lane_of(endpoint: Endpoint) -> dict[str, object]:
    """What is known of a lane, without moments and ids."""
    known = Lane.objects.filter(endpoint=endpoint).values().get()
    same = ("fence", "crashes", "failures", "opened", "rest_reason", "window", "tokens", "slow", "suspect_id")
    moments = ("lease_until", "worker_id", "rest_until", "failing_since")
    return {name: known[name] for name in same} | {name: known[name] is None for name in moments}


def log_of(endpoint: Endpoint) -> list[object]:
    """What the log and the queue hold, without moments and ids."""
    known = list(Delivery.objects.filter(endpoint=endpoint).order_by("id").values())
    same = ("state", "attempts", "status_code", "error")
    moments = ("next_attempt_at", "finished_at", "failed_at")
    told: list[object] = [[each[name] for name in same] + [each[name] is None for name in moments] for each in known]
    gone = ("id", "delivery_id", "endpoint_id", "started_at", "signed_with")
    for attempt in Attempt.objects.filter(endpoint_id=endpoint.id).values():
        told.append({name: value for name, value in attempt.items() if name not in gone})
    told += Job.objects.filter(customer_id=endpoint.customer_id).values_list("done", "failed")
    return [*told, list(DueDelivery.objects.filter(endpoint_id=endpoint.id).order_by("rank").values_list("rank"))]


def another_due(endpoint: Endpoint) -> None:
    """A second event came."""
    emit(endpoint, number=2)


def lane_is(**fields: object) -> Change:
    """The lane is like this."""
    return lambda endpoint: Lane.objects.filter(endpoint=endpoint).update(**fields)


def endpoint_is(**fields: object) -> Change:
    """The endpoint is like this."""
    return lambda endpoint: Endpoint.objects.filter(pk=endpoint.pk).update(**fields)


def due_is(**fields: object) -> Change:
    """What is due is like this."""
    return lambda endpoint: DueDelivery.objects.filter(endpoint_id=endpoint.id).update(**fields)


def asked_by_hand(endpoint: Endpoint) -> None:
    """Somebody wants the delivery sent at once."""
    due = DueDelivery.objects.get(endpoint_id=endpoint.id)
    names = ("delivery_id", "endpoint_id", "event_id", "attempts", "due_at")
    same = {name: getattr(due, name) for name in names}
    DueDelivery.objects.create(**same, manual=True, rank=0, actor="user:alice", reason="")


def replayed(endpoint: Endpoint) -> None:
    """A job queued it."""
    job = Job.objects.create(kind="replay", customer_id=endpoint.customer_id, actor="key:ops", total=1, queued=1)
    due_is(rank=3, job_id=job.id)(endpoint)


def leased(**ago: float) -> Change:
    """Another worker has the lane, or had it."""
    return lane_is(lease_until=datetime.now(UTC) - timedelta(**ago), worker_id=uuid4(), fence=7, suspect_id=uuid4())


LATER = datetime(2100, 1, 1, tzinfo=UTC)
BEFORE_LEASE = {
    "plain": nothing,
    "another is due": another_due,
    "a retry": due_is(rank=2, attempts=3),
    "of a job": due_is(rank=3),
    "asked for by hand too": asked_by_hand,
    "not yet due": due_is(due_at=LATER),
    "rests": lane_is(rest_until=LATER, rest_reason="down"),
    "has rested": lane_is(rest_until=datetime(2020, 1, 1, tzinfo=UTC), rest_reason="down"),
    "was down": lane_is(opened=2, failures=5),
    "suspected": lane_is(suspect_id=UUID(int=1)),
    "a worker was lost": lane_is(crashes=1),
    "slow": lane_is(slow=True),
    "in other hands": leased(days=-1),
    "lease is over": leased(days=1),
    "paused": endpoint_is(state="paused"),
    "deleted": endpoint_is(deleted_at=timezone.now()),
    "polled": endpoint_is(url=POLLED_URL),
    "ordered": endpoint_is(ordered=True, rate_limit=5.0),
    "shaped": endpoint_is(payload_mode="thin", batch_size=10),
}


@pytest.mark.parametrize("change", BEFORE_LEASE.values(), ids=BEFORE_LEASE)
def test_a_lane_is_leased_as_among_many(change: Change) -> None:
    seen = []
    for others in ([], [uuid4()]):
        endpoint = an_endpoint(URL)
        emit(endpoint)
        change(endpoint)
        lanes, busy = Leases().take([endpoint.id, *others], room=10, now=time.monotonic())
        told = [
            (
                lane.phase,
                lane.standing.breaker,
                lane.crashes,
                lane.standing.window,
                lane.endpoint.url,
                lane.endpoint.shaping,
                len(lane.endpoint.keys),
            )
            for lane in lanes
        ]
        due = [[(c.rank, c.attempts, c.type, c.manual, c.actor, c.due_at) for c in lane.waiting] for lane in lanes]
        sizes = [c.body_bytes == len(c.body or b"") for lane in lanes for c in lane.waiting]
        seen.append([told, due, sizes, len(busy), lane_of(endpoint)])
    assert seen[0] == seen[1]


def arrived(lane: LeasedLane) -> None:
    """The first delivery of a lane has arrived."""
    outcome = Outcome(state=DeliveryState.SUCCEEDED)
    answer = Answer(status=204, duration_ms=3, address="203.0.113.1", body=b"ok", headers=(("a", "b"),))
    claimed = lane.waiting.popleft()
    lane.finish(
        Finished(claimed=claimed, started_at=datetime.now(UTC), answer=answer, outcome=outcome, request_headers="x: y")
    )


BEFORE_RECORD = {
    "plain": nothing,
    "another is due": another_due,
    "another is due of one that was paused": lambda e: (emit(e), endpoint_is(state="paused")(e)),
    "another is due by hand of one that was paused": lambda e: (
        emit(e),
        due_is(rank=0)(e),
        endpoint_is(state="paused")(e),
    ),
    "asked for by hand too": asked_by_hand,
    "replayed by a job": replayed,
    "lost": lane_is(fence=9),
    "another's": lane_is(worker_id=UUID(int=5)),
    "failing": lane_is(failing_since=timezone.now(), crashes=2, rest_until=LATER, rest_reason="down"),
    "cancelled meanwhile": lambda e: (
        Delivery.objects.filter(endpoint=e).update(state="cancelled"),
        due_is(due_at=LATER)(e),
    ),
}


@pytest.mark.parametrize("change", BEFORE_RECORD.values(), ids=BEFORE_RECORD)
def test_an_arrival_is_recorded_as_among_many(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for _ in range(2):
        endpoint = an_endpoint(URL)
        emit(endpoint)
        lanes, _busy = Leases().take([endpoint.id], room=10, now=time.monotonic())
        change(endpoint)
        arrived(lanes[0])
        kept = record_outcomes(lanes, now=time.monotonic(), give_back={endpoint.id: GiveBack.IF_NOTHING_IS_DUE})
        seen.append([list(kept.values()), lanes[0].phase, lane_of(endpoint), log_of(endpoint)])
        monkeypatch.setattr(recorder, "arrival_values", lambda *given: None)
    assert seen[0] == seen[1]


def test_an_event_that_comes_alone_takes_two_small_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = an_endpoint(URL)
    emit(endpoint)
    asked: list[str] = []
    fetch = sql._fetch
    monkeypatch.setattr(sql, "_fetch", lambda row, *given: (asked.append(sql.name_of(row)), fetch(row, *given))[1])
    lanes, _ = Leases().take([endpoint.id], room=10, now=time.monotonic())
    arrived(lanes[0])
    record_outcomes(lanes, now=time.monotonic(), give_back={endpoint.id: GiveBack.IF_NOTHING_IS_DUE})
    assert asked == ["take_lane", "record_arrival"]
