"""Leases, fences, lost workers and poison: two workers never own one lane."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from deliveries.engine import quarantine
from deliveries.engine.leases import Leases, claim_batch, mark_suspect, renew_leases
from deliveries.engine.limits import LIMITS
from deliveries.engine.phases import Phase
from deliveries.models import Attempt, Delivery, DueDelivery, Lane, Worker
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    emit,
    expire_lease,
    lease,
    run_until_idle,
    take_turn,
    the_delivery,
)
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_leased_lane_cannot_be_leased_again(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    lease(endpoint)
    lanes, busy = Leases().take([endpoint.id], room=10, now=0.0)
    assert (lanes, busy) == ([], [endpoint.id])


def test_a_lane_without_anything_due_is_not_leased(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    assert Leases().take([endpoint.id], room=10, now=0.0) == ([], [])
    assert Lane.objects.get().fence == 0


def test_the_lane_of_a_worker_whose_lease_ran_out_is_taken_over_with_care(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    lease(endpoint)
    expire_lease(endpoint)
    lane = lease(endpoint)
    assert (lane.fence, lane.crashes, lane.width()) == (2, 1, 1)


def beating(count: int) -> list[Leases]:
    """So many workers, each of which beat just now for the first time."""
    workers = [Leases() for _ in range(count)]
    for worker in workers:
        worker.beat()
    return workers


def silence(worker: Leases, *, seconds: float) -> None:
    """The worker has not beaten for so long."""
    Worker.objects.filter(id=worker.worker_id).update(beat_at=datetime.now(UTC) - timedelta(seconds=seconds))


def test_the_lane_of_a_silent_worker_is_taken_by_one_that_beat_all_the_while(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    dead, alive = beating(2)
    assert dead.take([endpoint.id], room=10, now=0.0)[0]
    silence(dead, seconds=LIMITS.silent + 1)
    assert not alive.take([endpoint.id], room=10, now=0.0)[0], "it may have been the database that was silent"
    Worker.objects.filter(id=alive.worker_id).update(since=datetime.now(UTC) - timedelta(seconds=LIMITS.silent + 1))
    assert alive.take([endpoint.id], room=10, now=0.0)[0]


@pytest.mark.parametrize("is_over", [False, True], ids=["leased", "lease over"])
def test_who_beats_late_each_time_finds_and_takes_what_a_lost_worker_had(receiver: Receiver, is_over: bool) -> None:
    """Given one whose rounds take longer than two beats may lie apart, then the beats of another tell what is lost."""
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    (dead, _), slow = beating(2), Leases()
    Worker.objects.update(since=datetime.now(UTC) - timedelta(hours=1))
    assert dead.take([endpoint.id], room=10, now=0.0)[0]
    silence(dead, seconds=LIMITS.silent + 1)
    if is_over:
        expire_lease(endpoint)
    slow.beat()
    assert [each.due for each in slow.find(after=UUID(int=0), probes=10, limit=10, slow=None)] == [True]
    assert slow.take([endpoint.id], room=10, now=0.0)[0]


@pytest.mark.parametrize("is_over", [False, True], ids=["leased", "lease over"])
def test_who_was_cut_off_with_the_database_takes_no_lane_of_another_that_was(receiver: Receiver, is_over: bool) -> None:
    """Given an outage for both, then what the other has in flight stays its own until it has had time to say so."""
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    cut_off, asking = beating(2)
    assert cut_off.take([endpoint.id], room=10, now=0.0)[0]
    Worker.objects.update(since=datetime.now(UTC) - timedelta(hours=1))
    for worker in (cut_off, asking):
        silence(worker, seconds=LIMITS.silent + 1)
    if is_over:
        expire_lease(endpoint)
    assert not asking.take([endpoint.id], room=10, now=0.0)[0], "before its first beat"
    asking.beat()
    assert not asking.take([endpoint.id], room=10, now=0.0)[0], "and after it"
    Worker.objects.filter(id=asking.worker_id).update(since=datetime.now(UTC) - timedelta(seconds=LIMITS.silent + 1))
    assert asking.take([endpoint.id], room=10, now=0.0)[0]


def test_a_lease_that_ran_out_is_still_its_workers_who_came_back_a_moment_ago(receiver: Receiver) -> None:
    """Given a worker that was away for longer than its lease, then its first beat opens no lane before it renews."""
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    back, asking = beating(2)
    (lane,) = back.take([endpoint.id], room=10, now=0.0)[0]
    expire_lease(endpoint)
    silence(back, seconds=60)
    assert back.beat().begins_anew
    assert not asking.take([endpoint.id], room=10, now=0.0)[0]
    renew_leases([lane], now=0.0, lease_seconds=20.0)
    assert lane.phase is not Phase.LOST
    expire_lease(endpoint)
    assert asking.take([endpoint.id], room=10, now=0.0)[0], "it had the time, and did not"


def test_the_lane_of_a_worker_that_beat_before_the_databases_clock_was_set_back_is_taken(receiver: Receiver) -> None:
    """Given a worker lost while the clock was a day ahead, then its lease of that day holds nobody up."""
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    dead, alive = beating(2)
    assert dead.take([endpoint.id], room=10, now=0.0)[0]
    ahead = datetime.now(UTC) + timedelta(days=1)
    Lane.objects.update(lease_until=ahead)
    Worker.objects.update(since=ahead, beat_at=ahead)
    alive.beat()
    assert Worker.objects.get(id=alive.worker_id).since < ahead
    Worker.objects.filter(id=alive.worker_id).update(since=datetime.now(UTC) - timedelta(seconds=LIMITS.silent + 1))
    assert alive.take([endpoint.id], room=10, now=0.0)[0]


def test_who_was_silent_itself_calls_nobody_silent_for_a_while() -> None:
    worker = Leases()
    worker.beat()
    long_ago = datetime.now(UTC) - timedelta(seconds=60)
    Worker.objects.update(since=long_ago)
    worker.beat()
    assert Worker.objects.get().since == long_ago
    silence(worker, seconds=LIMITS.beat_gap + 1)
    worker.beat()
    assert Worker.objects.get().since > long_ago


@pytest.mark.parametrize(
    ("fields", "comes"), [({"rate_limit": 1}, 2), ({"max_in_flight": 1}, 4), ({"max_in_flight": 3}, 6)]
)
def test_with_a_lease_comes_what_can_be_sent_soon_and_the_lane_knows_that_there_is_more(
    fields: dict[str, int], comes: int, receiver: Receiver
) -> None:
    endpoint = an_endpoint(receiver.url, **fields)
    for number in range(7):
        emit(endpoint, number=number)
    lane = lease(endpoint)
    assert (len(lane.waiting), lane.phase) == (comes, "open")


def test_a_lane_for_batches_knows_that_there_is_more_than_came_with_its_lease(receiver: Receiver) -> None:
    """Given a batch that is larger than what comes with a lease, then it does not wait for events that are there."""
    endpoint = an_endpoint(receiver.url, max_in_flight=1, batch_size=50)
    for number in range(7):
        emit(endpoint, number=number)
    lane = lease(endpoint, room=200)
    assert (len(lane.waiting), lane.phase) == (4, "open")


def test_a_worker_frozen_past_its_lease_claims_nothing(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    lane = lease(endpoint)
    lane.waiting.clear()
    expire_lease(endpoint)
    lease(endpoint)
    claim_batch([lane], rooms=[10], now=0.0)
    assert not lane.waiting


def test_a_late_result_stays_in_the_log_and_changes_nothing_else(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    release = threading.Event()

    def first_hangs_then_fails(request: Request) -> Answer:
        if len(receiver.requests) == 1:
            release.wait(60)
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
        lane = lease(endpoint)
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


def test_work_that_comes_between_the_last_claim_and_the_release_keeps_the_lane_in_hand(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint, number=1)
    emitted = threading.Event()

    def wait_for_the_second_event(request: Request) -> Answer:
        emitted.wait(60)
        return 200, {}, b""

    receiver.answer = wait_for_the_second_event
    engine, woken = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    emit(endpoint, number=2)
    emitted.set()
    run_until_idle(engine)
    assert (len(receiver.requests), woken) == (2, [])
    assert (DueDelivery.objects.count(), Lane.objects.get().fence) == (0, 1)


def test_a_hanging_request_does_not_keep_other_lanes_from_being_given_back(
    receiver: Receiver, receiver_ports: list[int]
) -> None:
    release = threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(60)
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
