"""What is wrong with one lane or one delivery stays there: all other lanes go on."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection
from structlog.testing import capture_logs

from deliveries import sql
from deliveries.engine import judge
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.leases import Leases
from deliveries.engine.loop import Engine
from deliveries.engine.recorder import record_unlocked
from deliveries.engine.trouble import has_marked
from deliveries.engine.work import Finished
from deliveries.models import Alert, Attempt, Delivery, Endpoint, EndpointSecret, Event, Lane
from deliveries.models.keyring import seal
from deliveries.protocol.answers import answer as answers
from deliveries.protocol.answers.outcome import Outcome
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    Script,
    an_endpoint,
    an_engine,
    by_hand,
    emit,
    lease,
    rest_seconds,
    run_until_idle,
    the_delivery,
)
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

ED25519 = "whsk_" + base64.b64encode(b"s" * 32).decode()


@pytest.fixture
def healthy(receiver: Receiver) -> Endpoint:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    return endpoint


def replace_secret(endpoint: Endpoint, text: bytes) -> None:
    """Give the endpoint another stored secret, whatever it is worth."""
    for secret in EndpointSecret.objects.filter(endpoint=endpoint):
        secret.sealed = seal(text, row_id=secret.id)
        secret.save()


PATIENCE_SECONDS = 120
WAITED_FOR = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def eventually(holds: Callable[[], object]) -> bool:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (it_holds := holds()) and time.monotonic() < give_up:
        time.sleep(0.01)
    return bool(it_holds)


def serve(*endpoints: Endpoint) -> list[object]:
    engine, woken = an_engine(*endpoints)
    run_until_idle(engine)
    return list(woken)


def test_a_lane_whose_secret_does_not_suit_its_signing_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url, signing="github")
    replace_secret(sick, ED25519.encode())
    emit(sick)
    assert serve(sick, healthy) == []
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).attempts) == ("pending", 0)
    assert rest_seconds(sick) > 30


def test_settings_that_only_a_later_release_knows_let_that_lane_rest_alone(
    receiver: Receiver, healthy: Endpoint
) -> None:
    """Given a rolling upgrade, and an endpoint that was changed by the new release, then the old one sends others."""
    sick = an_endpoint(receiver.url)
    emit(sick)
    Endpoint.objects.filter(id=sick.id).update(payload_mode="hologram")
    assert serve(sick, healthy) == []
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).attempts) == ("pending", 0)
    assert rest_seconds(sick) > 30


def test_a_redelivery_by_hand_to_a_lane_that_cannot_sign_waits_too(receiver: Receiver) -> None:
    sick = an_endpoint(receiver.url, signing="github", retry_schedule=[0])
    receiver.answer = Script(500)
    emit(sick)
    serve(sick)
    replace_secret(sick, ED25519.encode())
    redeliver(the_delivery(sick), actor="user:carol")
    assert serve(sick) == []
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("text", [b"not a secret", b"whsec_AAAA", b"\xff\xfe"])
def test_a_lane_whose_stored_secret_is_no_secret_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint, text: bytes
) -> None:
    sick = an_endpoint(receiver.url)
    replace_secret(sick, text)
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert rest_seconds(sick) > 30


def test_a_lane_whose_stored_headers_are_no_headers_rests_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url)
    Endpoint.objects.filter(id=sick.id).update(headers_sealed=seal(b"[1, 2", row_id=sick.id))
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert rest_seconds(sick) > 30


def test_a_delivery_that_cannot_be_made_a_request_fails_by_its_schedule_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint
) -> None:
    sick = an_endpoint(receiver.url, payload_mode="thin", retry_schedule=[0])
    broken = emit(sick, number=1)
    emit(sick, number=2)
    Event.objects.filter(id=broken.event_id).update(body=b"no JSON")
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    delivery = Delivery.objects.get(event_id=broken.event_id)
    assert (delivery.state, delivery.error) == ("exhausted", "payload_failed")
    assert Attempt.objects.get(delivery=delivery).status_code is None
    assert Delivery.objects.filter(endpoint=sick, state="succeeded").count() == 1


def test_an_answer_that_cannot_be_judged_is_a_failed_attempt_and_the_others_go_on(
    receiver: Receiver, healthy: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = judge.decide

    def stumble(answer: object, **given: object) -> object:
        if getattr(answer, "status", 0) == 418:
            raise ZeroDivisionError
        return judged(answer, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "decide", stumble)
    sick = an_endpoint(receiver.url + "/sick", retry_schedule=[0])
    receiver.answer = lambda request: (418 if request.path == "/sick" else 200, {}, b"")
    emit(sick)
    serve(sick, healthy)
    assert the_delivery(healthy).state == "succeeded"
    assert (the_delivery(sick).state, the_delivery(sick).error) == ("exhausted", "protocol_error")


def test_an_endpoint_that_is_gone_when_it_is_to_be_disabled_stops_nobody(receiver: Receiver, healthy: Endpoint) -> None:
    gone = an_endpoint(receiver.url + "/gone")

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        if getattr(request, "path", "") != "/gone":
            return 200, {}, b""
        Endpoint.objects.filter(id=gone.id).delete()
        connection.close()
        return 410, {}, b""

    receiver.answer = answer
    emit(gone)
    serve(gone, healthy)
    assert the_delivery(healthy).state == "succeeded"


def test_a_410_of_an_old_url_does_not_disable_the_new_one(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url + "/old")

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        Endpoint.objects.filter(id=endpoint.id).update(url=receiver.url + "/new")
        connection.close()
        return 410, {}, b""

    receiver.answer = answer
    emit(endpoint)
    serve(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.state == "enabled"


def test_an_engine_goes_on_while_somebody_keeps_a_row_of_one_lane_locked(receiver: Receiver) -> None:
    """Given a row that is locked before its lane is recorded, then the next answer is recorded all the same, and the
    first one as soon as the row is free.
    """
    stuck, other = an_endpoint(f"{receiver.url}/stuck"), an_endpoint(f"{receiver.url}/other")
    emit(stuck)
    emit(other)
    stopping = threading.Event()
    with by_hand() as hand:
        locked = threading.Event()

        def answer(request: Request) -> Answer:
            if request.path == "/stuck":
                hand.execute("SELECT FROM hookpost_lane WHERE endpoint_id = %s FOR UPDATE", [stuck.id])
                locked.set()
            elif locked.wait(PATIENCE_SECONDS):
                eventually(lambda: hand.execute(WAITED_FOR).fetchone() != (0,))
            return 204, {}, b""

        receiver.answer = answer
        engine = Engine(wake=lambda lanes: None)
        worker = threading.Thread(target=engine.run, args=(stopping,), daemon=True)
        worker.start()
        try:
            assert eventually(lambda: the_delivery(other).state == "succeeded")
            assert the_delivery(stuck).state == "pending"
            hand.rollback()
            assert eventually(lambda: the_delivery(stuck).state == "succeeded")
        finally:
            hand.rollback()
            stopping.set()
            engine.notify([])
            worker.join(PATIENCE_SECONDS)
    assert [each.state for each in Delivery.objects.all()] == ["succeeded"] * 2
    assert (Attempt.objects.count(), len(receiver.requests)) == (2, 2)


@contextmanager
def running(receiver: Receiver) -> Iterator[Engine]:
    """An engine in a thread of its own, as a worker has it."""
    stopping, engine = threading.Event(), Engine(wake=lambda lanes: None)
    worker = threading.Thread(target=engine.run, args=(stopping,), daemon=True)
    worker.start()
    try:
        yield engine
    finally:
        stopping.set()
        engine.notify([])
        worker.join(PATIENCE_SECONDS)


def meets_a_lock(hand: psycopg.Connection[tuple[object, ...]], logs: list[dict[str, object]]) -> bool:
    """Whether somebody has come upon what is locked by hand, and waits for it or has gone on."""
    gone_on = any(each["event"] == "row_locked" for each in logs) or Alert.objects.exists()
    return gone_on or hand.execute(WAITED_FOR).fetchone() != (0,)


def ask_to_be_disabled(receiver: Receiver, endpoint: Endpoint) -> None:
    wish = {"webhook-delivery": "disable"}
    receiver.answer = lambda request: (200, wish if request.path == "/stuck" else {}, b"")


def lose_its_secret(receiver: Receiver, endpoint: Endpoint) -> None:
    """Nothing can be signed for the endpoint, and somebody asked for a delivery by hand."""
    receiver.answer = Script(500)
    serve(endpoint)
    receiver.answer = lambda request: (204, {}, b"")
    replace_secret(endpoint, ED25519.encode())
    redeliver(the_delivery(endpoint), actor="user:carol")


@pytest.mark.parametrize(
    ("table", "trouble"),
    [
        ("hookpost_endpoint", ask_to_be_disabled),
        ("hookpost_due_delivery", lose_its_secret),
    ],
)
def test_what_an_engine_writes_for_one_lane_waits_for_nobody_who_has_a_row_of_it_locked(
    receiver: Receiver, table: str, trouble: Callable[[Receiver, Endpoint], None]
) -> None:
    """Given a row that stays locked, then others are sent what comes after the engine has come upon it."""
    stuck = an_endpoint(f"{receiver.url}/stuck", signing="github" if trouble is lose_its_secret else "standard")
    other = an_endpoint(f"{receiver.url}/other")
    emit(stuck)
    trouble(receiver, stuck)
    column = "id" if table == "hookpost_endpoint" else "endpoint_id"
    with by_hand() as hand, capture_logs() as logs:
        hand.execute(f"SELECT FROM {table} WHERE {column} = %s FOR UPDATE", [stuck.id])
        with running(receiver) as engine:
            engine.notify([stuck.id])
            assert eventually(lambda: meets_a_lock(hand, logs))
            emit(other)
            engine.notify([other.id])
            assert eventually(lambda: the_delivery(other).state == "succeeded")
            hand.rollback()
            if trouble is ask_to_be_disabled:
                assert eventually(lambda: Endpoint.objects.get(id=stuck.id).state == "disabled")


def test_a_lane_whose_locked_row_cannot_name_what_goes_alone_sends_nothing_for_a_while(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Lane.objects.filter(endpoint=endpoint).update(crashes=2)
    lane, now = lease(endpoint), time.monotonic()
    marked: list[bool] = []

    def mark() -> None:
        sql.wait_for_no_long_lock()
        marked.append(has_marked(lane, lane.waiting[0], now, losses=2))
        connection.close()

    with by_hand() as hand:
        hand.execute("SELECT FROM hookpost_lane WHERE endpoint_id = %s FOR UPDATE", [endpoint.id])
        thread = threading.Thread(target=mark, daemon=True)
        thread.start()
        thread.join(PATIENCE_SECONDS)
    assert (marked, list(lane.waiting), lane.may_claim(now)) == ([False], [], False)


def arrived(lane: LeasedLane) -> LeasedLane:
    """A lane of which something has arrived that is not recorded."""
    outcome, answer = Outcome(state="succeeded"), answers.Answer(status=204)
    claimed = lane.waiting.popleft()
    lane.finish(Finished(claimed=claimed, started_at=datetime.now(UTC), answer=answer, outcome=outcome))
    return lane


@pytest.mark.parametrize("table", ["hookpost_lane", "hookpost_delivery"])
def test_what_is_recorded_together_is_recorded_without_the_lane_of_which_a_row_is_locked(
    receiver: Receiver, table: str
) -> None:
    endpoints = [an_endpoint(receiver.url) for _ in range(3)]
    for endpoint in endpoints:
        emit(endpoint)
    left: list[LeasedLane] = []

    def record(lanes: list[LeasedLane]) -> None:
        sql.wait_for_no_long_lock()
        left[:] = record_unlocked(lanes, now=time.monotonic(), give_back={}, clock=time.monotonic)[1]
        connection.close()

    leased, _ = Leases().take([endpoint.id for endpoint in endpoints], room=10, now=time.monotonic())
    lanes = [arrived(lane) for lane in leased]
    with by_hand() as hand:
        hand.execute(f"SELECT FROM {table} WHERE endpoint_id = %s FOR UPDATE", [lanes[1].endpoint_id])
        thread = threading.Thread(target=record, args=(lanes,), daemon=True)
        thread.start()
        thread.join(PATIENCE_SECONDS)
        assert left == [lanes[1]]
        pending = Delivery.objects.filter(state="pending")
        assert [each.endpoint_id for each in pending] == [lanes[1].endpoint_id]
    assert record_unlocked(left, now=time.monotonic(), give_back={}, clock=time.monotonic)[1] == ()
    assert Attempt.objects.count() == 3
