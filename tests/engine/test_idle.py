"""A lane that has something due and may not send it is left alone: it is not woken again and again."""

from __future__ import annotations

import pytest

from deliveries import sql
from deliveries.engine.agenda import ZERO
from deliveries.engine.backlogs import hold_backlogs, release_backlogs
from deliveries.engine.dispatcher import Dispatcher
from deliveries.engine.leases import Leases
from deliveries.models import Delivery, DueDelivery, Endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import Script, an_endpoint, emit, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def exhausted(receiver: Receiver) -> Endpoint:
    """An endpoint with one delivery whose schedule is used up."""
    receiver.answer = Script(500, 200)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    take_turn(endpoint)
    return endpoint


def queue_in_bulk(endpoint: Endpoint) -> None:
    """What a job does with the endpoint's deliveries."""
    ids = list(Delivery.objects.filter(endpoint=endpoint).values_list("id", flat=True))
    sql.run("queue_redeliveries", {"delivery_ids": ids, "actor": "user:carol", "reason": "", "job_id": None})


def named_by_dispatcher() -> list[object]:
    rows = Leases().find(after=ZERO, probes=100, limit=100, slow=None)
    return [row.endpoint_id for row in rows if row.due]


def test_a_bulk_redelivery_to_a_paused_endpoint_waits_without_waking_its_lane(receiver: Receiver) -> None:
    endpoint = exhausted(receiver)
    Endpoint.objects.update(state="paused")
    queue_in_bulk(endpoint)
    assert take_turn(endpoint) == []
    assert named_by_dispatcher() == []
    Endpoint.objects.update(state="enabled")
    assert named_by_dispatcher() == [endpoint.id]


def test_a_backlog_that_is_not_marked_as_held_yet_does_not_wake_its_paused_lane(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Endpoint.objects.update(state="paused")
    assert take_turn(endpoint) == []
    assert named_by_dispatcher() == []


def test_a_redelivery_by_hand_waits_as_long_as_its_lane_cannot_sign(receiver: Receiver, settings: object) -> None:
    endpoint = exhausted(receiver)
    redeliver(the_delivery(endpoint), actor="user:carol")
    settings.ENCRYPTION_KEYS = (("t1", "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nISE="),)  # type: ignore[attr-defined]
    assert take_turn(endpoint) == []
    assert named_by_dispatcher() == []
    assert DueDelivery.objects.get().manual


def test_a_replay_that_waits_for_its_turn_is_held_when_its_endpoint_is_paused(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    DueDelivery.objects.update(rank=3)
    Endpoint.objects.update(state="paused")
    assert hold_backlogs() == 1
    assert the_delivery(endpoint).state == "held"
    Endpoint.objects.update(state="enabled", draining=True)
    assert release_backlogs() == 1
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


def test_what_was_accepted_while_its_endpoint_was_deleted_is_cancelled_soon(receiver: Receiver) -> None:
    endpoint, other = an_endpoint(receiver.url), an_endpoint(receiver.url)
    emit(endpoint, number=1)
    emit(endpoint, number=2)
    emit(other)
    DueDelivery.objects.filter(delivery_id=Delivery.objects.filter(endpoint=endpoint).first().id).update(due_at=None)
    Endpoint.objects.filter(id=endpoint.id).update(deleted_at="2026-01-01T00:00:00Z", state="disabled")
    assert take_turn(endpoint) == []
    assert named_by_dispatcher() == [other.id]
    Dispatcher(ring=list, ring_all=lambda *, slow: None).tick()
    assert set(Delivery.objects.filter(endpoint=endpoint).values_list("state", flat=True)) == {"cancelled"}
    assert DueDelivery.objects.get().endpoint_id == other.id
