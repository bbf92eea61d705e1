"""Paused or disabled means held, never dropped; a resumed endpoint drains at a limited rate."""

from __future__ import annotations

import pytest

from deliveries.engine.backlogs import hold_backlogs, release_backlogs
from deliveries.models import Delivery, DueDelivery, Endpoint
from deliveries.services.endpoints import pause_endpoint, resume_endpoint
from tests.engine.steps import (
    Script,
    an_endpoint,
    by_hand,
    emit,
    let_time_pass,
    take_turn,
    the_delivery,
    waiting_for_no_lock,
)
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def states() -> list[str]:
    return sorted(Delivery.objects.values_list("state", flat=True))


def test_an_event_for_a_paused_endpoint_is_held(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    pause_endpoint(endpoint, actor="user:alice")
    accepted = emit(endpoint)
    assert (accepted.deliveries, accepted.wake) == (1, ())
    assert states() == ["held"]
    take_turn(endpoint)
    assert receiver.requests == []


def test_what_was_due_when_an_endpoint_is_paused_is_held_at_once_and_said_so_soon(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    pause_endpoint(endpoint, actor="user:alice")
    take_turn(endpoint)
    assert receiver.requests == []
    assert hold_backlogs() == 1
    assert states() == ["held"]
    assert DueDelivery.objects.get().due_at is None


def test_a_resumed_endpoint_drains_at_a_limited_rate(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, rate_limit=3)
    pause_endpoint(endpoint, actor="user:alice")
    for number in range(5):
        emit(endpoint, number=number)
    resume_endpoint(endpoint, actor="user:alice")
    assert release_backlogs() == 3
    assert states() == ["held", "held", "pending", "pending", "pending"]
    assert Endpoint.objects.get().draining
    assert release_backlogs() == 2
    release_backlogs()
    assert not Endpoint.objects.get().draining


@pytest.mark.parametrize("table", ["hookpost_due_delivery", "hookpost_delivery", "hookpost_endpoint"])
@pytest.mark.parametrize("move", ["release", "hold"])
def test_a_backlog_of_which_somebody_keeps_a_row_locked_holds_up_no_other(
    receiver: Receiver, table: str, move: str
) -> None:
    """Given a row that stays locked, then others' backlogs move at once, and what is locked as soon as it is free."""
    stuck, other = an_endpoint(receiver.url), an_endpoint(receiver.url)
    for endpoint in (stuck, other):
        if move == "hold":
            emit(endpoint)
        pause_endpoint(endpoint, actor="user:alice")
        if move == "release":
            emit(endpoint)
            resume_endpoint(endpoint, actor="user:alice")
    act, end = (hold_backlogs, "held") if move == "hold" else (release_backlogs, "pending")
    column = "id" if table == "hookpost_endpoint" else "endpoint_id"
    with by_hand() as hand:
        hand.execute(f"SELECT FROM {table} WHERE {column} = %s FOR UPDATE", [stuck.id])
        with waiting_for_no_lock():
            act()
        assert the_delivery(other).state == end
    act()
    assert the_delivery(stuck).state == end


def test_an_ordered_backlog_waits_whole_for_what_is_locked(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, ordered=True)
    pause_endpoint(endpoint, actor="user:alice")
    first = emit(endpoint, number=1)
    emit(endpoint, number=2)
    resume_endpoint(endpoint, actor="user:alice")
    with by_hand() as hand:
        hand.execute("SELECT FROM hookpost_due_delivery WHERE event_id = %s FOR UPDATE", [first.event_id])
        assert release_backlogs() == 0
    assert release_backlogs() == 2


def test_a_backlog_can_be_cancelled_by_choice(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    pause_endpoint(endpoint, actor="user:alice")
    emit(endpoint)
    resume_endpoint(endpoint, actor="user:alice", cancel_backlog=True)
    assert states() == ["cancelled"]
    assert not DueDelivery.objects.exists()


def test_a_retry_of_a_paused_endpoint_keeps_its_place_in_the_schedule(receiver: Receiver) -> None:
    receiver.answer = Script(500, 200)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 100, 100])
    emit(endpoint)
    take_turn(endpoint)
    pause_endpoint(endpoint, actor="user:alice")
    hold_backlogs()
    resume_endpoint(endpoint, actor="user:alice")
    release_backlogs()
    let_time_pass(endpoint)
    take_turn(endpoint)
    assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("succeeded", 2)


def test_an_ordered_endpoint_gets_its_held_events_before_new_ones(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, ordered=True, rate_limit=1)
    pause_endpoint(endpoint, actor="user:alice")
    emit(endpoint, number=1)
    emit(endpoint, number=2)
    resume_endpoint(endpoint, actor="user:alice")
    release_backlogs()
    emit(endpoint, number=3)
    assert states() == ["held", "held", "pending"]
    assert Delivery.objects.get(state="pending").event_id == min(Delivery.objects.values_list("event_id", flat=True))
