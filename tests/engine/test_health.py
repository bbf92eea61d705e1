"""Rate, order and breaker of a lane, where they meet each other and redeliveries."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from deliveries.engine.dispatcher import disable_failing
from deliveries.engine.limits import LIMITS
from deliveries.models import Delivery, DueDelivery, Endpoint, Lane
from deliveries.services.reading.waiting import WaitReason, waiting_of
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    Script,
    an_endpoint,
    an_engine,
    due_seconds,
    emit,
    let_time_pass,
    rest_seconds,
    run_until_idle,
    take_turn,
    the_delivery,
)
from tests.receiver import Receiver
from tests.services.steps import count_failures

pytestmark = pytest.mark.django_db(transaction=True)


def numbers_at(receiver: Receiver) -> list[int]:
    return [orjson.loads(request.body)["data"]["number"] for request in receiver.requests]


def test_tokens_go_on_counting_while_a_resting_lane_is_looked_at_in_vain(receiver: Receiver) -> None:
    """Given a lane that rests, when events keep ringing for it, then it has a token in time."""
    endpoint = an_endpoint(receiver.url, rate_limit=1)
    long_ago = datetime.now(UTC) - timedelta(seconds=5)
    Lane.objects.update(tokens=0, tokens_at=long_ago, rest_until=datetime.now(UTC) + timedelta(seconds=60))
    emit(endpoint)
    for _ in range(3):
        take_turn(endpoint)
    assert receiver.requests == []
    Lane.objects.update(rest_until=None)
    take_turn(endpoint)
    assert len(receiver.requests) == 1


def test_an_ordered_endpoint_waits_for_a_retry_also_where_the_retry_waits_for_nothing(receiver: Receiver) -> None:
    receiver.answer = Script(200, 500, 500, 200)
    endpoint = an_endpoint(receiver.url, ordered=True, retry_schedule=[0, 0, 0, 0])
    for number in range(4):
        emit(endpoint, number=number)
    for _ in range(3):
        take_turn(endpoint)
    assert numbers_at(receiver) == [0, 1, 1, 1, 2, 3]


def test_an_ordered_endpoint_goes_on_behind_what_is_given_up(receiver: Receiver) -> None:
    receiver.answer = Script(200, 404, 200)
    endpoint = an_endpoint(receiver.url, ordered=True, retry_schedule=[0])
    for number in range(3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert numbers_at(receiver) == [0, 1, 2]


def test_a_poison_event_is_set_aside_after_so_many_attempts_and_tried_on_beside_the_others(receiver: Receiver) -> None:
    """Given an event that the receiver refuses, then it holds up those behind it for two attempts, and no longer."""
    poison = {0}
    receiver.answer = lambda request: (404 if orjson.loads(request.body)["data"]["number"] in poison else 200, {}, b"")
    endpoint = an_endpoint(receiver.url, ordered=True, set_aside_after=2, retry_schedule=[0, 60, 600, 60])
    for number in range(3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert numbers_at(receiver) == [0]
    let_time_pass(endpoint)
    take_turn(endpoint)
    assert numbers_at(receiver) == [0, 0, 1, 2]
    aside = Delivery.objects.get(state="pending")
    assert 400 < due_seconds(aside) <= 720
    (waiting,) = waiting_of([aside]).values()
    assert (waiting.reason, waiting.next_attempt_at is not None) == (WaitReason.SCHEDULE, True)
    poison.clear()
    emit(endpoint, number=3)
    let_time_pass(endpoint)
    take_turn(endpoint)
    assert sorted(numbers_at(receiver)[4:]) == [0, 3]
    assert not Delivery.objects.exclude(state="succeeded").exists()


def test_what_is_tried_by_hand_does_not_make_a_resting_lane_rest_longer(receiver: Receiver) -> None:
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 1000])
    emit(endpoint)
    take_turn(endpoint)
    rest = datetime.now(UTC) + timedelta(seconds=30)
    Lane.objects.update(opened=2, failures=7, rest_until=rest)
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    assert len(receiver.requests) == 2
    lane = Lane.objects.get()
    assert (lane.opened, lane.failures) == (2, 7)
    assert rest_seconds(endpoint) <= 30


def test_a_lane_whose_slice_is_over_goes_on_as_its_endpoint_is_configured_now(receiver: Receiver) -> None:
    """Given an endpoint that is paused amid its turn, when its slice is over, then nothing more is sent."""
    endpoint = an_endpoint(receiver.url, max_in_flight=1)
    for number in range(20):
        emit(endpoint, number=number)
    now = [time.monotonic()]
    engine, _ = an_engine(endpoint, limits=LIMITS, clock=lambda: now[0])
    while not receiver.requests:
        engine.step()
    Endpoint.objects.update(state="paused")
    before = len(receiver.requests)
    now[0] += 2 * LIMITS.slice_seconds
    run_until_idle(engine)
    assert len(receiver.requests) <= before + 1, "the one that was on its way"
    assert DueDelivery.objects.count() == 20 - len(receiver.requests)


def test_an_endpoint_is_disabled_after_days_of_failures_and_not_for_those_of_one_hour(receiver: Receiver) -> None:
    once, always = an_endpoint(receiver.url), an_endpoint(receiver.url)
    long_ago = datetime.now(UTC) - timedelta(days=6)
    Lane.objects.update(failing_since=long_ago)
    count_failures(once, long_ago, attempts=30)
    count_failures(always, *(long_ago + timedelta(days=day) for day in range(6)), attempts=1)
    assert disable_failing() == 1
    assert Endpoint.objects.get(state="disabled") == always


def test_a_retry_waits_in_its_rank_while_an_endpoint_gets_first_attempts(receiver: Receiver) -> None:
    receiver.answer = Script(500, 200)
    endpoint = an_endpoint(receiver.url, max_in_flight=1, retry_schedule=[0, 60])
    emit(endpoint, number=0)
    take_turn(endpoint)
    let_time_pass(endpoint)
    for number in range(1, 200):
        emit(endpoint, number=number)
    take_turn(endpoint)
    place = numbers_at(receiver).index(0, 1)
    assert 1 < place < 40, "neither before all first attempts nor after them"
    assert not Delivery.objects.filter(state="exhausted").exists()
