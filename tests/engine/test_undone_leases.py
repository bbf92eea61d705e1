"""Leases that a crash of PostgreSQL undid, for they do not wait for the disk; and leases that nobody knows of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from deliveries import sql
from deliveries.engine.dispatcher import ZERO
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases, claim_batch, mark_suspect, release_lanes, renew_leases
from deliveries.engine.limits import LIMITS
from deliveries.engine.phases import Phase
from deliveries.models import Attempt, DueDelivery, Endpoint, Lane
from deliveries.models.base import new_id
from deliveries.protocol.writing import ids
from deliveries.sql.engine_rows import TakeLanesRow
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    emit,
    is_free,
    lease,
    record,
    run_until_idle,
    step_until_idle,
    the_delivery,
)
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


def ask(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def crash() -> Iterator[Callable[[], None]]:
    """What a crash of the server leaves, before anybody has beaten again."""
    yield lambda: ask("DELETE FROM hookpost_unbroken")
    ask("DELETE FROM hookpost_unbroken; INSERT INTO hookpost_unbroken (since) VALUES ('epoch')")


def let_pass(seconds: float) -> None:
    """So long ago a beat noted the crash."""
    ask(f"UPDATE hookpost_unbroken SET since = now() - interval '{seconds} s'")


def is_held(lane: LeasedLane) -> bool:
    """Whether the lane's lease stands in the database."""
    return Lane.objects.filter(fence=lane.fence, worker_id=lane.worker_id).exclude(lease_until=None).exists()


def test_what_is_in_flight_when_a_crash_undoes_its_lease_is_recorded(receiver: Receiver) -> None:
    endpoint, release = an_endpoint(receiver.url), threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(60)
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
    renew_leases([lane], now=time.monotonic(), lease_seconds=20.0)
    assert lane.phase is not Phase.LOST
    assert is_held(lane)


def test_who_leases_a_lane_after_the_crash_has_it_alone_although_its_fence_is_the_same(receiver: Receiver) -> None:
    """Given the fence of a lease that a crash undid, then its worker renews, claims, marks and gives back nothing."""
    endpoint = an_endpoint(receiver.url)
    first = undone(endpoint)
    first.waiting.clear()
    second = lease(endpoint)
    assert second.fence == first.fence
    claim_batch([first], rooms=[10], now=0.0)
    mark_suspect(first, new_id(), losses=1)
    release_lanes([first])
    assert not first.waiting
    assert is_held(second)
    assert Lane.objects.get().suspect_id is None
    renew_leases([first], now=time.monotonic(), lease_seconds=20.0)
    assert first.phase is Phase.LOST
    assert is_held(second)


def test_a_lease_that_a_crash_undid_is_not_made_again_once_another_worker_had_the_lane(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    first = undone(endpoint)
    second = lease(endpoint)
    record(second, released=True)
    renew_leases([first], now=time.monotonic(), lease_seconds=20.0)
    assert first.phase is Phase.LOST
    assert Lane.objects.get().lease_until is None


def lose_answers(patch: pytest.MonkeyPatch, *, count: int) -> None:
    """So many statements that lease are done, and then the connection breaks."""
    fetch, left = sql.fetch, [count]

    def fetch_and_break(row: type[Any], *given: Any, **named: Any) -> Any:
        rows = fetch(row, *given, **named)
        if row is TakeLanesRow and left[0]:
            left[0] -= 1
            raise OperationalError("the connection is lost")
        return rows

    patch.setattr(sql, "fetch", fetch_and_break)


def test_a_lane_that_was_leased_by_a_statement_whose_answer_was_lost_is_given_back(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, *strays, others = (an_endpoint(receiver.url) for _ in range(4))
    worker = Leases()
    emit(known)
    assert worker.take([known.id], room=10, now=0.0)[0]
    for endpoint in (*strays, others):
        emit(endpoint)
    lose_answers(monkeypatch, count=1)
    with pytest.raises(OperationalError):
        worker.take([known.id, others.id, *(each.id for each in strays)], room=10, now=0.0)
    Lane.objects.filter(endpoint=others).update(worker_id=BEFORE)
    worker.release_strays([known.id])
    assert set(Lane.objects.filter(lease_until=None).values_list("endpoint_id", flat=True)) == {x.id for x in strays}
    assert lease(strays[0]).crashes == 0


def test_an_engine_delivers_what_it_leased_without_knowing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an answer that is lost, then the lane, which looks like another worker's, is given back and leased anew."""
    endpoints, seconds = [an_endpoint(receiver.url) for _ in range(2)], [0.0]
    for endpoint in endpoints:
        emit(endpoint)
    engine, _ = an_engine(*endpoints, clock=lambda: seconds[0])
    lose_answers(monkeypatch, count=1)
    while Attempt.objects.count() < 2:
        engine.step()
        seconds[0] += 0.1
        assert seconds[0] < LIMITS.silent, "leases were to end by themselves"
    engine.abandon()
    assert len(receiver.requests) == 2


def test_where_every_lease_was_answered_none_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an installation with many lanes, then trouble with the database does not have each worker read them all."""
    asked: list[str] = []
    run = sql.run
    monkeypatch.setattr(sql, "run", lambda name, *given: [asked.append(name), run(name, *given)][1])
    engine, _ = an_engine()
    engine._keep_driving(0.0)
    engine.step()
    engine.abandon()
    assert "release_strays" not in asked


def test_lanes_that_an_engine_cannot_give_back_are_given_back_later(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that drops all it has while the database is away, then its next renewal releases the lanes."""
    held = Held(receiver, events=1)
    run = sql.run

    def away(name: str, *given: Any) -> int:
        if name == "release_lanes":
            raise OperationalError("the connection is lost")
        return run(name, *given)

    with monkeypatch.context() as patch:
        patch.setattr(sql, "run", away)
        held.engine.abandon()
    assert is_held(held.lane)
    held.beat()
    assert not is_held(held.lane)
    held.let_go.set()
    held.engine.abandon()


def found_by(worker: Leases) -> list[UUID]:
    """The lanes that this worker finds."""
    return [each.endpoint_id for each in worker.find(after=ZERO, probes=100, limit=100, slow=None)]


def test_after_a_crash_nobody_leases_before_all_who_live_have_had_the_time_to_renew(
    crash: Callable[[], None], receiver: Receiver
) -> None:
    alone, *several = (an_endpoint(receiver.url) for _ in range(3))
    for endpoint in (alone, *several):
        emit(endpoint)
    worker, together = Leases(), [endpoint.id for endpoint in several]

    def lease_all() -> list[UUID]:
        lanes = worker.take([alone.id], room=10, now=0.0)[0] + worker.take(together, room=10, now=0.0)[0]
        return [lane.endpoint_id for lane in lanes]

    crash()
    assert lease_all() == found_by(worker) == [], "before the first beat"
    assert not worker.beat().is_unbroken
    assert lease_all() == found_by(worker) == [], "just after it"
    let_pass(LIMITS.silent - 1)
    assert not worker.beat().is_unbroken
    assert lease_all() == found_by(worker) == [], "while a living one may be silent"
    let_pass(LIMITS.silent + 1)
    assert worker.beat().is_unbroken
    assert sorted(found_by(worker)) == sorted(lease_all()) == sorted([alone.id, *together])


def test_a_crash_that_was_noted_before_the_databases_clock_was_set_back_holds_up_nobody(
    crash: Callable[[], None], receiver: Receiver
) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    crash()
    Leases().beat()
    let_pass(-86_400)
    assert is_free(endpoint)


class Held:
    """An engine with a clock of its own, whose first request hangs until it is let go; the others wait behind it."""

    def __init__(self, receiver: Receiver, *, events: int) -> None:
        self.let_go, self.seconds, self.receiver = threading.Event(), 0.0, receiver
        receiver.answer = self._answer
        self.endpoint = an_endpoint(receiver.url, max_in_flight=1)
        self.accepted = [emit(self.endpoint, number=number) for number in range(events)]
        self.engine, _ = an_engine(self.endpoint, clock=lambda: self.seconds)
        while not receiver.requests:
            self.engine.step()
        (self.lane,) = self.engine.lanes.values()
        for _ in range(int(LIMITS.silent) + 1):
            self.beat()  # who begins renews with each beat for a while

    def beat(self) -> None:
        """A second later."""
        self.seconds += LIMITS.beat
        self.engine.step()

    def end(self) -> None:
        """The request is answered, and all that follows is done."""
        self.let_go.set()
        step_until_idle(self.engine)
        self.engine.abandon()

    def _answer(self, request: Request) -> Answer:
        self.let_go.wait(60)
        return 200, {}, b""


def test_a_worker_that_noticed_nothing_of_the_crash_makes_its_leases_again_with_its_next_beat(
    crash: Callable[[], None], receiver: Receiver
) -> None:
    """Given a pooler between them, which keeps the worker's connection while the server is away."""
    held = Held(receiver, events=1)
    crash()
    undo(held.endpoint)
    held.beat()
    assert is_held(held.lane)
    held.end()
    assert (the_delivery(held.endpoint).state, len(receiver.requests)) == ("succeeded", 1)


def test_a_worker_renews_with_each_beat_until_others_may_lease_again(
    crash: Callable[[], None], receiver: Receiver
) -> None:
    """Given a lease that is undone once more, then the next beat makes it again."""
    held = Held(receiver, events=1)
    crash()
    for _ in range(int(LIMITS.silent)):
        undo(held.endpoint)
        held.beat()
        assert is_held(held.lane)
    held.end()


@pytest.mark.parametrize("noticed", ["by the next beat", "by an error"])
def test_after_a_return_to_a_moment_nothing_is_sent_of_which_the_database_knows_no_more(
    crash: Callable[[], None], receiver: Receiver, noticed: str
) -> None:
    held = Held(receiver, events=3)
    assert len(held.lane.waiting) == 2
    crash()
    undo(held.endpoint)
    first, gone, last = held.accepted
    DueDelivery.objects.filter(event_id=gone.event_id).delete()
    if noticed == "by an error":
        held.engine._keep_driving(0.0)
    else:
        held.beat()
    held.end()
    sent = [request.header("webhook-id") for request in receiver.requests]
    assert sent == [ids.encode_id(ids.EVENT, each.event_id) for each in (first, last)]


@pytest.mark.parametrize("how", ["renewed", "recorded"])
def test_a_lease_is_made_again_where_the_crash_left_an_older_one_of_the_same_worker(
    receiver: Receiver, how: str
) -> None:
    """Given a lane that its worker leased twice, and a crash that undid the giving back and the second lease."""
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    lane = lease(endpoint)
    Lane.objects.update(fence=F("fence") - 1)
    if how == "renewed":
        renew_leases([lane], now=time.monotonic(), lease_seconds=20.0)
    else:
        record(lane)
    assert lane.phase is not Phase.LOST
    assert is_held(lane)
