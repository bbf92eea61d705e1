"""A turn over a real lane: what each answer does to its delivery, its lane and its endpoint."""

from __future__ import annotations

import threading
import time

import orjson
import pytest
from standardwebhooks import Webhook

from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Endpoint, Lane
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import (
    Overlap,
    Script,
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    is_due_between,
    let_time_pass,
    rest_seconds,
    rests_between,
    run_until_idle,
    take_turn,
    the_delivery,
)
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_accepted_event_arrives_signed_and_is_logged(receiver: Receiver) -> None:
    customer = Customer.objects.create(name="Alice & Co")
    endpoint, secret = create_endpoint(customer, {"url": receiver.url}, actor="user:alice")
    accept_event(EventDraft(type="invoice.paid", data=b'{"amount": 1e2}', customer_id=customer.id))
    take_turn(endpoint)
    (request,) = receiver.requests
    Webhook(secret).verify(request.body, dict(request.headers))
    assert request.body.endswith(b'"data":{"amount": 1e2}}')
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.attempts, delivery.status_code) == ("succeeded", 1, 204)
    assert Attempt.objects.get().delivery_id == delivery.id
    assert not DueDelivery.objects.exists()
    assert Lane.objects.get().lease_until is None


def test_a_failure_is_retried_with_the_same_webhook_id_and_all_attempts_are_logged(receiver: Receiver) -> None:
    receiver.answer = Script(500, 500, 200)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 30, 30])
    emit(endpoint)
    for _ in range(3):
        take_turn(endpoint)
        let_time_pass(endpoint)
    delivery = the_delivery(endpoint)
    assert delivery.state == "succeeded"
    assert [(each.number, each.status_code, each.error) for each in attempts_of(delivery)] == [
        (1, 500, "http_5xx"),
        (2, 500, "http_5xx"),
        (3, 200, ""),
    ]
    assert len({request.header("webhook-id") for request in receiver.requests}) == 1


def test_a_retry_waits_for_its_place_in_the_schedule(receiver: Receiver) -> None:
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 100, 1000])
    emit(endpoint)
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    assert delivery.state == "pending"
    assert is_due_between(delivery, 75, 125)
    assert take_turn(endpoint) == []
    assert len(receiver.requests) == 1


def test_a_used_up_schedule_is_exhausted(receiver: Receiver) -> None:
    receiver.answer = Script((404, {}, b"no such page"))
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.error) == ("exhausted", "http_4xx")
    assert delivery.failed_at is not None
    assert not DueDelivery.objects.exists()
    assert bytes(attempts_of(delivery)[0].response_body) == b"no such page"


def test_retry_after_makes_the_whole_lane_rest(receiver: Receiver) -> None:
    receiver.answer = Script((429, {"Retry-After": "60"}, b""))
    endpoint = an_endpoint(receiver.url, max_in_flight=1)
    emit(endpoint, number=1)
    emit(endpoint, number=2)
    take_turn(endpoint)
    assert rests_between(endpoint, 50, 60)
    assert take_turn(endpoint) == []
    assert len(receiver.requests) == 1
    assert Delivery.objects.filter(state="pending", attempts=0).count() == 1


def test_a_410_disables_the_endpoint(receiver: Receiver) -> None:
    receiver.answer = Script(410)
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    take_turn(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.state == "disabled"
    assert the_delivery(endpoint).state == "exhausted"


def test_a_receiver_may_ask_not_to_be_sent_a_message_again(receiver: Receiver) -> None:
    receiver.answer = Script((500, {"webhook-delivery": "abort-message"}, b""))
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "cancelled"
    assert not DueDelivery.objects.exists()


def test_a_refused_connection_ends_the_batch_and_the_rest_stays_due(receiver_ports: list[int]) -> None:
    endpoint = an_endpoint(f"http://127.0.0.1:{receiver_ports[1]}", max_in_flight=2)
    for number in range(20):
        emit(endpoint, number=number)
    take_turn(endpoint)
    tried = Delivery.objects.filter(attempts=1)
    assert {each.error for each in tried} == {"connect_refused"}
    assert len(tried) == 2
    assert DueDelivery.objects.filter(attempts=0).count() == 18


def test_five_in_a_row_that_find_nobody_open_the_breaker_once(receiver_ports: list[int]) -> None:
    endpoint = an_endpoint(f"http://127.0.0.1:{receiver_ports[1]}", max_in_flight=10)
    for number in range(10):
        emit(endpoint, number=number)
    take_turn(endpoint)
    lane = Lane.objects.get()
    assert (lane.failures >= 5, lane.opened) == (True, 1)
    assert rests_between(endpoint, 3, 7)


def test_a_lane_that_rested_sends_one_probe(receiver_ports: list[int]) -> None:
    endpoint = an_endpoint(f"http://127.0.0.1:{receiver_ports[1]}")
    Lane.objects.update(opened=1, failures=5)
    for number in range(5):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert [attempt.error for attempt in Attempt.objects.all()] == ["connect_refused"]
    lane = Lane.objects.get()
    assert (lane.opened, lane.rest_reason) == (2, "down")


def test_one_bad_event_closes_no_endpoint_that_answers_others(receiver: Receiver) -> None:
    """Given thirty events that always fail, ahead of ten that do not, then all ten arrive in one turn."""
    receiver.answer = lambda request: (500 if b"bad" in request.body else 200, {}, b"")
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 600])
    for number in range(30):
        emit(endpoint, number=number, name="bad.one")
    for number in range(10):
        emit(endpoint, number=number, name="good.one")
    take_turn(endpoint)
    assert Delivery.objects.filter(state="succeeded").count() == 10
    assert Delivery.objects.filter(attempts=1).count() == 40


def test_a_receiver_that_is_not_ready_yet_gets_each_event_again_until_it_is(receiver: Receiver) -> None:
    """Given 503 to the first two requests of each event, then all arrive as soon as their schedules allow."""
    seen: dict[str | None, int] = {}

    def not_ready_yet(request: Request) -> Answer:
        number = seen[request.header("webhook-id")] = seen.get(request.header("webhook-id"), 0) + 1
        return (503 if number <= 2 else 200), {}, b""

    receiver.answer = not_ready_yet
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 0, 0])
    for number in range(20):
        emit(endpoint, number=number)
    engine, _ = an_engine(endpoint)
    deadline = time.monotonic() + 120
    while Delivery.objects.exclude(state="succeeded").exists():
        assert time.monotonic() < deadline
        for _ in range(20):
            engine.step()
    engine.abandon()
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {3}


def test_a_successful_probe_closes_the_breaker_and_the_backlog_follows(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    Lane.objects.update(opened=3, failures=9)
    for number in range(5):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert len(receiver.requests) == 5
    lane = Lane.objects.get()
    assert (lane.opened, lane.failures, lane.failing_since) == (0, 0, None)


def test_an_endpoint_never_has_more_in_flight_than_it_wants(receiver: Receiver) -> None:
    receiver.answer = overlap = Overlap(seconds=0.01)
    endpoint = an_endpoint(receiver.url, max_in_flight=3)
    for number in range(30):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert len(receiver.requests) == 30
    assert 2 <= overlap.most <= 3


def test_an_ordered_endpoint_gets_events_one_by_one_and_waits_for_a_retry(receiver: Receiver) -> None:
    receiver.answer = Script(200, 500, 200)
    endpoint = an_endpoint(receiver.url, ordered=True, retry_schedule=[0, 60, 60])
    for number in range(4):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert rests_between(endpoint, 40, 80)
    let_time_pass(endpoint)
    take_turn(endpoint)
    numbers = [orjson.loads(request.body)["data"]["number"] for request in receiver.requests]
    assert numbers == [0, 1, 1, 2, 3]


def test_a_rate_limit_spaces_requests_and_keeps_the_lane_in_hand(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, rate_limit=10)
    for number in range(3):
        emit(endpoint, number=number)
    now = [time.monotonic()]
    engine, _ = an_engine(endpoint, clock=lambda: now[0])
    for sent in (1, 2, 3):
        while engine.outbox.in_flight or len(receiver.requests) < sent:
            engine.step()
        for _ in range(3):
            engine.step()
        assert len(receiver.requests) == sent, "its clock stands still"
        now[0] += 0.1
    run_until_idle(engine)
    assert Lane.objects.get().fence == 1


def test_a_blocked_address_is_an_attempt_in_the_log(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    Endpoint.objects.update(url="http://127.0.0.1:9/")  # as if the name had moved after registration
    emit(endpoint)
    take_turn(endpoint)
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert (attempt.error, attempt.status_code) == ("blocked_address", None)


def test_a_lane_whose_secret_cannot_be_opened_sends_nothing(receiver: Receiver, settings: object) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    settings.ENCRYPTION_KEYS = (("t1", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nISE="),)  # type: ignore[attr-defined]
    take_turn(endpoint)
    assert receiver.requests == []
    assert the_delivery(endpoint).state == "pending"
    assert rest_seconds(endpoint) > 30


def test_a_thin_payload_says_only_where_the_event_is(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, payload_mode="thin")
    emit(endpoint)
    take_turn(endpoint)
    payload = orjson.loads(receiver.requests[0].body)
    assert set(payload) == {"type", "timestamp", "data"}
    assert payload["data"]["id"] == receiver.requests[0].header("webhook-id")
    assert set(payload["data"]) == {"id", "object", "url"}


def test_an_endpoint_that_times_out_moves_to_the_slow_queue(receiver: Receiver) -> None:
    release = threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(60)
        return 200, {}, b""

    receiver.answer = hang
    endpoint = an_endpoint(receiver.url, timeout_seconds=1)
    emit(endpoint)
    take_turn(endpoint)
    release.set()
    assert Lane.objects.get().slow
    assert the_delivery(endpoint).error == "deadline_exceeded"
    receiver.answer = Script(200)
    let_time_pass(endpoint)
    assert take_turn(endpoint) == []
    assert the_delivery(endpoint).attempts == 1
    Endpoint.objects.update(timeout_seconds=30)  # it is quick now, by this machine's measure
    take_turn(endpoint, slow=True)
    assert not Lane.objects.get().slow
    assert the_delivery(endpoint).state == "succeeded"


def test_bulk_work_of_an_idle_lane_is_done_in_one_turn(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    for number in range(40):
        emit(endpoint, number=number)
    DueDelivery.objects.update(rank=3)
    assert take_turn(endpoint) == []
    assert len(receiver.requests) == 40
