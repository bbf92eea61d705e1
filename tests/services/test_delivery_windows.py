"""Keeping delivery windows: paused outside, resumed and drained inside, and nobody is overruled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliveries.engine.backlogs import hold_backlogs, release_backlogs
from deliveries.engine.dispatcher import housekeeping
from deliveries.models import AuditEntry, Delivery, DueDelivery, Endpoint, Lane
from deliveries.services.delivery_windows import OUTSIDE, end_windows, keep_windows
from deliveries.services.endpoints import disable_endpoint, pause_endpoint, resume_endpoint, update_endpoint
from tests.engine.steps import an_endpoint, emit, take_turn
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"}
NIGHT, DAY = datetime(2026, 3, 30, 3, tzinfo=UTC), datetime(2026, 3, 30, 9, tzinfo=UTC)


@pytest.fixture
def office(receiver: Receiver) -> Endpoint:
    return an_endpoint(receiver.url, delivery_window=WINDOW)


def state(endpoint: Endpoint) -> tuple[str, str]:
    endpoint.refresh_from_db()
    return endpoint.state, endpoint.state_reason


def test_what_comes_outside_of_the_window_waits_and_is_sent_when_it_opens(office: Endpoint, receiver: Receiver) -> None:
    """Given a night and a morning, then what came in the night is held until the window opens, and then drains."""
    emit(office)  # due at the moment when the window closes
    assert keep_windows(now=NIGHT) == 1
    assert keep_windows(now=NIGHT) == 0
    emit(office, number=2)
    hold_backlogs()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"held"}
    take_turn(office)
    assert receiver.requests == []
    assert state(office) == ("paused", OUTSIDE)
    assert keep_windows(now=DAY) == 1
    assert state(office)[0] == "enabled"
    release_backlogs()
    take_turn(office)
    assert len(receiver.requests) == 2
    assert not DueDelivery.objects.exists()
    told = AuditEntry.objects.filter(actor="system", object_id=office.public_id).order_by("id")
    assert list(told.values_list("action", flat=True)) == ["endpoint.pause", "endpoint.resume"]


@pytest.mark.parametrize("end", ["pause", "disable"])
def test_who_pauses_or_disables_is_not_overruled(end: str, office: Endpoint) -> None:
    (pause_endpoint if end == "pause" else disable_endpoint)(office, actor="user:bob", reason="maintenance")
    for moment in (NIGHT, DAY):
        assert keep_windows(now=moment) == 0
    assert state(office)[1] == "maintenance"


def test_who_resumes_outside_of_the_window_is_overruled(office: Endpoint) -> None:
    keep_windows(now=NIGHT)
    resume_endpoint(office, actor="user:bob")
    assert keep_windows(now=NIGHT) == 1
    assert state(office) == ("paused", OUTSIDE)


@pytest.mark.parametrize("odd", [{"timezone": "Europe/Atlantis"}, {"from": "0\u0668:00"}])
def test_a_window_that_cannot_be_read_keeps_no_other_open(receiver: Receiver, odd: dict[str, str]) -> None:
    """Given a window of a zone that this host does not know, or of a release that took any digits."""
    unread = an_endpoint(receiver.url, delivery_window=WINDOW)
    office = an_endpoint(receiver.url, delivery_window=WINDOW)
    Endpoint.objects.filter(pk=unread.pk).update(delivery_window=WINDOW | odd)
    assert keep_windows(now=NIGHT) == 1
    assert (state(unread)[0], state(office)[0]) == ("enabled", "paused")


def test_an_opening_is_no_repair(office: Endpoint) -> None:
    since = datetime.now(UTC) - timedelta(days=3)
    Lane.objects.update(failing_since=since)
    keep_windows(now=NIGHT)
    keep_windows(now=DAY)
    assert Lane.objects.get().failing_since == since


@pytest.mark.parametrize(("reason", "rests"), [("asked", True), ("down", True), ("order", False)])
@pytest.mark.parametrize("end", ["opens", "ends"])
def test_a_rest_that_the_receiver_asked_for_outlasts_the_window(
    end: str, reason: str, rests: bool, office: Endpoint
) -> None:
    """Given a receiver that wants to be left alone for a day, then an opening in the morning keeps to that."""
    until = datetime.now(UTC) + timedelta(days=1)
    keep_windows(now=NIGHT)
    Lane.objects.update(rest_until=until, rest_reason=reason, failures=7, opened=2)
    if end == "ends":
        update_endpoint(office, {"delivery_window": None}, actor="user:bob")
    assert (keep_windows(now=DAY) if end == "opens" else end_windows()) == 1
    lane = Lane.objects.get()
    assert (lane.rest_until, lane.failures, lane.opened) == (until if rests else None, 7, 2)
    assert state(office)[0] == "enabled"


def test_without_its_window_an_endpoint_goes_on(office: Endpoint) -> None:
    keep_windows(now=NIGHT)
    update_endpoint(office, {"delivery_window": None}, actor="user:bob")
    housekeeping()
    assert state(office)[0] == "enabled"


def test_an_endpoint_without_a_window_is_left_alone(receiver: Receiver) -> None:
    endpoint: Any = an_endpoint(receiver.url)
    assert keep_windows(now=NIGHT) == 0
    assert state(endpoint)[0] == "enabled"
