"""Many endpoints that hang at the same time leave room for those that do not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deliveries.engine import intake, loop
from deliveries.engine.limits import Limits
from deliveries.engine.outbox import Ended
from deliveries.models import Delivery, Endpoint, Lane
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import PATIENT, an_endpoint, an_engine, emit, run_until_idle, step_until
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

HANGING = 6
BACKLOG = 3


@pytest.fixture
def released() -> threading.Event:
    """Set when receivers that hang shall answer after all."""
    return threading.Event()


@pytest.fixture
def hanging(receiver: Receiver, released: threading.Event) -> list[Endpoint]:
    """Endpoints that hang, with more due than they may have in flight."""

    def hang(request: Request) -> Answer:
        released.wait(60)
        return 204, {}, b""

    receiver.answer = hang
    endpoints = [an_endpoint(receiver.url, max_in_flight=2) for _ in range(HANGING)]
    for endpoint in endpoints:
        for number in range(BACKLOG):
            emit(endpoint, number=number)
    return endpoints


@pytest.fixture
def healthy(receiver_ports: list[int]) -> Iterator[Receiver]:
    with Receiver(receiver_ports[2]) as receiver:
        yield receiver


def an_endpoint_of(other: Endpoint, url: str) -> Endpoint:
    """Another endpoint of the same customer."""
    return create_endpoint(other.customer, {"url": url}, actor="user:alice")[0]


def test_lanes_that_only_wait_for_an_answer_leave_room_for_others(
    hanging: list[Endpoint], healthy: Receiver, released: threading.Event
) -> None:
    """Given customers that fill what may wait and be in flight, when a new one comes, then it is served at once."""
    limits = Limits(slice_seconds=600, waiting=HANGING * BACKLOG, in_flight=4 * HANGING, crowd=HANGING)
    engine, _ = an_engine(*hanging, limits=limits)
    step_until(engine, lambda: engine.outbox.in_flight >= HANGING)
    quick = an_endpoint(healthy.url)
    emit(quick)
    engine.notify([quick.id])
    step_until(engine, lambda: Delivery.objects.get(endpoint=quick).state == "succeeded")
    assert set(engine.lanes) <= {endpoint.id for endpoint in hanging}
    released.set()
    run_until_idle(engine)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}


def test_in_a_crowd_a_lane_has_one_request_in_flight_until_its_first_answer(
    hanging: list[Endpoint], released: threading.Event
) -> None:
    engine, _ = an_engine(*hanging, limits=Limits(slice_seconds=600, crowd=3))
    step_until(engine, lambda: len(engine.lanes) == HANGING and not engine._table.active)
    widths = sorted(len(lane.in_flight) for lane in engine.lanes.values())
    assert widths == [1] * HANGING, "each customer had one before any had two"
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == HANGING * BACKLOG


def test_a_lane_in_hand_that_is_woken_sends_what_came_meanwhile_without_being_given_back(
    receiver: Receiver, hanging: list[Endpoint], released: threading.Event
) -> None:
    engine, _ = an_engine(hanging[0])
    step_until(engine, lambda: engine.lanes and not engine._table.active)
    fence = engine.lanes[hanging[0].id].fence
    emit(hanging[0], number=99)
    engine.notify([hanging[0].id])
    released.set()
    run_until_idle(engine)
    assert Lane.objects.get(endpoint=hanging[0]).fence == fence
    assert Delivery.objects.filter(endpoint=hanging[0], state="succeeded").count() == BACKLOG + 1


def test_what_came_for_a_lane_in_hand_is_found_although_its_message_went_elsewhere(
    receiver: Receiver, healthy: Receiver, released: threading.Event
) -> None:
    """Given a lane with one hanging request and room for another, then what is emitted is sent without any message."""
    receiver.answer = lambda request: (released.wait(60) and 204 if b"99}" not in request.body else 204, {}, b"")
    endpoint = an_endpoint(receiver.url, max_in_flight=2)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    step_until(engine, lambda: len(receiver.requests) == 1)
    emit(endpoint, number=99)
    step_until(engine, lambda: len(receiver.requests) == 2)
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == 2


def test_a_step_starts_few_requests_and_the_next_one_begins_with_the_customers_that_got_none(
    hanging: list[Endpoint], released: threading.Event
) -> None:
    engine, _ = an_engine(*hanging, limits=Limits(slice_seconds=600, starts_a_step=1))
    for started in range(1, HANGING + 1):
        engine.step()
        assert engine.outbox.in_flight == started
    assert [len(lane.in_flight) for lane in engine.lanes.values()] == [1] * HANGING
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == HANGING * BACKLOG


def test_many_lanes_of_one_customer_do_not_come_before_one_of_another(
    receiver: Receiver, healthy: Receiver, released: threading.Event
) -> None:
    """Given one customer with many endpoints and one with one, all due, then that one is among the first requests."""
    for each in (receiver, healthy):
        each.answer = lambda request: (released.wait(60) and 204, {}, b"")
    first = an_endpoint(receiver.url)
    lanes = [first, *(an_endpoint_of(first, receiver.url) for _ in range(20))]
    emit(first)
    other = an_endpoint(healthy.url)
    emit(other)
    engine, _ = an_engine(*lanes, other, limits=Limits(slice_seconds=600, starts_a_step=2))
    engine.step()
    assert [len(lane.in_flight) for lane in engine.lanes.values() if lane.in_flight] == [1, 1]
    assert engine.lanes[other.id].in_flight
    released.set()
    run_until_idle(engine)


def one_that_is_busy_and_one_that_comes_fresh(receiver: Receiver, healthy: Receiver) -> tuple[Endpoint, Endpoint]:
    """Both have something due; the first has one more than comes with a lease, and sends one by one."""
    busy, fresh = an_endpoint(receiver.url, max_in_flight=1), an_endpoint(healthy.url)
    for number in range(21):
        emit(busy, number=number)
    emit(fresh)
    return busy, fresh


def test_who_comes_fresh_is_sent_to_before_what_others_have_done_is_recorded(
    receiver: Receiver, healthy: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a hint that comes with the last answer of a claim, then its request is sent before that is recorded."""
    busy, fresh = one_that_is_busy_and_one_that_comes_fresh(receiver, healthy)
    engine, _ = an_engine(busy, limits=replace(PATIENT, record_at_latest=600, record_after=600))
    order: list[str] = []
    collect, record, claim = engine.outbox.collect, loop.record_unlocked, intake.claim_batch

    def collect_and_tell(*, wait_seconds: float) -> list[Ended]:
        ended = collect(wait_seconds=wait_seconds)
        if ended and not order and not engine.lanes[busy.id].waiting:
            order.append("told")
            engine.notify([fresh.id])
        return ended

    def note(what: str) -> None:
        if order:
            is_sent = fresh.id in engine.lanes and (engine.lanes[fresh.id].in_flight or engine.lanes[fresh.id].finished)
            order.append(f"{what}, {'sent' if is_sent else 'not sent'}")

    monkeypatch.setattr(engine.outbox, "collect", collect_and_tell)
    monkeypatch.setattr(loop, "record_unlocked", lambda *args, **given: (note("record"), record(*args, **given))[1])
    monkeypatch.setattr(intake, "claim_batch", lambda *args, **given: (note("claim"), claim(*args, **given))[1])
    step_until(engine, lambda: "claim, sent" in order or "claim, not sent" in order)
    assert order[:3] == ["told", "record, sent", "claim, sent"]
    engine.abandon()


def test_who_comes_fresh_is_sent_to_before_more_is_claimed_for_lanes_of_which_all_is_recorded(
    receiver: Receiver, healthy: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, fresh = one_that_is_busy_and_one_that_comes_fresh(receiver, healthy)
    engine, _ = an_engine(busy)
    order: list[str] = []
    record, claim = loop.record_unlocked, intake.claim_batch

    def record_and_tell(*args: Any, **given: Any) -> object:
        recorded = record(*args, **given)
        if not order and not engine.lanes[busy.id].waiting:
            order.append("told")
            engine.notify([fresh.id])
        return recorded

    def claim_and_tell(*args: Any, **given: Any) -> object:
        if order:
            order.append("sent" if engine.lanes[fresh.id].in_flight else "not sent")
        return claim(*args, **given)

    monkeypatch.setattr(loop, "record_unlocked", record_and_tell)
    monkeypatch.setattr(intake, "claim_batch", claim_and_tell)
    step_until(engine, lambda: len(order) > 1)
    assert order == ["told", "sent"]
    engine.abandon()


def test_large_bodies_in_flight_stay_within_the_budget_of_bytes(receiver: Receiver, released: threading.Event) -> None:
    """Given one large event for many endpoints, then only as many requests are under way as the budget allows."""
    receiver.answer = lambda request: (released.wait(60) and 204, {}, b"")
    first = an_endpoint(receiver.url)
    lanes = [first, *(an_endpoint_of(first, receiver.url) for _ in range(9))]
    draft = EventDraft(type="invoice.paid", data=b'"%b"' % (b"x" * 100_000), customer_id=first.customer_id)
    accept_event(draft)
    budget = Limits(slice_seconds=600, bytes_in_flight=600_000, claim_bytes=500_000)
    engine, _ = an_engine(*lanes, limits=budget)
    step_until(engine, lambda: len(receiver.requests) >= 3)
    for _ in range(20):
        engine.step()
    assert engine._table.bytes.taken <= 3 * 100_200
    assert len(receiver.requests) <= 3
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == 10
    assert engine._table.bytes.taken == 0
