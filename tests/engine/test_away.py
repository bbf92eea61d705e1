"""The database away, read-only or full; the worker stopped; a lane lost and won again: no attempt is lost with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import InternalError, OperationalError, ProgrammingError, connection

from deliveries.engine import recorder
from deliveries.engine.leases import release_lanes
from deliveries.engine.loop import Engine
from deliveries.models import Attempt, Lane
from deliveries.sql.engine_rows import RecordArrivalRow, RecordOutcomesRow
from tests.engine.steps import (
    PATIENCE_SECONDS,
    an_endpoint,
    an_engine,
    emit,
    expire_lease,
    lease,
    run_until_idle,
    step_until_idle,
    the_delivery,
)
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hanging(receiver: Receiver) -> Iterator[threading.Event]:
    """A receiver that answers when it is told to."""
    release = threading.Event()

    def answer(request: Request) -> Answer:
        release.wait(60)
        return 200, {}, b"late"

    receiver.answer = answer
    yield release
    release.set()


def failing(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> list[Exception]:
    """Let recording fail in these ways, one after the other."""
    left = list(errors)
    fetch: Callable[..., list[object]] = recorder.sql.fetch

    def fetch_or_fail(row: type[object], parameters: dict[str, object], **given: object) -> list[object]:
        if row in (RecordArrivalRow, RecordOutcomesRow) and left:
            raise left.pop(0)
        return fetch(row, parameters, **given)

    monkeypatch.setattr(recorder.sql, "fetch", fetch_or_fail)
    return left


def test_an_outcome_is_recorded_once_the_database_can_write_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = failing(
        monkeypatch,
        OperationalError("the connection is lost"),
        InternalError("cannot execute INSERT in a read-only transaction"),
        OperationalError("could not extend file: No space left on device"),
    )
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    run_until_idle(engine)
    assert left == []
    assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("succeeded", 1)
    assert len(receiver.requests) == Attempt.objects.count() == 1


def test_what_the_database_refuses_to_record_is_not_sent_again_until_somebody_has_mended_that(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that a right, a column and a partition are missing for a while, then there is one request all the same."""
    left = failing(
        monkeypatch,
        ProgrammingError("permission denied for table hookpost_attempt"),
        ProgrammingError('column "tls_ms" of relation "hookpost_attempt" does not exist'),
        ProgrammingError("must be owner of table hookpost_attempt"),
    )
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    run_until_idle(engine)
    assert left == []
    assert the_delivery(endpoint).state == "succeeded"
    assert len(receiver.requests) == Attempt.objects.count() == 1


@pytest.fixture
def nothing_of_299() -> Iterator[None]:
    """The table takes no attempt without an error, and no answer of 299."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hookpost_attempt ADD CONSTRAINT odd CHECK (status_code <> 299) NOT VALID")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hookpost_attempt DROP CONSTRAINT odd")


def test_an_attempt_that_no_table_takes_keeps_no_other_out_and_is_not_made_again_at_once(
    nothing_of_299: None, receiver: Receiver
) -> None:
    receiver.answer = lambda request: (299 if request.path == "/odd" else 204, {}, b"")
    odd, other = an_endpoint(f"{receiver.url}/odd"), an_endpoint(f"{receiver.url}/other")
    emit(odd)
    emit(other)
    engine, _ = an_engine(odd, other)
    run_until_idle(engine)
    engine.notify([odd.id, other.id])
    run_until_idle(engine)
    assert the_delivery(other).state == "succeeded"
    assert (the_delivery(odd).state, Lane.objects.get(endpoint=odd).rest_reason) == ("pending", "problem")
    assert sorted(request.path for request in receiver.requests) == ["/odd", "/other"]


def test_answers_that_come_while_the_database_is_away_are_not_lost(
    receiver: Receiver, receiver_ports: list[int], hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver(receiver_ports[1]) as quick:
        first, second = an_endpoint(quick.url), an_endpoint(receiver.url)
        emit(first)
        emit(second)

        class Away(OperationalError):
            def __str__(self) -> str:
                hanging.set()  # the second answers while the first cannot be recorded
                return "away"

        failing(monkeypatch, Away(), Away())
        engine, _ = an_engine(first, second)
        run_until_idle(engine)
    assert [the_delivery(each).state for each in (first, second)] == ["succeeded", "succeeded"]
    assert Attempt.objects.count() == 2


def test_a_request_cut_off_by_the_end_of_its_worker_stays_in_the_log_and_its_delivery_due(
    receiver: Receiver, hanging: threading.Event
) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    engine.abandon()
    attempt = Attempt.objects.get()
    assert (attempt.error, attempt.status_code) == ("worker_lost", None)
    assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("pending", 0)
    lane = Lane.objects.get()
    assert (lane.lease_until, lane.crashes) == (None, 0)


def test_what_was_finished_is_recorded_when_the_engine_fails(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    while not any(lane.finished for lane in engine.lanes.values()):
        engine._upkeep.tend()
        engine._intake.note([endpoint.id])
        engine._intake.take(time.monotonic())
        engine._feed(sending=True)
        engine._collect()
    engine.abandon()
    assert the_delivery(endpoint).state == "succeeded"


def test_an_engine_that_has_ended_gives_lanes_back_at_once(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine = Engine(wake=lambda lanes: None)
    stopping = threading.Event()
    stopping.set()
    engine.run(stopping)
    engine.notify([endpoint.id])
    lane = Lane.objects.get()
    assert (lane.lease_until, lane.crashes) == (None, 0)


def test_a_lane_that_was_lost_and_won_again_keeps_the_attempts_of_its_first_lease(
    receiver: Receiver, hanging: threading.Event
) -> None:
    endpoint = an_endpoint(receiver.url, max_in_flight=1)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    expire_lease(endpoint)
    release_lanes([lease(endpoint)])  # another worker had it for a moment, and was lost
    engine.notify([endpoint.id])
    for _ in range(3):
        engine.step()
    assert len(receiver.requests) == 1, "a second one at the same time"
    hanging.set()
    step_until_idle(engine)
    engine.notify([endpoint.id])
    run_until_idle(engine)
    assert len(receiver.requests) == Attempt.objects.count() == 2
    assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("succeeded", 1)
    assert Lane.objects.get().lease_until is None


def test_a_suspect_that_cannot_be_noted_at_once_is_noted_before_it_is_sent(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Lane.objects.update(crashes=1, lease_until="2020-01-01T00:00:00Z")
    engine, _ = an_engine(endpoint)
    connection.close()
    run_until_idle(engine)
    assert the_delivery(endpoint).state == "succeeded"


def test_an_engine_goes_on_after_an_error_that_nobody_thought_of(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    stopping = threading.Event()
    engine = Engine(wake=lambda lanes: stopping.set())
    left = failing(monkeypatch, ZeroDivisionError(), ZeroDivisionError())
    thread = threading.Thread(target=engine.run, args=(stopping,))
    thread.start()
    engine.notify([endpoint.id])
    give_up = time.monotonic() + PATIENCE_SECONDS
    while the_delivery(endpoint).state != "succeeded" and time.monotonic() < give_up:
        engine.notify([endpoint.id])
    stopping.set()
    thread.join(PATIENCE_SECONDS)
    assert left == []
    assert the_delivery(endpoint).state == "succeeded"
    assert Lane.objects.get().lease_until is None
