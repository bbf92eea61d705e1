"""Events for later keep their time: whatever is paused, resumed, replayed or sent again meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliveries import sql
from deliveries.engine.backlogs import hold_backlogs, release_backlogs
from deliveries.models import Delivery, DueDelivery, Endpoint, Event, Job
from deliveries.models.visible import OPERATOR
from deliveries.services import job_steps
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.accepting.scheduling import cancel_event
from deliveries.services.endpoints import create_endpoint, delete_endpoint, pause_endpoint, resume_endpoint
from deliveries.services.reading.selection import Selection
from deliveries.services.resending import jobs
from deliveries.services.resending.redelivery import redeliver
from deliveries.sql.rows import RoundsDueRow
from tests.engine.steps import an_endpoint, due_seconds, emit, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ACTOR = "user:alice"


@pytest.fixture
def endpoint(receiver: Receiver) -> Endpoint:
    return an_endpoint(receiver.url)


def emit_for_later(endpoint: Endpoint) -> Event:
    """An event that is to be sent in an hour."""
    draft = EventDraft(
        type="invoice.due", data=b"{}", customer_id=endpoint.customer_id, deliver_at=datetime.now(UTC) + HOUR
    )
    return Event.objects.get(id=accept_event(draft).event_id)


def second_endpoint(endpoint: Endpoint) -> Endpoint:
    """One more of the same customer, made afterwards."""
    return create_endpoint(endpoint.customer, {"url": endpoint.url}, actor=ACTOR)[0]


def is_to_hold() -> bool:
    return sql.fetch(RoundsDueRow, {})[0].holding


def count(kind: Job.Kind, **selected: Any) -> int:
    return jobs.count_matching(kind, Selection(**selected), viewer=OPERATOR).number


def run(kind: Job.Kind, endpoint: Endpoint, **selected: Any) -> Job:
    job = jobs.start_job(kind, Selection(**selected), customer=endpoint.customer, actor=ACTOR)
    job_steps.run_job_step(job.id)
    job.refresh_from_db()
    return job


def test_a_pause_that_is_over_before_its_time_changes_nothing(endpoint: Endpoint, receiver: Receiver) -> None:
    """Given an event for later, then the round that holds what is due has nothing to do for it."""
    emit_for_later(endpoint)
    pause_endpoint(endpoint, actor=ACTOR)
    assert (is_to_hold(), hold_backlogs()) == (False, 0)
    resume_endpoint(endpoint, actor=ACTOR)
    release_backlogs()
    take_turn(endpoint)
    assert receiver.requests == []
    assert (the_delivery(endpoint).state, due_seconds(the_delivery(endpoint)) > 3500) == ("pending", True)


def test_it_is_held_when_its_time_comes_while_the_endpoint_is_paused(endpoint: Endpoint, receiver: Receiver) -> None:
    emit_for_later(endpoint)
    pause_endpoint(endpoint, actor=ACTOR)
    let_time_pass(endpoint)
    assert (is_to_hold(), hold_backlogs()) == (True, 1)
    assert the_delivery(endpoint).state == "held"
    resume_endpoint(endpoint, actor=ACTOR)
    release_backlogs()
    take_turn(endpoint)
    assert len(receiver.requests) == 1


def test_a_backlog_that_is_cancelled_was_held_and_is_not_for_later(endpoint: Endpoint) -> None:
    later = emit_for_later(endpoint)
    pause_endpoint(endpoint, actor=ACTOR)
    held = emit(endpoint)
    resume_endpoint(endpoint, actor=ACTOR, cancel_backlog=True)
    assert Delivery.objects.get(event_id=later.id).state == "pending"
    assert Delivery.objects.get(event_id=held.event_id).state == "cancelled"
    delete_endpoint(endpoint, actor=ACTOR)
    assert Delivery.objects.get(event_id=later.id).state == "cancelled"


def test_a_replay_sends_nothing_before_its_time(endpoint: Endpoint) -> None:
    """Given an endpoint that was made after the event, then a dry run and a job leave it out until its time."""
    event, now = emit_for_later(endpoint), emit(endpoint)
    new = second_endpoint(endpoint)
    assert count(Job.Kind.REPLAY, endpoint_id=new.id) == 1
    assert run(Job.Kind.REPLAY, new, endpoint_id=new.id).queued == 1
    assert the_delivery(new).event_id == now.event_id
    Event.objects.filter(id=event.id).update(deliver_at=datetime.now(UTC))
    assert count(Job.Kind.REPLAY, endpoint_id=new.id) == 1


def test_bulk_redelivery_leaves_out_what_is_for_later(endpoint: Endpoint) -> None:
    """Given a retry and an event for later, both pending and due in an hour, then the retry is sent now as well."""
    emit_for_later(endpoint)
    retry = emit(endpoint)
    DueDelivery.objects.filter(event_id=retry.event_id).update(rank=2, attempts=1, due_at=datetime.now(UTC) + HOUR)
    assert count(Job.Kind.REDELIVER, endpoint_id=endpoint.id) == 1
    assert run(Job.Kind.REDELIVER, endpoint, endpoint_id=endpoint.id).queued == 1
    assert DueDelivery.objects.get(manual=True).event_id == retry.event_id


def test_somebody_may_send_it_by_hand_before_and_it_is_sent_once(endpoint: Endpoint, receiver: Receiver) -> None:
    emit_for_later(endpoint)
    redeliver(the_delivery(endpoint), actor=ACTOR)
    take_turn(endpoint)
    assert (the_delivery(endpoint).state, len(receiver.requests)) == ("succeeded", 1)
    assert not DueDelivery.objects.exists()


def test_cancelling_an_event_takes_back_what_a_replay_made_of_it_too(endpoint: Endpoint) -> None:
    """Given a paused endpoint to which the event was replayed, then what it holds of it is taken back."""
    event = Event.objects.get(id=emit(endpoint).event_id)
    new = second_endpoint(endpoint)
    pause_endpoint(new, actor=ACTOR)
    run(Job.Kind.REPLAY, new, endpoint_id=new.id)
    assert the_delivery(new).state == "held"
    assert cancel_event(event, actor=ACTOR) == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}
    assert not DueDelivery.objects.exists()
