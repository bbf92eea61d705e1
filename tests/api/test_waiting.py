"""What callers see of deliveries that wait: why, until when, and what comes; and of endpoints, whether they work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deliveries.models import Delivery, DueDelivery, Endpoint, Lane
from deliveries.services.endpoints import disable_endpoint, pause_endpoint
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_due

pytestmark = pytest.mark.django_db

MAIN = "/customers/alice/endpoints/main"
SOON = timedelta(minutes=7)


def in_(span: timedelta) -> datetime:
    moment = datetime.now(UTC) + span
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def show(caller: Caller, delivery: Delivery) -> Any:
    """The delivery as a caller sees it, by itself and in a list."""
    shown = caller.get(f"/deliveries/{delivery.public_id}").json
    (listed,) = (each for each in caller.get("/deliveries").json["results"] if each["id"] == delivery.public_id)
    assert listed == shown
    return shown


def pending(tenant: Tenant, *, due_at: datetime, attempts: int = 1, **columns: Any) -> Delivery:
    """A delivery that waits for its next attempt."""
    delivery = log_delivery(tenant.endpoint, state="pending", attempts=attempts, next_attempt_at=due_at)
    log_due(delivery, due_at=due_at, attempts=attempts, **columns)
    return delivery


def test_a_retry_waits_for_its_moment_and_shows_what_comes_after(ops: Caller, alice: Tenant) -> None:
    Endpoint.objects.update(retry_schedule=[0, 60, 300, 3600])
    due_at = in_(SOON)
    shown = show(ops, pending(alice, due_at=due_at, attempts=2))
    assert shown["waiting_for"] == {"reason": "schedule", "until": shown["next_attempt_at"]}
    assert read(shown["next_attempt_at"]) == due_at
    assert [(each["number"], read(each["at"])) for each in shown["schedule"]] == [
        (3, due_at),
        (4, due_at + timedelta(hours=1)),
    ]


def test_what_is_due_now_waits_for_nothing_but_its_turn(ops: Caller, alice: Tenant) -> None:
    shown = show(ops, pending(alice, due_at=in_(-SOON), attempts=0))
    assert (shown["waiting_for"], shown["next_attempt_at"]) == ({"reason": "schedule"}, None)
    assert [each["number"] for each in shown["schedule"]] == list(range(1, 11))


def test_what_a_receiver_asked_to_wait_for_is_sent_when_it_said(ops: Caller, alice: Tenant) -> None:
    """Given `Retry-After: 3600`, then what was due before is sent after it, and nobody is told of an earlier time."""
    until = in_(timedelta(hours=1))
    Lane.objects.update(rest_until=until)
    shown = show(ops, pending(alice, due_at=in_(SOON)))
    assert (shown["waiting_for"]["reason"], read(shown["waiting_for"]["until"])) == ("resting", until)
    assert read(shown["next_attempt_at"]) == until
    endpoint = ops.get(MAIN).json
    assert (read(endpoint["resting_until"]), endpoint["resting_reason"]) == (until, "asked")


def test_nobody_can_say_when_what_waits_behind_a_probe_is_sent(ops: Caller, alice: Tenant) -> None:
    until = in_(timedelta(hours=1))
    Lane.objects.update(rest_until=until, opened=2, failures=9)
    shown = show(ops, pending(alice, due_at=in_(SOON)))
    assert (shown["waiting_for"]["reason"], read(shown["waiting_for"]["until"])) == ("resting", until)
    assert shown["next_attempt_at"] is None
    assert {each["at"] for each in shown["schedule"]} == {None}


def test_a_rest_that_ends_first_changes_nothing(ops: Caller, alice: Tenant) -> None:
    Lane.objects.update(rest_until=in_(SOON))
    due_at = in_(2 * SOON)
    assert read(show(ops, pending(alice, due_at=due_at))["next_attempt_at"]) == due_at


@pytest.mark.parametrize(("act", "reason"), [(pause_endpoint, "paused"), (disable_endpoint, "disabled")])
@pytest.mark.parametrize("state", ["pending", "held"])
def test_what_is_held_back_says_why(ops: Caller, alice: Tenant, act: Any, reason: str, state: str) -> None:
    delivery = pending(alice, due_at=in_(SOON))
    act(alice.endpoint, actor="user:carol")
    if state == "held":
        Delivery.objects.update(state="held")
        DueDelivery.objects.update(due_at=None)
    shown = show(ops, delivery)
    assert (shown["waiting_for"], shown["next_attempt_at"]) == ({"reason": reason}, None)


def test_what_left_the_queue_a_moment_ago_waits_for_nothing_else(ops: Caller, alice: Tenant) -> None:
    """Given a delivery whose outcome is recorded between two questions of a reader, then no false reason is shown."""
    shown = show(ops, log_delivery(alice.endpoint, state="pending"))
    assert (shown["waiting_for"], shown["next_attempt_at"]) == ({"reason": "schedule"}, None)


def test_a_backlog_drains_at_a_limited_rate(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="held")
    log_due(delivery, due_at=None)
    assert show(ops, delivery)["waiting_for"] == {"reason": "rate_limit"}


def test_behind_the_first_of_an_ordered_endpoint_the_others_wait_for_order(ops: Caller, alice: Tenant) -> None:
    """Given an ordered endpoint that rests until its first delivery is tried again, then only that one waits for it."""
    Endpoint.objects.update(ordered=True)
    until = in_(SOON)
    Lane.objects.update(rest_until=until, failing_since=in_(-SOON), failures=1)
    first = pending(alice, due_at=in_(-2 * SOON))
    second = pending(alice, due_at=in_(-SOON), attempts=0)
    shown = show(ops, first)
    assert (shown["waiting_for"]["reason"], read(shown["next_attempt_at"])) == ("schedule", until)
    shown = show(ops, second)
    assert (shown["waiting_for"], shown["next_attempt_at"]) == ({"reason": "order"}, None)


def test_a_rate_limit_is_what_the_rest_waits_for(ops: Caller, alice: Tenant) -> None:
    Endpoint.objects.update(rate_limit=5)
    Lane.objects.update(tokens=0, tokens_at=in_(timedelta(0)))
    delivery = pending(alice, due_at=in_(-SOON))
    assert show(ops, delivery)["waiting_for"] == {"reason": "rate_limit"}
    Lane.objects.update(tokens_at=in_(-SOON))
    assert show(ops, delivery)["waiting_for"] == {"reason": "schedule"}


@pytest.mark.parametrize("state", ["succeeded", "exhausted", "cancelled"])
def test_what_is_over_waits_for_nothing(ops: Caller, alice: Tenant, state: str) -> None:
    shown = show(ops, log_delivery(alice.endpoint, state=state, next_attempt_at=in_(SOON)))
    assert (shown["waiting_for"], shown["next_attempt_at"], shown["schedule"]) == (None, None, [])


def test_a_list_asks_as_many_questions_for_many_that_wait_as_for_one(ops: Caller, alice: Tenant) -> None:
    Endpoint.objects.update(ordered=True)
    pending(alice, due_at=in_(SOON))
    ops.get("/deliveries")
    with CaptureQueriesContext(connection) as one:
        ops.get("/deliveries")
    for _ in range(5):
        pending(alice, due_at=in_(SOON))
    with CaptureQueriesContext(connection) as many:
        assert len(ops.get("/deliveries").json["results"]) == 6
    assert len(many) == len(one) > 0


def test_an_endpoint_says_whether_its_deliveries_arrive(ops: Caller, alice: Tenant) -> None:
    unknown = {"state": "unknown", "since": None, "share_24h": None, "error": None}
    assert ops.get(MAIN).json["health"] == unknown
    assert ops.get(MAIN).json["resting_until"] is None
    log_delivery(alice.endpoint, status_code=204)
    log_delivery(alice.endpoint, state="exhausted", status_code=401, error="http_4xx")
    assert ops.get(MAIN).json["health"] == {"state": "healthy", "since": None, "share_24h": 0.5, "error": "http_4xx"}
    since = in_(-SOON)
    Lane.objects.update(failing_since=since)
    (listed,) = ops.get("/customers/alice/endpoints").json["results"]
    assert (listed["health"]["state"], read(listed["health"]["since"])) == ("failing", since)
    assert "health" in ops.post("/customers/alice/endpoints", {"url": alice.endpoint.url}).json
