"""What is done with one lane, delivery, job or worker leaves those beside it as they are."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases, claim_batch, mark_suspect, release_lanes, renew_leases
from deliveries.engine.record_columns import GiveBack
from deliveries.engine.recorder import record_outcomes
from deliveries.engine.work import Finished
from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Endpoint, EndpointSecret, Job, Lane, Worker
from deliveries.models.base import new_id
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.signing.secrets import read_secret
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.services.endpoints import create_endpoint, rotate_secret
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import an_endpoint, emit, record, take_turn, the_delivery
from tests.receiver import Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ENDS = {
    "succeeded": Outcome(state="succeeded", healthy=True),
    "retried": Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0),
    "exhausted": Outcome(state="exhausted", error="http_5xx"),
}


@pytest.fixture
def ours(receiver: Receiver) -> Endpoint:
    """An endpoint with two deliveries due."""
    endpoint = an_endpoint(receiver.url)
    for number in range(2):
        emit(endpoint, number=number)
    return endpoint


@pytest.fixture
def theirs(receiver: Receiver) -> Endpoint:
    """Another customer's, of which nothing is due."""
    return an_endpoint(receiver.url)


def taken(*endpoints: Endpoint, worker: Leases | None = None) -> dict[UUID, LeasedLane]:
    """The lanes of these endpoints that could be leased."""
    lanes, _ = (worker or Leases()).take([each.id for each in endpoints], room=10, now=time.monotonic())
    return {lane.endpoint_id: lane for lane in lanes}


def rows_of(endpoint: Endpoint) -> list[object]:
    """All that is stored of an endpoint's deliveries."""
    kinds = Delivery, DueDelivery, Attempt, Lane
    return [list(kind.objects.filter(endpoint_id=endpoint.id).order_by("pk").values()) for kind in kinds]


def finish(lane: LeasedLane, outcome: Outcome) -> UUID:
    """Let the first that waits end so; returns its delivery's id."""
    claimed, status = lane.waiting.popleft(), 200 if outcome.state == "succeeded" else 500
    lane.finish(Finished(claimed=claimed, started_at=datetime.now(UTC), answer=Answer(status=status), outcome=outcome))
    return claimed.delivery_id


def test_a_lane_is_not_leased_for_what_is_due_of_another(ours: Endpoint, theirs: Endpoint) -> None:
    assert taken(theirs) == {}
    assert set(taken(ours, theirs)) == {ours.id}


def test_a_lane_is_not_leased_for_what_is_due_later(ours: Endpoint, theirs: Endpoint) -> None:
    emit(theirs)
    DueDelivery.objects.filter(endpoint_id=theirs.id).update(due_at=datetime.now(UTC) + HOUR)
    assert taken(theirs) == {}
    assert set(taken(ours, theirs)) == {ours.id}


@pytest.mark.parametrize("kept_by", ["rest", "pause"])
def test_a_lane_that_rests_or_is_paused_is_leased_for_what_was_asked_for_by_hand_alone(
    ours: Endpoint, theirs: Endpoint, kept_by: str
) -> None:
    for rank in (1, 2, 3, 1):
        event = emit(theirs, number=rank)
        DueDelivery.objects.filter(event_id=event.event_id).update(rank=rank)
    if kept_by == "rest":
        Lane.objects.filter(endpoint=theirs).update(rest_until=datetime.now(UTC) + HOUR)
    else:
        Endpoint.objects.filter(id=theirs.id).update(state="paused")
    assert taken(theirs) == {}
    redeliver(Delivery.objects.get(event_id=event.event_id), actor="user:carol", reason="")
    lanes = taken(ours, theirs)
    assert [(each.manual, each.event_id) for each in lanes[theirs.id].waiting] == [(True, event.event_id)]
    assert [each.manual for each in lanes[ours.id].waiting] == [False, False]


def test_a_lane_whose_rest_is_over_is_leased(ours: Endpoint, theirs: Endpoint) -> None:
    emit(theirs)
    Lane.objects.update(rest_until=datetime.now(UTC) - HOUR)
    assert set(taken(ours, theirs)) == {ours.id, theirs.id}


def test_a_lane_that_is_kept_for_nobody_is_taken_by_nobody(ours: Endpoint) -> None:
    """Given a lane whose customer is being moved, then also a worker that beat all the while leaves it alone."""
    worker, now = Leases(), datetime.now(UTC)
    worker.beat()
    Worker.objects.update(since=now - HOUR, beat_at=now)
    Lane.objects.update(lease_until=now + HOUR, worker_id=None)
    assert taken(ours, worker=worker) == {}


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_of_each_rank_a_lane_gets_its_own_and_what_is_due(ours: Endpoint, theirs: Endpoint, rank: int) -> None:
    emit(ours, number=3)
    emit(theirs)
    later = DueDelivery.objects.filter(endpoint_id=ours.id).latest("event_id")
    DueDelivery.objects.filter(delivery_id=later.delivery_id).update(due_at=datetime.now(UTC) + HOUR)
    DueDelivery.objects.update(rank=rank)
    lanes = taken(ours, theirs)
    assert [len(lanes[each.id].waiting) for each in (ours, theirs)] == [2, 1]
    assert later.delivery_id not in {each.delivery_id for each in lanes[ours.id].waiting}
    for lane in lanes.values():
        lane.waiting.clear()
        lane.wake()
    claim_batch(list(lanes.values()), rooms=[10] * len(lanes), now=time.monotonic())
    assert [len(lanes[each.id].waiting) for each in (ours, theirs)] == [2, 1]
    assert {each.delivery_id for each in lanes[theirs.id].waiting} == {the_delivery(theirs).id}


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_of_each_rank_what_is_due_first_goes_first_and_of_that_the_older_event(ours: Endpoint, rank: int) -> None:
    emit(ours, number=3)
    now = datetime.now(UTC)
    older, newer, first = DueDelivery.objects.order_by("event_id")
    DueDelivery.objects.update(rank=rank, due_at=now)
    DueDelivery.objects.filter(delivery_id=first.delivery_id).update(due_at=now - HOUR)
    (lane,) = taken(ours).values()
    assert [each.event_id for each in lane.waiting] == [first.event_id, older.event_id, newer.event_id]
    release_lanes([lane])
    (lane,), _ = Leases().take([ours.id], room=2, now=time.monotonic())
    assert [each.event_id for each in lane.waiting] == [first.event_id, older.event_id]


def signature_of(request: Request, *secrets: str) -> bool:
    """Whether a request carries the signatures of these secrets, in this order."""
    made = signature_headers(
        "standard",
        [read_secret(secret) for secret in secrets],
        message_id=request.header("webhook-id") or "",
        timestamp=int(request.header("webhook-timestamp") or 0),
        body=request.body,
    )
    return dict(made)["webhook-signature"] == request.header("webhook-signature")


def test_each_secret_signs_for_its_endpoint_the_newest_first_until_it_expires(receiver: Receiver) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    endpoint, old = create_endpoint(customer, {"url": receiver.url}, actor="user:alice")
    new = rotate_secret(endpoint, actor="user:alice")
    an_endpoint(receiver.url)  # whose secret is the newest of all
    emit(endpoint)
    take_turn(endpoint)
    EndpointSecret.objects.filter(endpoint=endpoint).exclude(expires_at=None).update(expires_at=datetime.now(UTC))
    emit(endpoint)
    take_turn(endpoint)
    both, one = receiver.requests
    assert signature_of(both, new, old)
    assert signature_of(one, new)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("released", [False, True], ids=["kept", "released"])
def test_what_is_recorded_of_a_delivery_changes_no_other(
    ours: Endpoint, theirs: Endpoint, end: Outcome, released: bool
) -> None:
    emit(theirs)
    lanes = taken(ours, theirs)
    second, before = lanes[ours.id].waiting[1].delivery_id, rows_of(theirs)
    beside = list(DueDelivery.objects.filter(delivery_id=second).values())
    ended = finish(lanes[ours.id], end)
    record(lanes[ours.id], released=released)
    assert Attempt.objects.get().delivery_id == ended
    assert rows_of(theirs) == before
    assert list(DueDelivery.objects.filter(delivery_id=second).values()) == beside
    assert (Delivery.objects.get(id=second).state, Delivery.objects.get(id=second).attempts) == ("pending", 0)


def test_a_lane_is_given_back_only_when_nothing_more_of_its_own_is_due(ours: Endpoint, theirs: Endpoint) -> None:
    emit(theirs)
    lanes = taken(ours, theirs)
    for lane in lanes.values():
        finish(lane, ENDS["succeeded"])
    give_back = dict.fromkeys(lanes, GiveBack.IF_NOTHING_IS_DUE)
    record_outcomes(list(lanes.values()), now=time.monotonic(), give_back=give_back)
    assert Lane.objects.get(lease_until=None).endpoint_id == theirs.id


@pytest.mark.parametrize("kept_by", ["time", "pause"])
def test_a_lane_is_given_back_when_what_is_left_of_it_is_not_sent_now(
    ours: Endpoint, theirs: Endpoint, kept_by: str
) -> None:
    """Given another customer's of which more is due, then that lane is kept."""
    for number in range(2):
        emit(theirs, number=number)
    lanes = taken(ours, theirs)
    if kept_by == "pause":
        Endpoint.objects.filter(id=ours.id).update(state="paused")
    else:
        left = DueDelivery.objects.filter(delivery_id=lanes[ours.id].waiting[1].delivery_id)
        left.update(due_at=datetime.now(UTC) + HOUR)
    for lane in lanes.values():
        finish(lane, ENDS["succeeded"])
    give_back = dict.fromkeys(lanes, GiveBack.IF_NOTHING_IS_DUE)
    record_outcomes(list(lanes.values()), now=time.monotonic(), give_back=give_back)
    assert Lane.objects.get(lease_until=None).endpoint_id == ours.id


@pytest.mark.parametrize(("end", "counts"), [("succeeded", (1, 0)), ("retried", (0, 0)), ("exhausted", (0, 1))])
def test_an_end_is_counted_by_the_job_that_asked_for_it_and_by_no_other(
    ours: Endpoint, end: str, counts: tuple[int, int]
) -> None:
    jobs = [Job.objects.create(kind="redeliver", actor="user:carol", total=1) for _ in range(2)]
    lane = taken(ours)[ours.id]
    for job, claimed in zip(jobs, lane.waiting, strict=True):
        DueDelivery.objects.filter(delivery_id=claimed.delivery_id).update(job_id=job.id)
    finish(lane, ENDS[end])
    record(lane)
    assert [(each.done, each.failed) for each in Job.objects.order_by("id")] == [counts, (0, 0)]


def test_a_lane_that_is_given_back_renewed_or_marked_is_that_one(ours: Endpoint, theirs: Endpoint) -> None:
    emit(theirs)
    worker = Leases()
    lanes = taken(ours, theirs, worker=worker)
    before = rows_of(theirs)
    renew_leases([lanes[ours.id]], now=time.monotonic(), lease_seconds=20.0)
    mark_suspect(lanes[ours.id], new_id(), losses=2)
    release_lanes([lanes[ours.id]])
    assert rows_of(theirs) == before
    assert (Lane.objects.get(endpoint=ours).lease_until, Lane.objects.get(endpoint=ours).suspect_id) == (None, None)


def test_a_lane_is_marked_with_what_is_sent_and_its_losses(ours: Endpoint) -> None:
    (lane,) = taken(ours).values()
    mark_suspect(lane, lane.waiting[0].delivery_id, losses=2)
    stored = Lane.objects.get()
    assert (stored.crashes, stored.suspect_id) == (2, lane.waiting[0].delivery_id)


def test_a_worker_that_ends_takes_no_other_with_it() -> None:
    ending, silent, alive = (Leases() for _ in range(3))
    for each in (ending, silent, alive):
        each.beat()
    Worker.objects.filter(id=silent.worker_id).update(beat_at=datetime.now(UTC) - HOUR)
    ending.end()
    assert set(Worker.objects.values_list("id", flat=True)) == {silent.worker_id, alive.worker_id}
