"""What is recorded: every change of state, what cannot be stored, what came too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import release_lanes
from deliveries.engine.work import Finished
from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, Lane
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.services.housekeeping import retention
from tests.engine.steps import Script, an_endpoint, emit, lease, let_time_pass, record, take_turn, the_delivery
from tests.receiver import Answer as ReceiverAnswer
from tests.receiver import Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = Answer(status=500)
RETRY = Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0)


@pytest.fixture
def endpoint(receiver: Receiver) -> Endpoint:
    return an_endpoint(receiver.url)


@pytest.fixture
def lane(endpoint: Endpoint) -> Iterator[LeasedLane]:
    for number in range(3):
        emit(endpoint, number=number)
    lane = lease(endpoint)
    yield lane
    release_lanes([lane])


def finish(lane: LeasedLane, answer: Answer, outcome: Outcome, *, manual: bool = False) -> None:
    claimed = replace(lane.waiting.popleft(), manual=manual)
    lane.finish(Finished(claimed=claimed, started_at=datetime.now(UTC), answer=answer, outcome=outcome))


# state before, how the attempt ended, whether it was a redelivery -> state after, due rows left, finished, failed
CHANGES = [
    ("pending", "succeeded", False, "succeeded", [], True, False),
    ("pending", "pending", False, "pending", [False], False, False),
    ("pending", "exhausted", False, "exhausted", [], True, True),
    ("pending", "cancelled", False, "cancelled", [], True, False),
    ("pending", "succeeded", True, "succeeded", [], True, False),
    ("pending", "exhausted", True, "pending", [False], False, False),
    ("pending", "cancelled", True, "pending", [False], False, False),
    ("held", "succeeded", False, "succeeded", [], True, False),
    ("held", "pending", False, "held", [False], False, False),
    ("held", "exhausted", False, "exhausted", [], True, True),
    ("held", "cancelled", False, "cancelled", [], True, False),
    ("held", "succeeded", True, "succeeded", [], True, False),
    ("held", "exhausted", True, "held", [False], False, False),
    ("succeeded", "pending", False, "succeeded", [], False, False),
    ("succeeded", "exhausted", False, "succeeded", [], False, False),
    ("succeeded", "exhausted", True, "succeeded", [], False, False),
    ("succeeded", "succeeded", True, "succeeded", [], True, False),
    ("exhausted", "succeeded", True, "succeeded", [], True, False),
    ("exhausted", "exhausted", True, "exhausted", [], False, False),
    ("cancelled", "succeeded", False, "succeeded", [], True, False),
    ("cancelled", "pending", False, "cancelled", [], False, False),
    ("cancelled", "exhausted", False, "cancelled", [], False, False),
    ("cancelled", "exhausted", True, "cancelled", [], False, False),
    ("cancelled", "succeeded", True, "succeeded", [], True, False),
]


@pytest.mark.parametrize(("before", "end", "manual", "after", "due", "finished", "failed"), CHANGES)
def test_each_end_of_an_attempt_changes_each_state_as_the_table_says(
    lane: LeasedLane, before: str, end: str, manual: bool, after: str, due: list[bool], finished: bool, failed: bool
) -> None:
    claimed = lane.waiting[0]
    arrange(lane, before, manual=manual)
    outcome = RETRY if end == "pending" else Outcome(state=end, error="" if end == "succeeded" else "http_5xx")  # type: ignore[arg-type]
    finish(lane, FAILED, outcome, manual=manual)
    record(lane)
    delivery = Delivery.objects.get(id=claimed.delivery_id)
    left = DueDelivery.objects.filter(delivery_id=claimed.delivery_id)
    assert delivery.state == after
    assert [row.manual for row in left] == due
    assert (delivery.finished_at is not None, delivery.failed_at is not None) == (finished, failed)
    assert delivery.attempts == 1
    assert (delivery.next_attempt_at is not None) == (after == "pending")
    assert Attempt.objects.filter(delivery=delivery).count() == 1


def arrange(lane: LeasedLane, state: str, *, manual: bool) -> None:
    """Put the delivery that is claimed first in this state, with the queue rows that belong to it."""
    claimed = lane.waiting[0]
    waits = state in ("pending", "held")
    moment = datetime.now(UTC) if state == "pending" else None
    Delivery.objects.filter(id=claimed.delivery_id).update(state=state, next_attempt_at=moment)
    rows = DueDelivery.objects.filter(delivery_id=claimed.delivery_id)
    rows.update(due_at=moment)
    if manual:
        DueDelivery.objects.create(
            delivery_id=claimed.delivery_id,
            manual=True,
            endpoint_id=lane.endpoint_id,
            event_id=claimed.event_id,
            rank=0,
        )
    if not waits:
        rows.filter(manual=False).delete()


def test_a_retry_and_a_redelivery_of_one_delivery_are_never_under_way_together(receiver: Receiver) -> None:
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 1000])
    emit(endpoint)
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    event = {"endpoint_id": endpoint.id, "event_id": delivery.event_id}
    DueDelivery.objects.create(delivery_id=delivery.id, manual=True, rank=0, due_at=datetime.now(UTC), **event)
    let_time_pass(endpoint)
    under_way, most = 0, 0

    def answer(request: Request) -> ReceiverAnswer:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        status = 500 if len(receiver.requests) == 2 else 200
        under_way -= 1
        return status, {}, b""

    receiver.answer = answer
    take_turn(endpoint)
    assert (len(receiver.requests), most) == (3, 1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("succeeded", 3)
    assert not DueDelivery.objects.exists()


UNSTORABLE = [
    Answer(status=500, detail="a NUL \0 in it"),
    Answer(status=500, detail="half a pair \ud800 in it"),
    Answer(status=500, headers=(("x-a", "\0"),)),
    Answer(status=40_000),
    Answer(status=500, duration_ms=2**40),
    Answer(status=500, address="\0"),
]


@pytest.mark.parametrize("answer", UNSTORABLE)
def test_an_answer_that_cannot_be_stored_blocks_no_other_and_leaves_a_row(lane: LeasedLane, answer: Answer) -> None:
    ids = [claimed.delivery_id for claimed in lane.waiting]
    finish(lane, Answer(status=200), Outcome(state="succeeded", healthy=True))
    finish(lane, answer, RETRY)
    finish(lane, Answer(status=200), Outcome(state="succeeded", healthy=True))
    record(lane, released=True)
    assert [Delivery.objects.get(id=each).state for each in ids] == ["succeeded", "pending", "succeeded"]
    assert Attempt.objects.count() == 3
    assert "cannot be stored" in Attempt.objects.get(delivery_id=ids[1]).detail
    assert Lane.objects.get().lease_until is None


def test_numbers_at_the_end_of_their_range_do_not_keep_an_attempt_from_being_recorded(lane: LeasedLane) -> None:
    Delivery.objects.update(attempts=32_767)
    finish(lane, FAILED, RETRY)
    record(lane)
    assert Attempt.objects.count() == 1


def test_an_attempt_on_a_day_without_a_partition_opens_one(lane: LeasedLane) -> None:
    table = f"hookpost_attempt_p{datetime.now(UTC):%Y%m%d}"
    try:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP TABLE "{table}"')
        finish(lane, FAILED, RETRY)
        record(lane)
        assert Attempt.objects.count() == 1
    finally:
        retention.open_partitions()


def test_nothing_is_due_of_a_day_that_is_being_dropped(lane: LeasedLane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a redelivery that was queued while the day's due rows were removed, when the day is gone, so is it."""
    event = {"endpoint_id": lane.endpoint_id, "event_id": lane.waiting[0].event_id}
    dropped = retention._drop

    def drop_and_queue(name: str) -> bool:
        delivery_id = "00000000-0000-7000-a000-000000000000"
        DueDelivery.objects.get_or_create(delivery_id=delivery_id, manual=True, rank=0, defaults=event)
        return dropped(name)

    monkeypatch.setattr(retention, "_drop", drop_and_queue)
    old = datetime.now(UTC) - timedelta(days=400)
    retention.open_partitions(now=old)
    while retention.drop_partitions():
        pass
    assert not DueDelivery.objects.filter(manual=True).exists()
