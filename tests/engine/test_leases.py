"""Leases, fences, lost workers and poison: two workers never own one lane."""

from __future__ import annotations

import threading

import pytest

from deliveries.engine import quarantine
from deliveries.engine.leases import claim_batch, lease_lanes, mark_suspect
from deliveries.models import Attempt, Delivery, DueDelivery, Lane
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    expire_lease,
    run_until_idle,
    take_turn,
    the_delivery,
)
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_leased_lane_cannot_be_leased_again(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    assert len(lease_lanes([endpoint.id], slow=False)) == 1
    assert lease_lanes([endpoint.id], slow=False) == []


def test_the_lane_of_a_lost_worker_is_taken_over_only_when_named_alone(receiver: Receiver) -> None:
    endpoint, other = an_endpoint(receiver.url), an_endpoint(receiver.url)
    lease_lanes([endpoint.id], slow=False)
    expire_lease(endpoint)
    assert [lane.endpoint_id for lane in lease_lanes([endpoint.id, other.id], slow=False)] == [other.id]
    (lane,) = lease_lanes([endpoint.id], slow=False)
    assert (lane.fence, lane.crashes) == (2, 1)


def test_a_worker_frozen_past_its_lease_claims_nothing(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    (lane,) = lease_lanes([endpoint.id], slow=False)
    expire_lease(endpoint)
    lease_lanes([endpoint.id], slow=False)
    claim_batch([lane], room=10)
    assert not lane.waiting


def test_a_late_result_stays_in_the_log_and_changes_nothing_else(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    release = threading.Event()

    def first_hangs_then_fails(request: Request) -> Answer:
        if len(receiver.requests) == 1:
            release.wait(10)
            return 500, {}, b"late"
        return 200, {}, b"successor"

    receiver.answer = first_hangs_then_fails
    frozen, _ = an_engine(endpoint)
    while not receiver.requests:
        frozen.step()
    expire_lease(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    release.set()
    run_until_idle(frozen)
    delivery = the_delivery(endpoint)
    assert (delivery.state, delivery.status_code, delivery.attempts) == ("succeeded", 200, 1)
    assert sorted(bytes(each.response_body) for each in attempts_of(delivery)) == [b"late", b"successor"]


def test_a_delivery_that_loses_its_worker_each_time_is_exhausted_and_the_others_go_on(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    poison = emit(endpoint, number=1)
    emit(endpoint, number=2)
    for _ in range(4):  # each of these workers is lost while it sends
        (lane,) = lease_lanes([endpoint.id], slow=False)
        claim_batch([lane], room=10)
        if lane.crashes:
            assert len(lane.waiting) == 1
            claimed = lane.waiting[0]
            mark_suspect(lane, claimed.delivery_id, losses=quarantine.losses_of(lane, claimed))
        expire_lease(endpoint)
    take_turn(endpoint)
    buried = Delivery.objects.get(event_id=poison.event_id)
    assert (buried.state, buried.error) == ("exhausted", "worker_lost")
    assert Attempt.objects.get(delivery=buried).error == "worker_lost"
    assert Delivery.objects.get(state="succeeded").event_id != poison.event_id
    assert Lane.objects.get().crashes == 0


def test_work_that_comes_between_the_last_claim_and_the_release_is_named_to_be_woken(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint, number=1)
    emitted = threading.Event()

    def wait_for_the_second_event(request: Request) -> Answer:
        emitted.wait(10)
        return 200, {}, b""

    receiver.answer = wait_for_the_second_event
    engine, woken = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    emit(endpoint, number=2)
    emitted.set()
    run_until_idle(engine)
    assert woken == [(endpoint.id, False)]
    assert DueDelivery.objects.count() == 1


def test_a_hanging_request_does_not_keep_other_lanes_from_being_given_back(
    receiver: Receiver, receiver_ports: list[int]
) -> None:
    release = threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(10)
        return 200, {}, b""

    receiver.answer = hang
    with Receiver(receiver_ports[2]) as healthy:
        hanging, quick = an_endpoint(receiver.url), an_endpoint(healthy.url)
        emit(hanging)
        emit(quick)
        engine, _ = an_engine(hanging, quick)
        while quick.id in engine.lanes or not healthy.requests:
            engine.step()
        assert set(engine.lanes) == {hanging.id}
        assert Lane.objects.get(endpoint=quick).lease_until is None
        release.set()
        run_until_idle(engine)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}
