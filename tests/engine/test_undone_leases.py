"""Leases that a crash of PostgreSQL undid, for they do not wait for the disk; and leases that nobody knows of."""

from __future__ import annotations

import threading
import time
from uuid import UUID

import pytest
from django.db.models import F

from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases, claim_batch, mark_suspect, release_lanes, renew_leases
from deliveries.engine.phases import Phase
from deliveries.models import Attempt, Endpoint, Lane
from deliveries.models.base import new_id
from tests.engine.steps import an_endpoint, an_engine, emit, lease, record, run_until_idle, the_delivery
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = UUID(int=7)  # the worker that had the lane before


def undo(endpoint: Endpoint) -> None:
    """The crash: the lane is as it was before its lease."""
    Lane.objects.filter(endpoint=endpoint).update(fence=F("fence") - 1, lease_until=None, worker_id=BEFORE)


def undone(endpoint: Endpoint) -> LeasedLane:
    """A lane in the hands of a worker whose lease was undone."""
    emit(endpoint)
    lane = lease(endpoint)
    undo(endpoint)
    return lane


def is_held(lane: LeasedLane) -> bool:
    """Whether the lane's lease stands in the database."""
    return Lane.objects.filter(fence=lane.fence, worker_id=lane.worker_id).exclude(lease_until=None).exists()


def test_what_is_in_flight_when_a_crash_undoes_its_lease_is_recorded(receiver: Receiver) -> None:
    endpoint, release = an_endpoint(receiver.url), threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(10)
        return 200, {}, b""

    receiver.answer = hang
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    undo(endpoint)
    release.set()
    run_until_idle(engine)
    assert (the_delivery(endpoint).state, Attempt.objects.count(), len(receiver.requests)) == ("succeeded", 1, 1)
    assert Lane.objects.get().fence == 1


def test_a_lease_that_a_crash_undid_is_made_again_where_nobody_has_the_lane(receiver: Receiver) -> None:
    lane = undone(an_endpoint(receiver.url))
    renew_leases([lane], now=time.monotonic())
    assert lane.phase is not Phase.LOST
    assert is_held(lane)


def test_who_leases_a_lane_after_the_crash_has_it_alone_although_its_fence_is_the_same(receiver: Receiver) -> None:
    """Given the fence of a lease that a crash undid, then its worker renews, claims, marks and gives back nothing."""
    endpoint = an_endpoint(receiver.url)
    first = undone(endpoint)
    first.waiting.clear()
    second = lease(endpoint)
    assert second.fence == first.fence
    claim_batch([first], room=10, now=0.0)
    mark_suspect(first, new_id(), losses=1)
    release_lanes([first])
    assert not first.waiting
    assert is_held(second)
    assert Lane.objects.get().suspect_id is None
    renew_leases([first], now=time.monotonic())
    assert first.phase is Phase.LOST
    assert is_held(second)


def test_a_lease_that_a_crash_undid_is_not_made_again_once_another_worker_had_the_lane(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    first = undone(endpoint)
    second = lease(endpoint)
    record(second, released=True)
    renew_leases([first], now=time.monotonic())
    assert first.phase is Phase.LOST
    assert Lane.objects.get().lease_until is None


def test_a_lane_that_was_leased_by_a_statement_whose_answer_was_lost_is_given_back(receiver: Receiver) -> None:
    known, stray, others = (an_endpoint(receiver.url) for _ in range(3))
    worker = Leases()
    for endpoint in (known, stray):
        emit(endpoint)
        assert worker.take([endpoint.id], room=10, now=0.0)[0]
    emit(others)
    lease(others)
    worker.release_strays([known.id])
    assert Lane.objects.get(lease_until=None).endpoint_id == stray.id
    assert lease(stray).crashes == 0
