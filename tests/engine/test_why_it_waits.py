"""What waits after an answer says why and until when, as the engine acts on it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deliveries.engine.phases import Rest
from deliveries.models import Delivery, Endpoint, Lane
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.common import clock
from deliveries.services.endpoints import pause_endpoint
from deliveries.services.reading.endpoint_health import RestReason, resting
from deliveries.services.reading.waiting import Waiting, WaitReason, waiting_of
from tests.engine.steps import Script, an_endpoint, emit, take_turn
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
LATER = {"Retry-After": "3600"}
SLACK = timedelta(minutes=2)


def too_large_at_2(request: Request) -> Answer:
    """413 for the second event, and the wish to have it again in an hour."""
    return (413, LATER, b"") if json.loads(request.body)["data"]["number"] == 2 else (204, {}, b"")


def waits(endpoint: Endpoint) -> list[Waiting]:
    """What the endpoint's deliveries wait for, those that were tried first: ids of one millisecond have no order."""
    rows = list(Delivery.objects.filter(endpoint=endpoint, state="pending").order_by("-attempts", "id"))
    waiting = waiting_of(rows)
    return [waiting[row.id] for row in rows]


def rest_of(endpoint: Endpoint) -> tuple[timedelta, str] | None:
    """How much longer the endpoint rests, and why."""
    rest = resting(Endpoint.objects.get(id=endpoint.id))
    return rest and (rest[0] - clock.database_now(), rest[1])


def test_every_reason_of_the_engine_is_one_that_people_are_told() -> None:
    assert {*Rest} == {*RestReason}


def test_a_retry_after_of_one_event_holds_up_no_other(receiver: Receiver) -> None:
    receiver.answer = too_large_at_2
    endpoint = an_endpoint(receiver.url)
    for number in (1, 2, 3):
        emit(endpoint, number=number)
    take_turn(endpoint)
    (refused,) = waits(endpoint)
    assert refused.reason == WaitReason.SCHEDULE
    assert refused.next_attempt_at is not None
    assert refused.until == refused.next_attempt_at
    assert HOUR - SLACK < refused.next_attempt_at - clock.database_now() <= HOUR
    assert rest_of(endpoint) is None
    emit(endpoint, number=4)
    take_turn(endpoint)
    assert Delivery.objects.filter(state="succeeded").count() == 3


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_says_when_to_come_back_rests_and_what_waits_says_so(receiver: Receiver, status: int) -> None:
    receiver.answer = Script((status, LATER, b""))
    endpoint = an_endpoint(receiver.url, max_in_flight=1)
    emit(endpoint)
    emit(endpoint)
    take_turn(endpoint)
    rest = rest_of(endpoint)
    assert rest is not None
    assert HOUR - SLACK < rest[0] <= HOUR
    assert rest[1] == RestReason.ASKED
    (behind,) = (each for each in waits(endpoint) if each.reason == WaitReason.RESTING)
    assert behind.until == behind.next_attempt_at == Lane.objects.get().rest_until


def test_where_nobody_is_there_what_waits_is_told_no_time(receiver_ports: list[int]) -> None:
    endpoint = an_endpoint(f"http://127.0.0.1:{receiver_ports[-1]}/", max_in_flight=1)
    for _ in range(6):
        emit(endpoint)
    Lane.objects.update(failures=4)
    take_turn(endpoint)
    rest = rest_of(endpoint)
    assert rest is not None
    assert rest[1] == RestReason.DOWN
    behind = waits(endpoint)[-1]
    assert (behind.reason, behind.until, behind.next_attempt_at) == (
        WaitReason.RESTING,
        Lane.objects.get().rest_until,
        None,
    )


def test_where_all_answers_are_failures_what_waits_is_told_no_time(receiver: Receiver) -> None:
    receiver.answer = Script(503)
    endpoint = an_endpoint(receiver.url, max_in_flight=1)
    emit(endpoint)
    emit(endpoint)
    Lane.objects.update(failures=200)
    take_turn(endpoint)
    rest = rest_of(endpoint)
    assert rest is not None
    assert rest[1] == RestReason.FAILING
    behind = waits(endpoint)[-1]
    assert (behind.reason, behind.next_attempt_at) == (WaitReason.RESTING, None)


def test_an_ordered_endpoint_waits_for_the_retry_of_its_first(receiver: Receiver) -> None:
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, ordered=True, retry_schedule=[0, 3600])
    emit(endpoint)
    emit(endpoint)
    take_turn(endpoint)
    first, second = waits(endpoint)
    assert (first.reason, first.until) == (WaitReason.SCHEDULE, Lane.objects.get().rest_until)
    assert first.next_attempt_at == first.until
    assert (second.reason, second.until, second.next_attempt_at) == (WaitReason.ORDER, None, None)
    rest = rest_of(endpoint)
    assert rest is not None
    assert rest[1] == RestReason.ORDER


def test_what_cannot_be_sent_as_it_is_configured_says_so(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Endpoint.objects.update(headers_sealed=b"sealed under a key that is gone")
    take_turn(endpoint)
    rest = rest_of(endpoint)
    assert rest is not None
    assert rest[1] == RestReason.PROBLEM
    (behind,) = waits(endpoint)
    assert (behind.reason, behind.next_attempt_at) == (WaitReason.RESTING, None)


def test_what_waits_for_all_kinds_of_reasons_is_asked_for_once(receiver_ports: list[int]) -> None:
    """Given endpoints of every kind, then no column of theirs or of their lanes is read for one alone."""
    url = f"http://127.0.0.1:{receiver_ports[0]}/"
    endpoints = [
        an_endpoint(url, rate_limit=1),
        an_endpoint(url, ordered=True, set_aside_after=5, retry_schedule=[0, 60]),
        an_endpoint(POLLED_URL),
        *(an_endpoint(url) for _ in range(4)),
    ]
    paused, *resting_ones = endpoints[3:]
    for each in endpoints:
        emit(each)
        emit(each, number=2)
    pause_endpoint(paused, actor="user:alice")
    later = clock.database_now() + HOUR
    Lane.objects.filter(endpoint=endpoints[0]).update(tokens=0, tokens_at=later)
    for each, more in zip(resting_ones, ({"rest_reason": RestReason.DOWN}, {"opened": 1}, {}), strict=True):
        Lane.objects.filter(endpoint=each).update(rest_until=later, failing_since=clock.database_now(), **more)
    rows = list(Delivery.objects.all())
    with CaptureQueriesContext(connection) as asked:
        reasons = {each.reason for each in waiting_of(rows).values()}
    assert reasons == {*WaitReason} - {WaitReason.DISABLED}
    assert sum('FROM "hookpost_endpoint"' in each["sql"] for each in asked) == 1
    assert not [each["sql"] for each in asked if 'FROM "hookpost_lane"' in each["sql"]]
