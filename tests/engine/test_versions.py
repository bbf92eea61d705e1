"""Versions in the engine: each endpoint is sent its own, and what cannot be mapped is sent to nobody in another."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from deliveries.engine.poll_messages import poll
from deliveries.models import ApiVersion, Delivery, Endpoint, Event
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.accepting.events import EventDraft, accept_event, send_test_event
from deliveries.services.catalogue.api_versions import create_version, release_version, save_change
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.catalogue.version_table import _forget
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    let_time_pass,
    run_until_idle,
    take_turn,
    the_delivery,
)
from tests.receiver import Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

DOWN = {"v2": "{amount: total.value}", "v3": "merge(omit(@, ['sum']), {total: sum})"}


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What a process knows of versions is not the next test's."""
    _forget()
    yield
    _forget()


def a_version(name: str, **change: object) -> None:
    """A released version, with which invoice.paid changes where something is said of it."""
    version = create_version({"name": name}, actor="user:ops")
    if change:
        save_change(version, "invoice.paid", change, actor="user:ops")
    release_version(version, actor="user:ops", force=True)


def sent(receiver: Receiver, path: str) -> list[tuple[str | None, object]]:
    """Version and data of what came at a path."""
    found: list[Request] = [request for request in receiver.requests if request.path == path]
    return [(dict(request.headers).get("webhook-version"), orjson.loads(request.body)["data"]) for request in found]


def endpoints_of_three_years(receiver: Receiver) -> list[Endpoint]:
    """One of before there were versions, and one of each time since."""
    create_event_type({"name": "invoice.paid"}, actor="user:ops")
    found = [an_endpoint(f"{receiver.url}/v1")]
    a_version("v1")
    for name in ("v2", "v3"):
        a_version(name, down=DOWN[name])
        endpoint = an_endpoint(f"{receiver.url}/{name}")
        Endpoint.objects.filter(pk=endpoint.pk).update(customer=found[0].customer)
        found.append(Endpoint.objects.get(pk=endpoint.pk))
    return found


def test_each_endpoint_is_sent_the_version_of_its_registration_and_the_others_too_again(receiver: Receiver) -> None:
    endpoints = endpoints_of_three_years(receiver)
    assert [each.api_version for each in endpoints] == [None, "v2", "v3"]
    draft = EventDraft(type="invoice.paid", data=b'{"sum": {"value": 7}}', customer_id=endpoints[0].customer_id)
    assert accept_event(draft).deliveries == 3
    engine, _ = an_engine(*endpoints)
    run_until_idle(engine)
    assert sent(receiver, "/v1") == [("v1", {"amount": 7})]
    assert sent(receiver, "/v2") == [("v2", {"total": {"value": 7}})]
    assert sent(receiver, "/v3") == [("v3", {"sum": {"value": 7}})]
    assert Event.objects.get().api_version == "v3"
    (attempt,) = attempts_of(the_delivery(endpoints[0]))
    assert "webhook-version: v1" in attempt.request_headers
    assert attempt.request_headers.endswith('"data":{"amount":7}}')
    redeliver(the_delivery(endpoints[1]), actor="user:ops")
    take_turn(endpoints[1])
    assert sent(receiver, "/v2")[1] == ("v2", {"total": {"value": 7}})


def test_a_missing_and_a_failing_mapping_send_nothing_harm_no_other_and_are_mended_later(receiver: Receiver) -> None:
    endpoints = endpoints_of_three_years(receiver)
    a_version("v4", up="@")
    customer_id = endpoints[0].customer_id
    emit(endpoints[0])
    accept_event(EventDraft(type="invoice.paid", data=b'{"x": 1}', customer_id=customer_id, api_version="v2"))
    engine, _ = an_engine(*endpoints)
    run_until_idle(engine)
    errors = dict(Delivery.objects.exclude(error="").values_list("endpoint_id", "error"))
    assert set(errors.values()) == {"version_not_mapped"}
    details = {attempt.detail for each in Delivery.objects.filter(state="pending") for attempt in attempts_of(each)}
    assert details == {
        "no mapping of invoice.paid is declared from v4 to v3",
        "no mapping of invoice.paid is declared from v2 to v3",
    }
    assert sent(receiver, "/v1") == [("v1", {"amount": None})]
    assert sent(receiver, "/v2") == [("v2", {"x": 1})]
    assert sent(receiver, "/v3") == []
    save_change(ApiVersion.objects.get(name="v4"), "invoice.paid", {"down": "number"}, actor="user:ops")
    take_again(endpoints[2])
    failed = [attempt for each in Delivery.objects.filter(endpoint=endpoints[2]) for attempt in attempts_of(each)]
    assert ("version_mapping_failed", "the mapping from v4 to v3 makes no object of the data of this event") in {
        (attempt.error, attempt.detail) for attempt in failed
    }
    save_change(ApiVersion.objects.get(name="v4"), "invoice.paid", {"down": "{sum: {value: number}}"}, actor="user:ops")
    take_again(endpoints[2])
    assert sent(receiver, "/v3") == [("v3", {"sum": {"value": 1}})]


def take_again(endpoint: Endpoint) -> None:
    """The next attempt of what waits."""
    let_time_pass(endpoint)
    take_turn(endpoint)


def test_without_versions_and_for_types_that_do_not_change_the_body_is_as_it_was_emitted(receiver: Receiver) -> None:
    plain = an_endpoint(f"{receiver.url}/plain")
    emit(plain)
    take_turn(plain)
    assert sent(receiver, "/plain") == [(None, {"number": 1})]
    a_version("v1")
    a_version("v2")
    emit(plain, name="order.made")
    take_turn(plain)
    assert sent(receiver, "/plain")[1] == ("v1", {"number": 1})
    bodies = {bytes(each.body) for each in Event.objects.all()}
    assert {request.body for request in receiver.requests} == bodies


def test_a_mapping_that_grows_ends_with_a_name_and_others_are_sent_meanwhile(receiver: Receiver) -> None:
    create_event_type({"name": "invoice.paid"}, actor="user:ops")
    a_version("v1")
    old = an_endpoint(f"{receiver.url}/old", retry_schedule=[0])
    a_version("v2", down="{a: @}|" + "|".join(["{a: to_string([a, a])}"] * 60))
    new = an_endpoint(f"{receiver.url}/new")
    for number in range(3):
        emit(old, number=number)
        emit(new, number=number)
    engine, woken = an_engine(old, new)
    run_until_idle(engine)
    assert [version for version, _ in sent(receiver, "/new")] == ["v2"] * 3
    ended = set(Delivery.objects.filter(endpoint=old).exclude(error="").values_list("error", flat=True))
    assert ended
    assert ended <= {"transformation_too_large", "transformation_timeout"}
    assert (old.id, True) in woken, "it is served apart"
    assert sent(receiver, "/old") == []


def test_a_transformation_gets_what_was_mapped_and_a_large_event_is_mapped_too(receiver: Receiver) -> None:
    create_event_type({"name": "invoice.paid"}, actor="user:ops")
    a_version("v1")
    old = an_endpoint(f"{receiver.url}/old", transformation="{data: {type: type, sum: data.amount}}")
    whole = an_endpoint(f"{receiver.url}/whole", payload_mode="data", body_format="form")
    a_version("v2", down=DOWN["v2"])
    text = b"x" * 200_000
    for endpoint in (old, whole):
        data = b'{"total": {"value": 1.50}, "text": "%b"}' % text
        accept_event(EventDraft(type="invoice.paid", data=data, customer_id=endpoint.customer_id))
        take_turn(endpoint)
    assert sent(receiver, "/old") == [("v1", {"type": "invoice.paid", "sum": 1.5})]
    assert receiver.requests[-1].body == b"amount=1.5"
    assert receiver.requests[-1].header("webhook-version") == "v1"


def test_what_was_emitted_before_there_were_versions_goes_to_old_endpoints_as_it_is(receiver: Receiver) -> None:
    """Given an event that waits while versions come, then null is the oldest of them."""
    create_event_type({"name": "invoice.paid"}, actor="user:ops")
    old = an_endpoint(f"{receiver.url}/old")
    emit(old)
    a_version("v1")
    a_version("v2", down=DOWN["v2"])
    take_turn(old)
    assert sent(receiver, "/old") == [(None, {"number": 1})]
    Endpoint.objects.filter(pk=old.pk).update(api_version="v2")
    redeliver(the_delivery(old), actor="user:ops")
    take_turn(old)
    attempts = attempts_of(the_delivery(old))
    assert [attempt.error for attempt in attempts] == ["", "version_not_mapped"]
    assert the_delivery(old).state == "succeeded"


def test_a_test_event_and_a_poller_get_the_version_too(receiver: Receiver) -> None:
    create_event_type({"name": "invoice.paid", "example": {"amount": 1}}, actor="user:ops")
    a_version("v1")
    old = an_endpoint(f"{receiver.url}/v1")
    polled = an_endpoint(POLLED_URL)
    a_version("v2", down=DOWN["v2"], example={"total": {"value": 5}})
    for endpoint in (old, polled):
        send_test_event(endpoint, event_type="invoice.paid")
    take_turn(old)
    assert sent(receiver, "/v1") == [("v1", {"amount": 5})]
    (message,) = poll(polled, most=5, lease_seconds=60)
    assert orjson.loads(message.body)["data"] == {"amount": 5}
    assert dict(message.headers)["webhook-version"] == "v1"


def test_a_batch_is_of_one_version_and_goes_without_what_cannot_be_mapped(receiver: Receiver) -> None:
    """Given events that are mapped, one that is sent as it is and one to which no way leads, then three go together."""
    create_event_type({"name": "invoice.paid"}, actor="user:ops")
    create_event_type({"name": "order.made"}, actor="user:ops")
    a_version("v1")
    old = an_endpoint(f"{receiver.url}/old", batch_size=10, retry_schedule=[0])
    a_version("v2", down=DOWN["v2"])
    save_change(ApiVersion.objects.get(name="v2"), "order.made", {"up": "@"}, actor="user:ops")
    for name, data in (
        ("invoice.paid", b'{"total": {"value": 1}}'),
        ("other.type", b'{"total": 2}'),
        ("order.made", b'{"total": 3}'),
        ("invoice.paid", b'{"total": {"value": 4}}'),
    ):
        accept_event(EventDraft(type=name, data=data, customer_id=old.customer_id))
    take_turn(old)
    (request,) = receiver.requests
    found = [each["payload"]["data"] for each in orjson.loads(request.body)["events"]]
    assert sorted(found, key=str) == [{"amount": 1}, {"amount": 4}, {"total": 2}]
    assert request.header("webhook-version") == "v1"
    told = dict(Delivery.objects.values_list("event_type", "error"))
    assert (told["order.made"], told["other.type"]) == ("version_not_mapped", "")
    assert Delivery.objects.filter(state="succeeded").count() == 3
