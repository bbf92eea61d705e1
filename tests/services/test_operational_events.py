"""Operational events: alerts told to the endpoints that ask for them, once, and to no others."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from standardwebhooks.webhooks import Webhook

from deliveries import sql
from deliveries.engine.dispatcher import Dispatcher, housekeeping
from deliveries.errors import InvalidEventType, Unavailable
from deliveries.models import Alert, Delivery, Endpoint, Event, Job, Lane
from deliveries.protocol.events.operational import OPERATIONAL
from deliveries.protocol.writing import timestamps
from deliveries.services.accepting.events import EventDraft, accept_event, accept_events, send_test_event
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.endpoints import disable_endpoint, resume_endpoint
from deliveries.services.job_steps import run_job_step
from deliveries.services.resending.redelivery import redeliver
from deliveries.services.telling import alerts
from tests.engine.steps import Script, an_endpoint, emit, take_turn, the_delivery
from tests.receiver import Receiver
from tests.services.steps import DEAD, a_listener, failing, give_up, told_to
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_endpoint_that_asks_for_it_is_told_of_another_one_that_fails(receiver: Receiver) -> None:
    broken = an_endpoint(DEAD, uid="shop")
    listener, secret = a_listener(broken, receiver, "hookpost.*")
    since = failing(broken, hours=25)
    housekeeping()
    assert alerts.tell_customers() == 1
    take_turn(listener)
    (request,) = receiver.requests
    said = Webhook(secret).verify(request.body, {name.lower(): value for name, value in request.headers})
    stamp = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert said["type"] == "hookpost.endpoint.failing"
    assert (said["data"]["endpoint"], said["data"]["endpoint_uid"]) == (broken.public_id, "shop")
    assert said["data"]["failing_since"] == stamp
    assert said["data"]["disabled_after"] > stamp
    assert b"93.184.216.34" not in request.body  # a URL may be a secret


def test_the_dispatcher_tells_by_itself_and_once(receiver: Receiver) -> None:
    broken = an_endpoint(DEAD)
    listener, _ = a_listener(broken, receiver, "hookpost.endpoint.disabled")
    disable_endpoint(broken, actor="system", reason="the endpoint answered 410 Gone")
    rung: list[Any] = []
    dispatcher = Dispatcher(ring=rung.extend, ring_all=lambda *, slow: None)
    for _ in range(3):
        dispatcher.tick()
    take_turn(listener)
    (body,) = told_to(receiver)
    assert body["data"]["reason"] == "the endpoint answered 410 Gone"
    assert (listener.id, False) in rung


def test_each_delivery_that_is_given_up_is_told(receiver: Receiver) -> None:
    broken = an_endpoint(receiver.url, retry_schedule=[0], event_types=["invoice.paid"])
    listener, _ = a_listener(broken, receiver, "hookpost.delivery.exhausted")
    for number in range(3):
        give_up(broken, receiver, number=number)
    assert alerts.tell_customers() > 0
    take_turn(listener)
    lost = Delivery.objects.filter(endpoint=broken, state="exhausted")
    said = [body["data"] for body in told_to(receiver)]
    assert {each["delivery"] for each in said} == {delivery.public_id for delivery in lost}
    assert {(each["event_type"], each["error"], each["status_code"], each["attempts"]) for each in said} == {
        ("invoice.paid", "http_4xx", 404, 1)
    }


def test_a_delivery_that_has_arrived_since_is_not_told(receiver: Receiver) -> None:
    broken = an_endpoint(receiver.url, retry_schedule=[0], event_types=["invoice.paid"])
    a_listener(broken, receiver, "hookpost.*")
    give_up(broken, receiver)
    redeliver(the_delivery(broken), actor="user:carol")
    take_turn(broken)
    alerts.tell_customers()
    assert not Event.objects.filter(type__startswith="hookpost.").exists()


def test_an_endpoint_that_takes_all_events_gets_no_operational_ones(receiver: Receiver) -> None:
    broken = an_endpoint(DEAD)
    everything, _ = a_listener(broken, receiver)
    asking, _ = a_listener(broken, receiver, "invoice.paid", "hookpost.endpoint.*")
    failing(broken, hours=25)
    housekeeping()
    alerts.tell_customers()
    assert [delivery.endpoint for delivery in Delivery.objects.all()] == [asking]
    emit(broken)
    assert Delivery.objects.filter(endpoint=everything).count() == 1


def test_nobody_else_is_told(receiver: Receiver) -> None:
    broken, stranger = an_endpoint(DEAD), an_endpoint(DEAD)
    a_listener(stranger, receiver, "hookpost.*")
    failing(broken, hours=25)
    housekeeping()
    assert alerts.tell_customers() == 1
    assert not Event.objects.exists()
    assert alerts.tell_customers() == 0


def test_what_is_given_up_of_operational_events_is_told_to_nobody(receiver: Receiver) -> None:
    """Given the only listener, which refuses everything, then an event about it makes no further event."""
    broken = an_endpoint(receiver.url, retry_schedule=[0], event_types=["invoice.paid", "hookpost.*"])
    give_up(broken, receiver)
    receiver.answer = Script(404)
    for _ in range(5):
        alerts.tell_customers()
        take_turn(broken)
    assert sorted(Delivery.objects.values_list("event_type", "state")) == [
        ("hookpost.delivery.exhausted", "exhausted"),
        ("invoice.paid", "exhausted"),
    ]


def test_a_failing_endpoint_hears_of_itself_once(receiver: Receiver) -> None:
    broken = an_endpoint(receiver.url, event_types=["hookpost.*"])
    for _ in range(3):
        failing(broken, hours=25)
        Alert.objects.update(since=Lane.objects.get().failing_since)
        housekeeping()
        alerts.tell_customers()
    assert Delivery.objects.get().event_type == "hookpost.endpoint.failing"


def test_two_leaders_tell_once(receiver: Receiver) -> None:
    broken = an_endpoint(DEAD)
    a_listener(broken, receiver, "hookpost.*")
    for _ in range(20):
        disable_endpoint(broken, actor="system", reason="gone")
        resume_endpoint(broken, actor="user:alice")

    def lead() -> None:
        while alerts.tell_customers():
            pass
        connection.close()

    leaders = [threading.Thread(target=lead) for _ in range(2)]
    for leader in leaders:
        leader.start()
    for leader in leaders:
        leader.join()
    assert Event.objects.count() == Alert.objects.exclude(told_at=None).count() == 20


def test_an_event_that_cannot_be_stored_is_told_later(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = an_endpoint(DEAD)
    a_listener(broken, receiver, "hookpost.*")
    failing(broken, hours=25)
    housekeeping()

    def refuse(row: object, parameters: object, **given: object) -> list[Any]:
        raise OperationalError("cannot execute INSERT in a read-only transaction")

    with monkeypatch.context() as broken_database:
        broken_database.setattr(sql, "fetch", refuse)
        with pytest.raises(Unavailable):
            alerts.tell_customers()
    assert Alert.objects.get().told_at is None
    assert alerts.tell_customers() == 1
    assert Event.objects.count() == 1


def test_operational_events_need_no_registration(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "unknown_event_types", "reject")
    broken = an_endpoint(DEAD)
    listener, _ = a_listener(broken, receiver, "hookpost.*")
    failing(broken, hours=25)
    housekeeping()
    alerts.tell_customers()
    assert Delivery.objects.get().endpoint == listener
    assert send_test_event(listener).deliveries == 1


# --- the namespace is ours


@pytest.mark.parametrize("name", ["hookpost.test", "hookpost.endpoint.failing", "hookpost.anything"])
def test_nobody_else_emits_under_our_name(name: str, receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    draft = EventDraft(type=name, data=b"{}", customer_id=endpoint.customer_id)
    with pytest.raises(InvalidEventType, match="are reserved"):
        accept_event(draft)
    (result,) = accept_events([draft])
    assert isinstance(result, InvalidEventType)
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ["hookposts.paid", "hookpost", "my.hookpost.test", "Hookpost.x"])
def test_names_that_only_look_like_ours_are_free(name: str, receiver: Receiver) -> None:
    assert emit(an_endpoint(receiver.url), name=name).deliveries == 1


def test_nobody_registers_a_type_under_our_name() -> None:
    with pytest.raises(InvalidEventType, match="are reserved"):
        create_event_type({"name": "hookpost.endpoint.failing", "archived": True}, actor="user:root")


def test_a_replay_of_everything_leaves_operational_events_out(receiver: Receiver) -> None:
    broken = an_endpoint(DEAD)
    a_listener(broken, receiver, "hookpost.*")
    failing(broken, hours=25)
    housekeeping()
    alerts.tell_customers()
    emit(broken)
    everything, _ = a_listener(broken, receiver)
    Job.objects.create(
        kind="replay", customer=broken.customer, actor="user:alice", filters={"endpoint_id": str(everything.id)}
    )
    Job.objects.update(created_at=datetime.now(UTC) + timedelta(minutes=1))
    run_job_step(Job.objects.get().id)
    assert [delivery.event_type for delivery in Delivery.objects.filter(endpoint=everything)] == ["invoice.paid"]


def test_each_kind_says_what_its_example_says(receiver: Receiver) -> None:
    """Given examples that receivers are written by, then no member of the real data is missing in them."""
    broken = an_endpoint(receiver.url, uid="shop", retry_schedule=[0], event_types=["invoice.paid"])
    listener, _ = a_listener(broken, receiver, "hookpost.*")
    give_up(broken, receiver)
    ends = {"expires_at": timestamps.write(datetime.now(UTC) + timedelta(days=5)), "authorities_expire_at": None}
    Endpoint.objects.filter(id=broken.id).update(tls_shown=ends)
    for hours in (3 * 24, 7 * 24):
        failing(broken, hours=hours)
        housekeeping()
        alerts.tell_customers()
    take_turn(listener)
    said = {body["type"]: body["data"] for body in told_to(receiver)}
    assert said.keys() == OPERATIONAL.keys()
    for name, data in said.items():
        assert data.keys() == OPERATIONAL[name].example.keys()
        assert [type(value) for value in data.values()] == [type(value) for value in OPERATIONAL[name].example.values()]


@pytest.mark.parametrize("name", OPERATIONAL)
def test_a_test_event_of_ours_carries_its_example(name: str, receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    assert send_test_event(endpoint, event_type=name).deliveries == 1
    take_turn(endpoint)
    assert told_to(receiver)[0]["data"] == OPERATIONAL[name].example
