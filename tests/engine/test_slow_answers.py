"""A database whose answers all take long: a worker says so with its beats, keeps its lanes for longer, and delivers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from django.db import connection
from django.db.models import F

from deliveries import sql
from deliveries.conf import conf
from deliveries.engine.agenda import ZERO
from deliveries.engine.leases import Leases
from deliveries.engine.limits import LIMITS
from deliveries.engine.loop import Engine
from deliveries.engine.upkeep import Upkeep
from deliveries.models import Attempt, Lane, Worker
from deliveries.models.base import new_id
from deliveries.sql.engine_rows import BeatRow
from tests.engine.steps import PATIENT, an_endpoint, emit
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

Result = TypeVar("Result")
LANES, EVENTS = 3, 120


class Slow:
    """An engine whose clock goes on with each statement: half of it on the way there, half on the way back."""

    def __init__(self, patch: pytest.MonkeyPatch, seconds: float) -> None:
        self.seconds, self.now = seconds, 0.0
        fetch, run = sql.fetch, sql.run
        patch.setattr(sql, "fetch", lambda *given, **named: self._ask(lambda: fetch(*given, **named)))
        patch.setattr(sql, "run", lambda *given: self._ask(lambda: run(*given)))
        self.engine = Engine(wake=lambda lanes: None, clock=lambda: self.now, limits=PATIENT)

    @property
    def row(self) -> Worker:
        """What the database knows of it."""
        return Worker.objects.get(id=self.engine._leases.worker_id)

    def step_until(self, moment: float, *, is_done: Callable[[], bool] = lambda: False) -> None:
        """Go on until then, or until that holds."""
        while self.now < moment and not is_done():
            self.engine.step()
            self._pass(0.01)

    def _ask(self, act: Callable[[], Result]) -> Result:
        self._pass(self.seconds / 2)
        answer = act()
        self._pass(self.seconds / 2)
        return answer

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        passed = timedelta(seconds=seconds)
        Worker.objects.update(beat_at=F("beat_at") - passed, since=F("since") - passed)


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 1.5, 2.0, 4.0])
def test_an_engine_delivers_however_long_each_statement_takes(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    endpoints = [an_endpoint(receiver.url) for _ in range(LANES)]
    for number in range(EVENTS):
        emit(endpoints[number % LANES], number=number)
    slow = Slow(monkeypatch, seconds)
    slow.engine.notify([endpoint.id for endpoint in endpoints])
    slow.step_until(300.0, is_done=lambda: Attempt.objects.count() == EVENTS)
    assert len(receiver.requests) == EVENTS == Attempt.objects.count()
    slow.engine.abandon()


def test_a_worker_whose_beats_take_long_asks_for_longer_silence_and_longer_leases(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that has a lane in hand, then that lane's lease becomes longer too."""
    release = threading.Event()
    receiver.answer = lambda request: (release.wait(60), (200, {}, b""))[1]
    endpoint = an_endpoint(receiver.url, timeout_seconds=30)
    emit(endpoint)
    slow, began = Slow(monkeypatch, 0.0), time.monotonic()
    slow.engine.notify([endpoint.id])
    slow.step_until(2.0)
    assert slow.row.silent_seconds == LIMITS.silent
    assert is_leased_for(conf.lease_seconds, since=began)
    slow.seconds, began = 2.0, time.monotonic()
    slow.step_until(40.0)
    assert slow.row.silent_seconds == 16.0
    assert is_leased_for(4 * conf.lease_seconds, since=began)
    (lane,) = slow.engine.lanes.values()
    assert lane.owned_until > slow.now + conf.lease_seconds
    release.set()
    slow.engine.abandon()


def is_leased_for(seconds: float, *, since: float) -> bool:
    """Whether the only lane was last leased for so long, at a moment after `since`: by the clock on the wall both."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM hookpost_lane")
        left = float(cursor.fetchone()[0])
    return seconds - (time.monotonic() - since) <= left <= seconds


class Pair:
    """Two workers of which one falls silent, and a lane of that one's."""

    def __init__(self, receiver: Receiver, *, lost: float = LIMITS.silent, alive: float = LIMITS.silent) -> None:
        self.endpoint = an_endpoint(receiver.url)
        emit(self.endpoint)
        self.lost, self.alive, self.seconds = Leases(), Leases(), {"lost": lost, "alive": alive}
        self.lost.beat(silent_seconds=lost)
        assert self.lost.take([self.endpoint.id], room=10, now=0.0)[0]
        self.alive.beat(silent_seconds=alive)

    def is_taken_after(self, silence: float, *, beating_for: float) -> bool:
        """Whether another has the lane once its worker was silent for so long, beside one that beat for so long."""
        now = datetime.now(UTC)
        Worker.objects.filter(id=self.lost.worker_id).update(beat_at=now - timedelta(seconds=silence))
        Worker.objects.filter(id=self.alive.worker_id).update(since=now - timedelta(seconds=beating_for), beat_at=now)
        found = [each.due for each in self.alive.find(after=ZERO, probes=10, limit=10, slow=None)]
        is_taken = bool(self.alive.take([self.endpoint.id], room=10, now=0.0)[0])
        assert found == [True] * is_taken
        return is_taken


@pytest.mark.parametrize(("lost", "alive"), [(16.0, LIMITS.silent), (LIMITS.silent, 16.0), (16.0, 16.0)])
def test_a_worker_is_lost_after_the_longer_silence_of_it_and_of_who_tells(
    receiver: Receiver, lost: float, alive: float
) -> None:
    """Given one whose beats are far apart, then it cannot tell an outage of all from the silence of one before that."""
    pair = Pair(receiver, lost=lost, alive=alive)
    assert not pair.is_taken_after(15.0, beating_for=3600.0)
    assert not pair.is_taken_after(17.0, beating_for=15.0)
    assert pair.is_taken_after(17.0, beating_for=17.0)


def test_quick_workers_lose_their_lanes_as_soon_beside_a_slow_one(receiver: Receiver) -> None:
    pair = Pair(receiver)
    Leases().beat(silent_seconds=64.0)
    assert not pair.is_taken_after(LIMITS.silent - 1, beating_for=3600.0)
    assert pair.is_taken_after(LIMITS.silent + 1, beating_for=LIMITS.silent + 1)


@pytest.mark.parametrize("since", [15.0, 17.0])
def test_a_lease_that_ran_out_is_a_slow_workers_for_as_long_as_it_asked_for(receiver: Receiver, since: float) -> None:
    """Given one that beats and has had no time to renew, then others wait; once it has had the time, they do not."""
    pair = Pair(receiver, lost=16.0)
    Lane.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    Worker.objects.filter(id=pair.lost.worker_id).update(since=datetime.now(UTC) - timedelta(seconds=since))
    assert pair.is_taken_after(10.0, beating_for=5.0) is (since > 16.0)


def test_a_gap_counts_by_what_a_worker_asked_for_and_who_asks_for_less_begins_anew() -> None:
    worker = Leases()

    def begins_anew(seconds: float, *, after: float) -> bool:
        Worker.objects.update(beat_at=datetime.now(UTC) - timedelta(seconds=after))
        return worker.beat(silent_seconds=seconds).begins_anew

    worker.beat(silent_seconds=16.0)
    assert not begins_anew(16.0, after=9.0)
    assert begins_anew(16.0, after=11.0)
    assert begins_anew(8.0, after=1.0)
    assert not begins_anew(8.0, after=4.0)
    assert not begins_anew(16.0, after=6.0)


def test_processes_count_as_beating_by_what_they_asked_for() -> None:
    """Given another process that beat a while ago, then it has a part of the endpoints if it said that it is slow."""
    other, worker = Leases(), Leases()
    other.beat(silent_seconds=16.0)
    Worker.objects.update(host="elsewhere", beat_at=datetime.now(UTC) - timedelta(seconds=9))
    assert worker.beat().parts == 2
    Worker.objects.filter(id=other.worker_id).update(silent_seconds=LIMITS.silent)
    assert worker.beat().parts == 1


def test_after_a_crash_nobody_leases_for_as_long_as_any_worker_may_need(receiver: Receiver) -> None:
    endpoint, worker = an_endpoint(receiver.url), Leases()
    emit(endpoint)
    Leases().beat(silent_seconds=16.0)
    worker.beat()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_unbroken SET since = now() - interval '15 s'")
    assert not worker.take([endpoint.id], room=10, now=0.0)[0]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_unbroken SET since = 'epoch'")
    assert worker.take([endpoint.id], room=10, now=0.0)[0]


def test_workers_of_the_release_before_are_silent_for_as_long_as_they_count_on() -> None:
    now = datetime.now(UTC)
    Worker(id=new_id(), since=now, beat_at=now).save()
    assert Worker.objects.get().silent_seconds == LIMITS.silent


def test_beats_beside_go_over_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given answers that all take long, a connection for each beat would take longer than a worker may be silent."""
    engine = Engine(wake=lambda lanes: None, clock=lambda: now[0], limits=PATIENT)
    now, beaten, sessions = [0.0], threading.Event(), []
    beat = Leases.beat

    def noted(leases: Leases, **told: float) -> BeatRow:
        row = beat(leases, **told)
        sessions.append(connection.connection)
        beaten.set()
        return row

    monkeypatch.setattr(Leases, "beat", noted)
    for _ in range(3):
        now[0] += LIMITS.beat
        beaten.clear()
        while not beaten.wait(0.1):
            engine._upkeep.beat_beside()
    assert len(sessions) >= 3
    assert len(set(map(id, sessions))) == 1
    engine.abandon()


def test_an_engine_waits_a_while_for_a_beat_beside_before_it_beats_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one beat under way beside, then there is nothing to do until then: no second one, and no empty rounds."""
    now, begun = [0.0], [0]
    engine = Engine(wake=lambda lanes: None, clock=lambda: now[0], limits=PATIENT)
    beat = Leases.beat
    monkeypatch.setattr(Leases, "beat", lambda leases, **told: (begun.append(1), beat(leases, **told))[1])
    monkeypatch.setattr(Upkeep, "_beat_apart", lambda upkeep: None)
    for _ in range(int(LIMITS.silent) + 2):  # who begins is in doubt for a while
        now[0] += LIMITS.beat
        engine.step()
    before = len(begun)
    now[0] += LIMITS.beat
    engine._upkeep.beat_beside()
    assert engine._upkeep.next_at == now[0] + LIMITS.silent / 4
    engine._upkeep.tend()
    assert len(begun) == before
    now[0] += LIMITS.silent / 4
    engine._upkeep.tend()
    assert len(begun) == before + 1
    engine.abandon()
