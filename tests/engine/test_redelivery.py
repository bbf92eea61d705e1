"""Redelivery: beside the schedule, once per wish, also where the endpoint is disabled."""

from __future__ import annotations

import pytest

from deliveries.engine.dispatcher import hold_backlogs
from deliveries.errors import Conflict
from deliveries.models import AuditEntry, DueDelivery, Endpoint, Lane
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    Script,
    an_endpoint,
    attempts_of,
    due_seconds,
    emit,
    let_time_pass,
    take_turn,
    the_delivery,
)
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def exhausted(receiver: Receiver) -> Endpoint:
    """An endpoint with one delivery whose schedule is used up."""
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    take_turn(endpoint)
    return endpoint


def test_a_redelivery_that_succeeds_completes_the_delivery(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    receiver.answer = Script(200)
    assert redeliver(the_delivery(endpoint), actor="user:carol", reason="fixed") == [(endpoint.id, False)]
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.attempts, delivery.failed_at) == ("succeeded", 2, None)
    assert [(each.number, each.actor, each.reason) for each in attempts_of(delivery)] == [
        (1, "", ""),
        (None, "user:carol", "fixed"),
    ]
    assert receiver.requests[0].header("webhook-id") == receiver.requests[1].header("webhook-id")
    entry = AuditEntry.objects.get(action="delivery.redeliver")
    assert (entry.actor, entry.reason) == ("user:carol", "fixed")


def test_a_redelivery_that_fails_leaves_an_exhausted_delivery_exhausted(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.attempts) == ("exhausted", 2)
    assert not DueDelivery.objects.exists()


def test_a_redelivery_that_fails_leaves_the_schedule_alone(receiver: Receiver) -> None:
    receiver.answer = Script(500)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 1000, 1000])
    emit(endpoint)
    take_turn(endpoint)
    before = DueDelivery.objects.get()
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    after = DueDelivery.objects.get()
    assert (after.due_at, after.attempts, after.manual) == (before.due_at, 1, False)
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.attempts) == ("pending", 2)
    assert due_seconds(delivery) > 700


def test_a_double_click_sends_once(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    redeliver(the_delivery(endpoint), actor="user:carol")
    with pytest.raises(Conflict, match="waiting"):
        redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    assert len(receiver.requests) == 2
    assert AuditEntry.objects.filter(action="delivery.redeliver").count() == 1


def test_a_redelivery_is_refused_while_the_first_attempt_is_due(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    with pytest.raises(Conflict, match="under way"):
        redeliver(the_delivery(endpoint), actor="user:carol")
    assert DueDelivery.objects.count() == 1


def test_a_redelivery_reaches_a_disabled_endpoint_and_nothing_else_does(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    Endpoint.objects.update(state="disabled")
    emit(endpoint, number=2)
    receiver.answer = Script(200)
    redeliver(endpoint.delivery_set.get(state="exhausted"), actor="user:carol")
    take_turn(endpoint)
    assert len(receiver.requests) == 2
    assert sorted(endpoint.delivery_set.values_list("state", flat=True)) == ["held", "succeeded"]


def test_a_redelivery_does_not_wait_for_a_resting_lane_and_its_success_wakes_it(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    emit(endpoint, number=2)
    Lane.objects.update(rest_until="2099-01-01T00:00:00Z", opened=4, failures=20)
    receiver.answer = Script(200)
    redeliver(endpoint.delivery_set.get(state="exhausted"), actor="user:carol")
    take_turn(endpoint)
    lane = Lane.objects.get()
    assert (lane.rest_until, lane.opened) == (None, 0)
    assert set(endpoint.delivery_set.values_list("state", flat=True)) == {"succeeded"}


def test_a_held_delivery_can_be_redelivered_and_leaves_the_backlog(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Endpoint.objects.update(state="paused")
    hold_backlogs()
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    assert not DueDelivery.objects.exists()
    let_time_pass(endpoint)
    assert len(receiver.requests) == 1
