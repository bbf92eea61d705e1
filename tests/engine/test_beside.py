"""What an engine does while it waits for the database: it takes the answers that come."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import OperationalError, connection

from deliveries.database.beside import do_beside, working_beside
from deliveries.database.limits import answered_within
from tests.engine.steps import an_endpoint, an_engine, by_hand, emit, run_until_idle, the_delivery
from tests.engine.test_contained import eventually
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = "x" * 8_000_000  # more than is on its way while nobody reads


def test_a_statement_that_takes_long_leaves_time_for_other_work() -> None:
    worked: list[None] = []
    with working_beside(lambda: worked.append(None)), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5), %s || 'y'", [LARGE])
        assert cursor.fetchone()[1] == LARGE + "y"
    assert worked


def test_who_works_meanwhile_gives_up_in_time_too() -> None:
    worked: list[None] = []
    with (
        working_beside(lambda: worked.append(None)),
        answered_within(0.5),
        connection.cursor() as cursor,
        pytest.raises(OperationalError, match="has not answered for 0"),
    ):
        cursor.execute("SELECT pg_sleep(60)")
    assert worked
    connection.close()


def test_what_another_thread_does_comes_back_as_it_was() -> None:
    worked = threading.Event()
    with working_beside(worked.set):
        assert do_beside(lambda: worked.wait(60)) is True
        with pytest.raises(TimeoutError, match="theirs"):
            do_beside(_raise)


def _raise() -> None:
    raise TimeoutError("theirs")


def test_an_answer_that_comes_while_a_row_is_locked_is_not_too_late(receiver: Receiver) -> None:
    """Given a beat that waits for longer than the receiver may take, then the answer counts as it came."""
    is_locked, answered = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        is_locked.wait(60)
        answered.set()
        return 200, {}, b""

    receiver.answer = answer
    endpoint = an_endpoint(receiver.url, timeout_seconds=1)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    while not receiver.requests:
        engine.step()
    with by_hand() as session, working_beside(engine.outbox.gather):
        session.execute("LOCK TABLE hookpost_worker IN EXCLUSIVE MODE")
        is_locked.set()
        threading.Timer(2.0, session.rollback).start()
        engine._upkeep._beat_at = 0.0
        run_until_idle(engine)
    assert answered.is_set()
    assert (the_delivery(endpoint).state, the_delivery(endpoint).attempts) == ("succeeded", 1)


def test_an_engine_that_waits_says_meanwhile_that_it_lives(receiver: Receiver) -> None:
    """Given a lock that is let go when the worker has beaten again, then whoever waits for it gets it."""
    engine, _ = an_engine(an_endpoint(receiver.url))
    engine.step()
    engine._upkeep._beat_at = 0.0
    with by_hand() as session, working_beside(engine._do_beside), answered_within(60):
        session.execute("SELECT pg_advisory_lock(1)")
        threading.Thread(target=_let_go_after_a_beat, args=(session,)).start()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
    assert eventually(engine._upkeep.is_sure), "a beat is stored a moment before its thread has noted it"


def _let_go_after_a_beat(session: psycopg.Connection) -> None:
    before = _beats(session)
    while _beats(session) == before:
        pass
    session.execute("SELECT pg_advisory_unlock(1)")


def _beats(session: psycopg.Connection) -> str:
    row = session.execute("SELECT string_agg(beat_at::text, ' ' ORDER BY id) FROM hookpost_worker").fetchone()
    session.commit()
    return str(row)
