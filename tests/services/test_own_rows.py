"""What is asked for one delivery, event, endpoint, job or key is done to that one, whatever lies beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from deliveries import sql
from deliveries.engine.backlogs import Leftovers, hold_backlogs, release_backlogs
from deliveries.errors import Conflict
from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, Event, FanOut, Job, Lane
from deliveries.models.base import new_id
from deliveries.services.accepting.scheduling import cancel_event
from deliveries.services.endpoints import create_endpoint
from deliveries.services.resending.backlog import cancel_waiting, take_back
from deliveries.services.resending.cancellations import cancel_deliveries
from deliveries.services.resending.redelivery import redeliver
from deliveries.sql.rows import TakeTokenRow
from tests.api.logs import log_delivery, log_due

pytestmark = pytest.mark.django_db

ACTOR = "user:carol"
HOUR = timedelta(hours=1)
Deed = Callable[[Delivery], object]


def an_endpoint(name: str) -> Endpoint:
    customer = Customer.objects.create(name=name)
    return create_endpoint(customer, {"url": "https://93.184.216.34/"}, actor=ACTOR)[0]


@pytest.fixture
def ours() -> Endpoint:
    return an_endpoint("Alice & Co")


@pytest.fixture
def theirs() -> Endpoint:
    return an_endpoint("Bob Ltd")


def waiting(endpoint: Endpoint, *, manual: bool = False, state: str = "pending", **due: object) -> Delivery:
    """A delivery of the endpoint with a place in the queue."""
    moment = timezone.now() if state == "pending" else None
    delivery = log_delivery(endpoint, state=state, attempts=0, next_attempt_at=moment)
    log_due(delivery, manual=manual, **{"rank": 0 if manual else 1, "attempts": 0, **due})
    return delivery


def states(*deliveries: Delivery) -> list[str]:
    """What became of deliveries."""
    return [Delivery.objects.get(id=each.id).state for each in deliveries]


def queued(*deliveries: Delivery) -> list[list[bool]]:
    """Which places deliveries have in the queue: by their schedule (false), by hand (true)."""
    rows = DueDelivery.objects.order_by("manual")
    return [list(rows.filter(delivery_id=each.id).values_list("manual", flat=True)) for each in deliveries]


def delete_endpoint(delivery: Delivery) -> None:
    Endpoint.objects.filter(id=delivery.endpoint_id).update(deleted_at=timezone.now())


def drop_event(delivery: Delivery) -> None:
    Event.objects.filter(id=delivery.event_id).delete()


def erase_event(delivery: Delivery) -> None:
    Event.objects.filter(id=delivery.event_id).update(erased_at=timezone.now())


@pytest.mark.parametrize(
    ("deed", "reason"),
    [(delete_endpoint, "was deleted"), (drop_event, "older than"), (erase_event, "was erased"), (log_due, "under way")],
)
def test_a_redelivery_that_cannot_be_is_refused_with_the_reason(ours: Endpoint, deed: Deed, reason: str) -> None:
    delivery = log_delivery(ours)
    deed(delivery)
    with pytest.raises(Conflict, match=reason):
        redeliver(delivery, actor=ACTOR)
    assert not DueDelivery.objects.filter(manual=True).exists()


def let_it_be_later(delivery: Delivery) -> None:
    log_due(delivery, due_at=timezone.now() + HOUR)


def pause(delivery: Delivery) -> None:
    log_due(delivery)
    Endpoint.objects.filter(id=delivery.endpoint_id).update(state="paused")


def let_the_lane_rest(delivery: Delivery) -> None:
    log_due(delivery)
    Lane.objects.filter(endpoint_id=delivery.endpoint_id).update(rest_until=timezone.now() + HOUR)


def let_another_wait(delivery: Delivery) -> None:
    waiting(delivery.endpoint)
    Lane.objects.filter(endpoint_id=delivery.endpoint_id).update(rest_until=timezone.now() - HOUR)


@pytest.mark.parametrize("deed", [let_it_be_later, pause, let_the_lane_rest, let_another_wait])
def test_a_redelivery_does_not_wait_for_what_is_not_sent_now(ours: Endpoint, theirs: Endpoint, deed: Deed) -> None:
    for elsewhere in (erase_event, delete_endpoint):
        elsewhere(waiting(theirs))
    delivery = log_delivery(ours, state="exhausted")
    deed(delivery)
    assert redeliver(delivery, actor=ACTOR, reason="fixed") == [(ours.id, False)]
    (row,) = DueDelivery.objects.filter(manual=True)
    assert (row.delivery_id, row.event_id, row.endpoint_id) == (delivery.id, delivery.event_id, ours.id)
    assert (row.rank, row.attempts, row.actor, row.reason) == (0, 0, ACTOR, "fixed")
    assert row.due_at <= timezone.now()


def test_an_endpoints_backlog_is_cancelled_with_what_was_asked_for_by_hand_and_no_others(
    ours: Endpoint, theirs: Endpoint
) -> None:
    pending, held = waiting(ours), waiting(ours, state="held", due_at=None)
    again, other = waiting(ours, manual=True, state="succeeded"), waiting(theirs)
    assert cancel_waiting(endpoint_id=ours.id) == 3
    assert states(pending, held, again, other) == ["cancelled", "cancelled", "succeeded", "pending"]
    assert queued(pending, held, again, other) == [[], [], [], [False]]
    ended = Delivery.objects.get(id=pending.id)
    assert (ended.next_attempt_at, ended.finished_at is None) == (None, False)


def test_of_what_is_scheduled_alone_no_redelivery_is_cancelled(ours: Endpoint) -> None:
    both = waiting(ours)
    log_due(both, manual=True, rank=0)
    assert cancel_waiting(endpoint_id=ours.id, backlog_only=True) == 1
    assert (states(both), queued(both)) == (["cancelled"], [[True]])


def test_what_is_cancelled_counts_as_failed_for_its_job_with_the_first_reason(ours: Endpoint) -> None:
    jobs = [
        Job.objects.create(kind="redeliver", actor=ACTOR, state=state, problem=problem, failed=1)
        for state, problem in [("running", ""), ("running", "before"), ("cancelled", ""), ("running", "")]
    ]
    for job in (*jobs[:3], jobs[0]):
        waiting(ours, manual=True, state="exhausted", job_id=job.id)
    cancel_waiting(endpoint_id=ours.id, why="gone")
    found = [(each.failed, each.problem) for each in Job.objects.order_by("id")]
    assert found == [(3, "gone"), (2, "before"), (1, ""), (1, "")]


def test_a_job_that_is_cancelled_takes_back_what_is_its_own(ours: Endpoint) -> None:
    jobs = [Job.objects.create(kind="redeliver", actor=ACTOR, state="cancelled") for _ in range(2)]
    mine, other = (waiting(ours, manual=True, state="exhausted", job_id=job.id) for job in jobs)
    third = waiting(ours)
    log_due(third, manual=True, rank=3, job_id=jobs[0].id)
    assert take_back(jobs[0].id, by_event=False) == [mine.id, third.id]
    assert queued(mine, other, third) == [[], [True], [False]]
    assert states(mine, other, third) == ["exhausted", "exhausted", "pending"]
    assert take_back(jobs[1].id, by_event=True) == [other.event_id]


def test_of_some_deliveries_what_their_schedules_still_send_is_cancelled(ours: Endpoint) -> None:
    pending, beside, held = waiting(ours), waiting(ours), waiting(ours, state="held", due_at=None)
    log_due(pending, manual=True, rank=0)
    again = waiting(ours, manual=True, state="exhausted")
    assert cancel_deliveries([pending.id, again.id, held.id]) == 2
    assert states(pending, beside, again, held) == ["cancelled", "pending", "exhausted", "cancelled"]
    assert queued(pending, beside, again, held) == [[True], [False], [True], []]
    ended = Delivery.objects.get(id=pending.id)
    assert (ended.next_attempt_at, ended.finished_at is None) == (None, False)


def test_an_event_that_is_cancelled_leaves_other_events_and_what_was_tried(ours: Endpoint, theirs: Endpoint) -> None:
    never, other, foreign = waiting(ours), waiting(ours), waiting(theirs)
    tried, by_hand, held = waiting(ours), waiting(ours, manual=True), waiting(ours, state="held", due_at=None)
    Delivery.objects.filter(id=tried.id).update(attempts=1)
    for each in (never, other):
        FanOut.objects.create(event_id=each.event_id, customer_id=ours.customer_id, turn_at=timezone.now(), filter_ms=0)
    some = (never, tried, by_hand, held)
    cancelled = [cancel_event(Event.objects.get(id=each.event_id), actor=ACTOR) for each in some]
    assert cancelled == [1, 0, 0, 1]
    assert states(never, held, other, foreign, tried, by_hand) == ["cancelled"] * 2 + ["pending"] * 4
    ended = Delivery.objects.get(id=never.id)
    assert (ended.next_attempt_at, ended.finished_at is None) == (None, False)
    assert queued(never, other, foreign, tried, by_hand) == [[], [False], [False], [False], [True]]
    assert [each.event_id for each in FanOut.objects.all()] == [other.event_id]


def test_what_is_due_of_paused_endpoints_is_held_and_of_no_others(ours: Endpoint, theirs: Endpoint) -> None:
    first, retry, bulk = (waiting(ours, rank=rank) for rank in (1, 2, 3))
    by_hand, other = waiting(ours, manual=True, state="exhausted", rank=3), waiting(theirs)
    gone = waiting(an_endpoint("Carol & Sons"))
    Endpoint.objects.filter(id=gone.endpoint_id).update(state="paused", deleted_at=timezone.now())
    Endpoint.objects.filter(id=ours.id).update(state="paused")
    hold_backlogs()
    assert states(gone) == ["pending"]
    assert Delivery.objects.get(id=first.id).next_attempt_at is None
    assert states(first, retry, bulk, by_hand, other) == ["held", "held", "held", "exhausted", "pending"]
    rows = {row.delivery_id: (row.rank, row.due_at is None) for row in DueDelivery.objects.all()}
    places = [rows[each.id] for each in (first, retry, bulk, by_hand, other)]
    assert places == [(1, True), (2, True), (2, True), (3, False), (1, False)]


def test_what_is_held_of_endpoints_that_are_resumed_is_due_again_and_of_no_others(
    ours: Endpoint, theirs: Endpoint
) -> None:
    gone = an_endpoint("Carol & Sons")
    first, retry, other, orphan, others_retry = (
        waiting(endpoint, state="held", rank=rank, due_at=None)
        for endpoint, rank in [(ours, 1), (ours, 2), (theirs, 1), (gone, 1), (theirs, 2)]
    )
    later = waiting(ours, rank=2, due_at=timezone.now() + HOUR)
    Endpoint.objects.update(draining=True)
    Endpoint.objects.filter(id=theirs.id).update(state="paused")
    Endpoint.objects.filter(id=gone.id).update(deleted_at=timezone.now())
    release_backlogs()
    assert states(first, retry, other, orphan) == ["pending", "pending", "held", "held"]
    left = DueDelivery.objects.filter(due_at=None).order_by("delivery_id")
    assert {row.delivery_id for row in left} == {other.id, orphan.id, others_retry.id}
    assert DueDelivery.objects.get(delivery_id=later.id).due_at > timezone.now()
    release_backlogs()
    assert set(Endpoint.objects.filter(draining=False).values_list("id", flat=True)) == {ours.id}


@pytest.mark.parametrize("rank", [1, 2])
def test_as_much_is_due_again_at_once_as_the_endpoint_takes_in_a_second_the_oldest_first(
    ours: Endpoint, rank: int
) -> None:
    deliveries = [waiting(ours, state="held", rank=rank, due_at=None) for _ in range(3)]
    Endpoint.objects.update(draining=True, rate_limit=2)
    release_backlogs()
    assert states(*deliveries) == ["pending", "pending", "held"]


def test_what_was_held_at_the_moment_of_a_resume_is_found_among_what_is_queued(ours: Endpoint) -> None:
    held = waiting(ours, state="held", due_at=None)
    release_backlogs()
    assert states(held) == ["held"]
    Leftovers().find()
    release_backlogs()
    assert states(held) == ["pending"]


def takes(key: UUID, *, limit: int = 2) -> bool:
    """Whether a token of a key's bucket, which refills within an hour, could be taken."""
    return sql.fetch(TakeTokenRow, {"key_id": key, "limit": limit, "window_seconds": 3600})[0].taken


def test_each_key_has_as_many_requests_as_its_limit_says_and_its_own() -> None:
    one, other = new_id(), new_id()
    assert [takes(one), takes(one), takes(one), takes(one)] == [True, True, False, False]
    assert [takes(other), takes(other), takes(other)] == [True, True, False]


@pytest.mark.parametrize(
    ("hours", "then"), [(0.5, [True, False]), (1.0, [True, True, False]), (10, [True, True, False]), (-10, [False])]
)
def test_a_bucket_refills_steadily_up_to_its_limit_and_loses_nothing_to_a_clock_that_was_set_back(
    hours: float, then: list[bool]
) -> None:
    key = new_id()
    assert [takes(key) for _ in range(4)] == [True, True, False, False]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_api_rate SET refilled_at = refilled_at - %s", [hours * HOUR])
    assert [takes(key) for _ in then] == then
    with connection.cursor() as cursor:
        cursor.execute("SELECT tokens >= 0 AND tokens < 1 FROM hookpost_api_rate")
        assert cursor.fetchone() == (True,)
