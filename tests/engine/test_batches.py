"""Several events in one request: gathered, signed once, each with an attempt of its own, whatever is answered."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from django.db.models.functions import Now
from standardwebhooks import Webhook

from deliveries.metrics import names
from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Endpoint, EndpointSecret, Event
from deliveries.models.keyring import unseal
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.protocol.events.event_data import ERASED
from deliveries.protocol.sending.batching import read_place
from deliveries.protocol.sending.request import read_headers
from deliveries.protocol.writing import ids
from deliveries.services.bodies.signature_check import check_attempt
from deliveries.services.endpoints import update_endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import an_endpoint, an_engine, emit, let_time_pass, run_until_idle, step_until_idle, take_turn
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


def a_batched(receiver: Receiver, **fields: Any) -> Endpoint:
    return an_endpoint(receiver.url, **{"batch_size": 100} | fields)


def emit_many(endpoint: Endpoint, count: int) -> None:
    for number in range(count):
        emit(endpoint, number=number)


def numbers(request: Request) -> list[int]:
    return [each["payload"]["data"]["number"] for each in orjson.loads(request.body)["events"]]


def sizes(receiver: Receiver) -> list[int]:
    return [len(numbers(each)) for each in receiver.requests]


def states() -> dict[int, tuple[str, int, str]]:
    """State, attempts and last error of each delivery, by its number."""
    bodies = {each.id: orjson.loads(bytes(each.body))["data"]["number"] for each in Event.objects.all()}
    return {bodies[each.event_id]: (each.state, each.attempts, each.error) for each in Delivery.objects.all()}


def refusing(*poison: int, status: int = 422) -> Any:
    """A receiver that refuses whatever has one of these in it."""

    def answer(request: Request) -> Answer:
        return (status, {}, b"no such order") if set(numbers(request)) & set(poison) else (204, {}, b"")

    return answer


def naming(*failed: int) -> Any:
    """A receiver that takes the others."""

    def answer(request: Request) -> Answer:
        events = orjson.loads(request.body)["events"]
        named = [each["id"] for each in events if each["payload"]["data"]["number"] in failed]
        listed = [{"id": each, "reason": "no such order"} for each in named]
        return 207, {"content-type": "application/json"}, orjson.dumps({"failed": listed})

    return answer


def turns(endpoint: Endpoint, count: int) -> None:
    for _ in range(count):
        let_time_pass(endpoint)
        take_turn(endpoint)


def turns_at_once(endpoint: Endpoint) -> None:
    """Take turns as long as something is due by now."""
    for _ in range(20):
        take_turn(endpoint)
        if not DueDelivery.objects.filter(due_at__lte=Now()).exists():
            return
    raise AssertionError("it never ends")


def test_several_events_have_their_ids_and_no_type_in_headers_of_another_sender(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, signing="github")
    emit_many(endpoint, 2)
    take_turn(endpoint)
    (request,) = receiver.requests
    assert request.header("x-github-delivery") == request.header("webhook-id")
    assert request.header("x-github-event") is None


def test_what_is_due_goes_in_one_signed_request_and_each_delivery_has_an_attempt(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, headers={"X-Own": "very secret value"}, method="PUT")
    emit_many(endpoint, 5)
    counted = names.BATCH_EVENTS.buckets()[1]
    take_turn(endpoint)
    assert names.BATCH_EVENTS.buckets()[1] == counted + 5
    (request,) = receiver.requests
    assert (request.method, numbers(request), request.header("x-own")) == ("PUT", [0, 1, 2, 3, 4], "very secret value")
    secret = EndpointSecret.objects.get()
    key = unseal(bytes(secret.sealed), row_id=secret.id).decode()
    assert Webhook(key).verify(request.body, dict(request.headers)) == orjson.loads(request.body)
    named = [each["id"] for each in orjson.loads(request.body)["events"]]
    assert named == [ids.encode_id(ids.EVENT, each.id) for each in Event.objects.order_by("id")]
    for place, delivery in enumerate(Delivery.objects.order_by("event_id"), 1):
        (attempt,) = Attempt.objects.filter(delivery=delivery)
        assert (delivery.state, attempt.status_code, attempt.number) == ("succeeded", 204, 1)
        stood = read_place(attempt.request_headers)
        assert stood is not None
        assert (stood.place, stood.size) == (place, 5)
        assert read_headers(attempt.request_headers)["webhook-id"] == request.header("webhook-id")
        assert "very secret" not in attempt.request_headers
        check, _ = check_attempt(attempt, Event.objects.get(id=delivery.event_id), endpoint, ReceivedRequest())
        assert check.is_right
    assert not DueDelivery.objects.exists()


def test_a_backlog_goes_in_full_batches_and_what_comes_while_one_gathers_goes_with_it(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, batch_size=10)
    Endpoint.objects.update(batch_wait_ms=32_000)  # longer than is allowed: the machine may stall
    emit_many(endpoint, 30)
    engine, _ = an_engine(endpoint)
    step_until_idle(engine)
    assert sizes(receiver) == [10, 10, 10], "full batches wait for nothing"
    emit_many(endpoint, 4)
    engine.notify([endpoint.id])
    give_up = time.monotonic() + 60
    while not (lane := engine.lanes.get(endpoint.id)) or len(lane.waiting) < 4:
        assert time.monotonic() < give_up
        engine.step()
    assert len(receiver.requests) == 3
    emit_many(endpoint, 6)
    engine.notify([endpoint.id])
    run_until_idle(engine)
    assert sizes(receiver) == [10, 10, 10, 10]
    assert {each.state for each in Delivery.objects.all()} == {"succeeded"}


def test_a_batch_that_does_not_fill_goes_when_its_time_is_over_and_without_a_time_at_once(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, batch_wait_ms=300)
    emit_many(endpoint, 3)
    began = time.monotonic()
    take_turn(endpoint)
    assert (sizes(receiver), time.monotonic() - began >= 0.3) == ([3], True)
    redeliver(Delivery.objects.order_by("event_id")[0], actor="user:carol", reason="")
    update_endpoint(endpoint, {"batch_wait_ms": 500}, actor="user:alice")
    emit(endpoint, number=7)
    take_turn(endpoint)
    assert [numbers(each) for each in receiver.requests[1:]] == [[0], [7]], "by hand it goes alone and first"


def test_a_207_fails_those_that_it_names_and_no_others(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, retry_schedule=[0, 60, 60])
    emit_many(endpoint, 4)
    receiver.answer = naming(1, 3)
    take_turn(endpoint)
    failed = ("pending", 1, "batch_member_failed")
    assert states() == {0: ("succeeded", 1, ""), 1: failed, 2: ("succeeded", 1, ""), 3: failed}
    assert set(Attempt.objects.exclude(error="").values_list("status_code", "detail")) == {(207, "no such order")}
    turns(endpoint, 1)
    assert numbers(receiver.requests[-1]) == [1, 3]
    receiver.answer = naming()
    turns(endpoint, 1)
    assert {state for state, *_ in states().values()} == {"succeeded"}


def test_structured_events_go_as_a_batch_that_the_cloudevents_package_reads(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, payload_mode="cloudevents_structured")
    emit_many(endpoint, 3)
    take_turn(endpoint)
    (request,) = receiver.requests
    assert str(request.header("content-type")).startswith("application/cloudevents-batch+json")
    read = [JSONFormat().read(None, orjson.dumps(each)) for each in orjson.loads(request.body)]
    assert [each.get_data() for each in read] == [{"number": number} for number in range(3)]
    assert [each.get_id() for each in read] == [ids.encode_id(ids.EVENT, e.id) for e in Event.objects.order_by("id")]


@pytest.mark.parametrize("body", [b"", b"{", b'{"failed":"all"}', b'{"failed":[' + b'{"id":"x"},' * 9000 + b"1]}"])
def test_a_207_that_cannot_be_read_takes_nothing_and_harms_nobody(receiver: Receiver, body: bytes) -> None:
    endpoint = a_batched(receiver, retry_schedule=[0, 60])
    other = a_batched(receiver)
    emit_many(endpoint, 3)
    receiver.answer = lambda request: (207, {}, body)
    take_turn(endpoint)
    assert set(states().values()) == {("pending", 1, "batch_unreadable")}
    assert {each.detail.partition(":")[0] for each in Attempt.objects.all()} == {"what came with the 207"}
    receiver.answer = naming()
    emit(other, number=9)
    take_turn(other)
    turns(endpoint, 1)
    assert {state for state, *_ in states().values()} == {"succeeded"}


def test_a_207_about_events_of_others_changes_nothing_of_theirs_and_the_attempt_says_so(receiver: Receiver) -> None:
    victim, liar = a_batched(receiver), a_batched(receiver)
    emit(victim, number=1)
    stranger = Event.objects.get()
    emit(liar, number=2)
    lie = orjson.dumps({"failed": [{"id": ids.encode_id(ids.EVENT, stranger.id)}]})
    receiver.answer = lambda request: (207, {}, lie)
    take_turn(liar)
    assert states() == {1: ("pending", 0, ""), 2: ("succeeded", 1, "")}
    assert Attempt.objects.get().detail == "1 of the entries of failed name no event of this request"


@pytest.mark.parametrize("schedule", [[0], [0, 60, 60]])
def test_a_poison_event_is_soon_alone_and_the_others_arrive_without_a_wait(
    receiver: Receiver, schedule: list[int]
) -> None:
    endpoint = a_batched(receiver, retry_schedule=schedule)
    emit_many(endpoint, 20)
    receiver.answer = refusing(7)
    turns_at_once(endpoint)
    found = states()
    assert {number for number, (state, *_) in found.items() if state == "succeeded"} == set(range(20)) - {7}
    turns(endpoint, 3)
    assert states()[7] == ("exhausted", max(2, len(schedule)), "http_4xx")
    assert [numbers(each) for each in receiver.requests if 7 in numbers(each)][-1] == [7]
    assert max(attempts for _, attempts, _ in found.values()) <= len(schedule) + 1


def test_an_event_that_makes_its_receiver_fail_is_alone_by_its_last_try(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, retry_schedule=[0, 60, 60, 60])
    emit_many(endpoint, 20)
    receiver.answer = refusing(7, status=500)
    take_turn(endpoint)
    assert {attempts for _, attempts, _ in states().values()} == {1}, "a 500 says nothing of one event"
    turns(endpoint, 4)
    found = states()
    assert found.pop(7)[0] == "exhausted"
    assert {state for state, *_ in found.values()} == {"succeeded"}


def test_a_receiver_that_refuses_everything_ends_each_within_its_schedule(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, retry_schedule=[0])
    emit_many(endpoint, 10)
    receiver.answer = lambda request: (400, {}, b"x" * 50_000)
    turns_at_once(endpoint)
    assert set(states().values()) == {("exhausted", 2, "http_4xx")}
    assert sizes(receiver) == [10, *[1] * 10]


def test_a_410_disables_the_endpoint_once_and_gives_up_what_was_in_the_request(receiver: Receiver) -> None:
    endpoint = a_batched(receiver)
    emit_many(endpoint, 3)
    receiver.answer = lambda request: (410, {}, b"")
    take_turn(endpoint)
    assert set(states().values()) == {("exhausted", 1, "gone")}
    endpoint.refresh_from_db()
    assert endpoint.state == "disabled"
    assert AuditEntry.objects.filter(action="endpoint.disable").count() == 1


def test_what_cannot_be_sent_is_left_out_and_ends_by_itself(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, transformation="data.number", payload_mode="data", retry_schedule=[0, 60])
    emit_many(endpoint, 4)
    Event.objects.filter(id=Event.objects.order_by("id")[1].id).update(body=ERASED)
    last = Event.objects.order_by("id")[3]
    Event.objects.filter(id=last.id).update(body=bytes(last.body).replace(b"number", b"nothing"))
    take_turn(endpoint)
    (request,) = receiver.requests
    assert [each["payload"] for each in orjson.loads(request.body)["events"]] == [0, 2]
    outcomes = Delivery.objects.order_by("event_id").values_list("state", "error")
    assert list(outcomes) == [
        ("succeeded", ""),
        ("cancelled", "event_erased"),
        ("succeeded", ""),
        ("pending", "transformation_failed"),
    ]


def test_large_events_fill_a_batch_by_their_bytes(receiver: Receiver) -> None:
    endpoint = a_batched(receiver, batch_wait_ms=500)
    emit_many(endpoint, 5)
    for event in Event.objects.all():
        larger = bytes(event.body).replace(b'"data":{', b'"data":{"text":"%b",' % (b"x" * 240_000))
        Event.objects.filter(id=event.id).update(body=larger)
    take_turn(endpoint)
    assert sizes(receiver) == [4, 1]
    assert max(len(each.body) for each in receiver.requests) <= 1_000_000


def test_a_batch_in_flight_when_its_worker_stops_is_logged_and_comes_again(receiver: Receiver) -> None:
    endpoint = a_batched(receiver)
    emit_many(endpoint, 3)
    engine, _ = an_engine(endpoint)
    receiver.answer = lambda request: (time.sleep(0.2), (204, {}, b""))[1]  # type: ignore[func-returns-value]
    while not receiver.requests:
        engine.step()
    engine.abandon()
    assert set(Attempt.objects.values_list("error", flat=True)) in ({"worker_lost"}, {""})
    turns(endpoint, 1)
    first, *again = receiver.requests
    assert {state for state, *_ in states().values()} == {"succeeded"}
    assert [each.header("webhook-id") for each in again] == [first.header("webhook-id")] * len(again)


def test_switching_batches_on_and_off_applies_with_the_next_lease(receiver: Receiver) -> None:
    endpoint = a_batched(receiver)
    emit_many(endpoint, 2)
    take_turn(endpoint)
    update_endpoint(endpoint, {"batch_size": 1}, actor="user:alice")
    emit(endpoint, number=5)
    take_turn(endpoint)
    assert numbers(receiver.requests[0]) == [0, 1]
    assert orjson.loads(receiver.requests[1].body)["data"] == {"number": 5}
