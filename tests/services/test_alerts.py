"""Alerts: each incident is noted once, by whoever meets it, in the transaction that it is part of."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from deliveries.engine import recorder
from deliveries.engine.dispatcher import Dispatcher, housekeeping
from deliveries.engine.lane import Lane as LeasedLane
from deliveries.engine.work import Finished
from deliveries.models import Alert, Attempt, Delivery, Endpoint, Lane
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.services.customers import delete_customer
from deliveries.services.endpoints import disable_endpoint, resume_endpoint
from deliveries.services.telling import alerts
from tests.engine.steps import Script, an_endpoint, emit, lease, let_time_pass, record, take_turn, the_delivery
from tests.receiver import Receiver
from tests.security.steps import set_ring
from tests.services.steps import Kind, failing, give_up, kinds_of
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_endpoint_that_failed_for_a_day_is_noted_once(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    since = failing(endpoint, hours=25)
    for _ in range(3):
        housekeeping()
    alert = Alert.objects.get()
    assert (alert.kind, alert.endpoint, alert.since) == (Kind.FAILING, endpoint, since)


@pytest.mark.parametrize("hours", [0.1, 23.9])
def test_an_endpoint_that_failed_for_less_than_a_day_is_not_noted(hours: float, receiver: Receiver) -> None:
    failing(an_endpoint(receiver.url), hours=hours)
    housekeeping()
    assert not Alert.objects.exists()


def test_how_long_is_a_setting(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "alert_after_hours", 2)
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=3)
    housekeeping()
    assert kinds_of(endpoint) == [Kind.FAILING]


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_an_endpoint_that_is_not_sent_to_is_not_noted(state: str, receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=25)
    Endpoint.objects.update(state=state)
    housekeeping()
    assert not Alert.objects.exists()


def test_an_endpoint_that_fails_again_after_it_worked_is_noted_again(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    for hours in (40, 30):
        failing(endpoint, hours=hours)
        housekeeping()
    assert kinds_of(endpoint) == [Kind.FAILING, Kind.FAILING]


def test_the_alert_comes_before_the_endpoint_is_disabled(receiver: Receiver) -> None:
    """Given a dispatcher that was away for a week, then the warning is still told first."""
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=7 * 24)
    housekeeping()
    assert kinds_of(endpoint) == [Kind.FAILING, Kind.DISABLED]
    assert Alert.objects.get(kind=Kind.DISABLED).reason == "no delivery has arrived for 5 days"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((410, {}, b""), "the endpoint answered 410 Gone"),
        (
            (200, {"webhook-delivery": "disable"}, b""),
            "the endpoint asked for it with the header webhook-delivery: disable",
        ),
    ],
)
def test_an_endpoint_that_has_itself_disabled_is_noted(answer: Any, reason: str, receiver: Receiver) -> None:
    receiver.answer = Script(answer)
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    take_turn(endpoint)
    assert Alert.objects.get(kind=Kind.DISABLED).reason == reason


def test_an_endpoint_that_somebody_disables_is_not_noted(receiver: Receiver) -> None:
    disable_endpoint(an_endpoint(receiver.url), actor="user:alice", reason="not needed")
    assert not Alert.objects.exists()


def test_each_time_that_an_endpoint_is_disabled_is_an_incident(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    for _ in range(2):
        disable_endpoint(endpoint, actor="system", reason="gone")
        resume_endpoint(endpoint, actor="user:alice")
    assert kinds_of(endpoint) == [Kind.DISABLED, Kind.DISABLED]


def test_deliveries_that_are_given_up_are_one_alert_a_day(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    for number in range(3):
        give_up(endpoint, receiver, number=number)
    assert Delivery.objects.filter(state="exhausted").count() == 3
    assert Alert.objects.get().kind == Kind.EXHAUSTED
    Alert.objects.update(created_at=datetime.now(UTC) - timedelta(hours=25), since="2020-01-01T00:00:00Z")
    give_up(endpoint, receiver)
    assert kinds_of(endpoint) == [Kind.EXHAUSTED, Kind.EXHAUSTED]


def test_a_retry_that_waits_is_no_alert(receiver: Receiver) -> None:
    receiver.answer = Script(404)
    endpoint = an_endpoint(receiver.url, retry_schedule=[0, 60])
    emit(endpoint)
    take_turn(endpoint)
    assert not Alert.objects.exists()


def test_what_is_given_up_and_its_note_are_stored_together_or_not_at_all(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(given_up: object) -> None:
        raise OperationalError("the connection is lost")

    endpoint = an_endpoint(receiver.url)
    lane = finished_for_good(endpoint)
    with monkeypatch.context() as broken:
        broken.setattr(recorder, "note_exhausted", refuse)
        with pytest.raises(OperationalError):
            record(lane)
    assert (Attempt.objects.count(), the_delivery(endpoint).state) == (0, "pending")
    record(lane, released=True)
    assert (Attempt.objects.count(), the_delivery(endpoint).state) == (1, "exhausted")
    assert kinds_of(endpoint) == [Kind.EXHAUSTED]


def test_a_worker_that_came_too_late_notes_nothing(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    lane = finished_for_good(endpoint)
    Lane.objects.update(fence=lane.fence + 1)
    record(lane)
    assert Attempt.objects.count() == 1
    assert not Alert.objects.exists()


def test_a_keyring_that_does_not_fit_is_one_alert_for_all_lanes(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = [an_endpoint(receiver.url) for _ in range(3)]
    for endpoint in lanes:
        emit(endpoint)
    set_ring(monkeypatch, "other")
    for _ in range(2):
        for endpoint in lanes:
            let_time_pass(endpoint)
            take_turn(endpoint)
    alert = Alert.objects.get()
    assert (alert.kind, alert.endpoint) == (Kind.CANNOT_SEND, None)
    assert alert.reason.startswith("HOOKPOST_ENCRYPTION_KEYS: no key 't1'")
    assert receiver.requests == []


def test_an_endpoint_without_a_secret_is_an_alert_of_its_own(receiver: Receiver) -> None:
    lanes = [an_endpoint(receiver.url) for _ in range(2)]
    for endpoint in lanes:
        endpoint.secrets.all().delete()
        emit(endpoint)
        take_turn(endpoint)
        take_turn(endpoint)
        assert kinds_of(endpoint) == [Kind.CANNOT_SEND]
    assert {alert.reason for alert in Alert.objects.all()} == {"the endpoint has no secret"}


def test_alerts_go_with_their_customer(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=25)
    housekeeping()
    delete_customer(endpoint.customer, actor="user:root")
    housekeeping()
    Dispatcher(ring=lambda lanes: None, ring_all=lambda *, slow: None).tick()
    assert not Alert.objects.exists()


def test_old_alerts_are_forgotten_unless_their_incident_goes_on(receiver: Receiver) -> None:
    """Given an endpoint that is never disabled, then it is not noted again every month."""
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=25)
    alerts.note_failing()
    disable_endpoint(endpoint, actor="system", reason="gone")
    later = datetime.now(UTC) + timedelta(days=31)
    assert alerts.purge_alerts(now=later) == 1
    assert kinds_of(endpoint) == [Kind.FAILING]
    Lane.objects.update(failing_since=None)
    assert alerts.purge_alerts(now=later) == 1
    assert kinds_of(endpoint) == []


def test_noting_waits_for_nobody_who_resumes_the_endpoint(receiver: Receiver) -> None:
    """Given a resume that holds the endpoint and wants its lane, then what was given up is noted all the same."""
    endpoint = an_endpoint(receiver.url)
    lane = finished_for_good(endpoint)
    resumed = threading.Thread(target=partial(resume_when, lane_is_locked := threading.Event(), endpoint))
    with transaction.atomic():
        Lane.objects.select_for_update().get()
        resumed.start()
        assert lane_is_locked.wait(60)
        record(lane)
    resumed.join(60)
    assert not resumed.is_alive()
    assert kinds_of(endpoint) == [Kind.EXHAUSTED]


def resume_when(has_endpoint: threading.Event, endpoint: Endpoint) -> None:
    """Hold the endpoint, say so, then want the lane."""
    with transaction.atomic():
        Endpoint.objects.select_for_update().get()
        has_endpoint.set()
        Lane.objects.update(failures=0)
    connection.close()


def finished_for_good(endpoint: Endpoint) -> LeasedLane:
    """A leased lane with one delivery that is to be given up."""
    emit(endpoint)
    lane = lease(endpoint, room=1)
    lost = Outcome(state="exhausted", error="http_4xx")
    claimed = lane.waiting.popleft()
    lane.finish(Finished(claimed=claimed, started_at=datetime.now(UTC), answer=Answer(status=404), outcome=lost))
    return lane
