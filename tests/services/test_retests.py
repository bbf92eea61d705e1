"""Retests: what was disabled for failing is tried by itself, rarely, and enabled again when it answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from deliveries.engine.dispatcher import disable_failing, housekeeping
from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Endpoint, Retest
from deliveries.services.endpoints import delete_endpoint, disable_endpoint, resume_endpoint
from deliveries.services.retests import RETESTED, retest_disabled
from tests.engine.steps import Script, an_endpoint, emit, take_turn
from tests.pages.conftest import logged_in
from tests.receiver import Receiver
from tests.services.steps import failing
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def for_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "retest_days", 7)


@pytest.fixture
def dead(receiver: Receiver) -> Endpoint:
    """An endpoint that was just disabled for failing, with an event that waits for it."""
    endpoint = an_endpoint(receiver.url)
    failing(endpoint, hours=7 * 24)
    assert disable_failing() == 1
    emit(endpoint)
    return Endpoint.objects.get(id=endpoint.id)


def retest(endpoint: Endpoint) -> Retest:
    return Retest.objects.get(endpoint=endpoint)


def let_it_be_due(endpoint: Endpoint) -> None:
    Retest.objects.filter(endpoint=endpoint).update(next_at=datetime.now(UTC) - HOUR)


def test_what_answers_again_is_enabled_and_the_log_shows_why(dead: Endpoint, receiver: Receiver) -> None:
    """Given an endpoint that was disabled for failing, when a retest arrives, then its backlog goes on."""
    assert retest_disabled() == 0  # not at once
    receiver.answer = Script(500, 204)
    for number in (1, 2):
        let_it_be_due(dead)
        assert retest_disabled() == 1
        take_turn(dead)
        assert (retest(dead).tries, len(receiver.requests)) == (number, number)
    housekeeping()
    dead.refresh_from_db()
    delivery = Delivery.objects.get(event_type="hookpost.test")
    assert (dead.state, delivery.state, delivery.attempts) == ("enabled", "succeeded", 2)
    assert {(each.actor, each.reason) for each in Attempt.objects.all()} == {("system", RETESTED)}
    entry = AuditEntry.objects.get(action="endpoint.resume")
    assert (entry.actor, entry.reason) == ("system", f"the retest {delivery.public_id} arrived")
    assert not Retest.objects.exists()


def test_retests_come_at_growing_distances_and_end(dead: Endpoint, receiver: Receiver) -> None:
    """Given an endpoint that stays dead, then all its retests are one delivery, and some day there are no more."""
    receiver.answer = Script(500)
    distances = [round((retest(dead).next_at - datetime.now(UTC)) / HOUR)]
    for _ in range(6):
        let_it_be_due(dead)
        retest_disabled()
        assert retest_disabled() == 0
        distances.append(round((retest(dead).next_at - datetime.now(UTC)) / HOUR))
        take_turn(dead)
    assert distances == [1, 2, 4, 8, 16, 24, 24]
    assert Delivery.objects.filter(event_type="hookpost.test").count() == 1
    long_ago = datetime.now(UTC) - timedelta(days=8)
    Endpoint.objects.update(state_changed_at=long_ago)
    Retest.objects.update(disabled_at=long_ago)
    let_it_be_due(dead)
    assert retest_disabled() == 0
    assert not Retest.objects.exists()
    assert Delivery.objects.get(event_type="hookpost.test").state == "cancelled"
    assert DueDelivery.objects.count() == 1  # what waits for whoever resumes it


@pytest.mark.parametrize("act", ["resume", "delete", "disable"])
def test_who_deals_with_the_endpoint_ends_its_retests(act: str, dead: Endpoint, receiver: Receiver) -> None:
    let_it_be_due(dead)
    retest_disabled()
    resume_endpoint(dead, actor="user:bob")
    if act == "delete":
        delete_endpoint(dead, actor="user:bob")
    elif act == "disable":
        disable_endpoint(dead, actor="user:bob", reason="by hand")
    let_it_be_due(dead)
    assert retest_disabled() == 0
    assert not Retest.objects.exists()


def test_what_a_person_or_a_410_disabled_is_left_alone(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    disable_endpoint(endpoint, actor="system", reason="the endpoint answered 410 Gone")
    assert not Retest.objects.exists()


def test_by_default_nothing_is_retested(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "retest_days", 0)
    failing(an_endpoint(receiver.url), hours=7 * 24)
    assert disable_failing() == 1
    assert not Retest.objects.exists()


def test_the_page_says_when_it_is_tried(dead: Endpoint) -> None:
    browser = logged_in(User.objects.create_superuser("root"))
    page = browser.get(f"/admin/deliveries/endpoint/{dead.public_id}/change/").content.decode()
    assert "It is tried by itself at" in page
    assert "none yet" in page
