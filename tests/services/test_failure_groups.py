"""Failure groups: counted once from the log, over by themselves, sent again as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from deliveries.models import Attempt, Customer, Delivery, Endpoint, Event, FailureGroup
from deliveries.models.base import new_id
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.services.customers import create_customer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.housekeeping import rollup
from deliveries.services.purge import purge_rows
from deliveries.services.resending import failure_groups as failures
from deliveries.services.resending.failure_groups import GroupState
from tests.reading import rows_read

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Customer:
    return create_customer({"name": "Acme"}, actor="system")


@pytest.fixture
def endpoint(acme: Customer, receiver_ports: list[int]) -> Endpoint:
    return create_endpoint(acme, {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor="system")[0]


def a_delivery(endpoint: Endpoint, *, state: str = "exhausted", status: int | None = 401) -> Delivery:
    """A delivery of this endpoint that was tried."""
    now = timezone.now()
    event = Event.objects.create(customer=endpoint.customer, type="a.b", body=b"{}", created_at=now)
    error = "" if state == "succeeded" else "http_4xx" if status else "connect_refused"
    return Delivery.objects.create(
        id=new_id(),
        event=event,
        endpoint=endpoint,
        customer=endpoint.customer,
        event_type="a.b",
        state=state,
        attempts=1,
        error=error,
        status_code=status,
        created_at=now,
        failed_at=now if state == "exhausted" else None,
    )


def tried(
    delivery: Delivery, *, number: int | None = 1, status: int | None = 401, error: str = "http_4xx", ago: float = 0
) -> Attempt:
    """An attempt of it, so many seconds ago."""
    at = timezone.now() - timedelta(seconds=ago)
    values = {"number": number, "status_code": status, "error": error, "started_at": at, "duration_ms": 5}
    return Attempt.objects.create(id=new_id(), delivery=delivery, endpoint=delivery.endpoint, **values)


def count() -> dict[tuple[str, int], tuple[int, int]]:
    """Count what came since, and return deliveries and attempts of each group."""
    rollup.roll_up(lag_seconds=-600)  # by the time at which the test began, which may be long ago
    rows = FailureGroup.objects.all()
    return {(row.error, row.status_code): (row.deliveries, row.attempts) for row in rows}


def only_group() -> FailureGroup:
    return failures.with_arrivals(FailureGroup.objects.all()).get()


def standing() -> GroupState:
    """How the only group stands, as its page and as the sections of other pages have it."""
    (listed,) = failures.failing(OPERATOR)
    assert listed.state == failures.state_of(only_group())
    return listed.state


def test_failures_are_grouped_by_endpoint_error_and_status(endpoint: Endpoint) -> None:
    for status in (401, 401, 404):
        tried(a_delivery(endpoint, status=status), status=status)
    tried(a_delivery(endpoint, status=None), status=None, error="connect_refused")
    tried(a_delivery(endpoint, state="succeeded"), status=204, error="")
    assert count() == {("http_4xx", 401): (2, 2), ("http_4xx", 404): (1, 1), ("connect_refused", 0): (1, 1)}


def test_a_delivery_counts_once_however_often_it_is_tried(endpoint: Endpoint) -> None:
    delivery = a_delivery(endpoint)
    tried(delivery)
    assert count() == {("http_4xx", 401): (1, 1)}
    tried(delivery, number=2)
    tried(delivery, number=None)
    assert count() == {("http_4xx", 401): (1, 3)}


def test_a_delivery_that_fails_otherwise_counts_in_both_groups(endpoint: Endpoint) -> None:
    delivery = a_delivery(endpoint)
    tried(delivery)
    tried(delivery, number=2, status=None, error="connect_refused")
    assert count() == {("http_4xx", 401): (1, 1), ("connect_refused", 0): (1, 1)}


def test_nothing_is_counted_twice(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    assert count() == {("http_4xx", 401): (1, 1)}


def test_a_group_knows_its_first_its_last_and_an_example(endpoint: Endpoint) -> None:
    first, last = a_delivery(endpoint), a_delivery(endpoint)
    tried(first, ago=60)
    tried(last)
    count()
    row = only_group()
    assert (row.oldest_id, row.example_id, row.customer_id) == (first.id, last.id, endpoint.customer_id)
    assert row.last_at - row.first_at > timedelta(seconds=59)


def aged(row: FailureGroup, ago: timedelta) -> datetime:
    """Let a group have failed that long ago only."""
    at = timezone.now() - ago
    FailureGroup.objects.filter(pk=row.pk).update(first_at=at, last_at=at)
    return at


def test_a_group_that_was_silent_for_days_begins_anew_and_is_open(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    failures.acknowledge(only_group(), actor="user:alice", reason="known")
    assert standing() == GroupState.ACKNOWLEDGED
    old = aged(only_group(), rollup.QUIET + timedelta(hours=1))
    tried(a_delivery(endpoint))
    assert count() == {("http_4xx", 401): (1, 1)}
    assert only_group().first_at > old
    assert standing() == GroupState.OPEN


def test_a_group_that_goes_on_stays_acknowledged(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    failures.acknowledge(only_group(), actor="user:alice")
    tried(a_delivery(endpoint))
    assert count() == {("http_4xx", 401): (2, 2)}
    assert standing() == GroupState.ACKNOWLEDGED
    failures.reopen(only_group(), actor="user:alice")
    assert standing() == GroupState.OPEN


def test_a_group_is_over_when_something_arrived_and_it_is_silent(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    aged(only_group(), timedelta(minutes=30))
    assert standing() == GroupState.OPEN
    tried(a_delivery(endpoint, state="succeeded"), status=204, error="")
    count()
    assert standing() == GroupState.OVER


@pytest.mark.parametrize("state", ["disabled", "paused"])
@pytest.mark.parametrize(("minutes", "stands"), [(31, GroupState.OPEN), (5, GroupState.OVER)])
def test_a_group_whose_endpoint_was_stopped_with_it_is_not_over(
    endpoint: Endpoint, state: str, minutes: int, stands: GroupState
) -> None:
    """Given an endpoint that a 410 disabled while others arrived, then silence is no news; long after it, it is."""
    tried(a_delivery(endpoint))
    tried(a_delivery(endpoint, state="succeeded"), status=204, error="")
    count()
    aged(only_group(), timedelta(minutes=30))
    stopped_at = timezone.now() - timedelta(minutes=minutes)
    Endpoint.objects.filter(pk=endpoint.pk).update(state=state, state_changed_at=stopped_at)
    assert standing() == stands
    rows = failures.with_arrivals(FailureGroup.objects.filter(error="http_4xx"))
    assert [failures.in_state(rows, each).count() for each in (stands, *(set(GroupState) - {stands}))] == [1, 0, 0]


def test_all_that_has_not_arrived_is_sent_again(endpoint: Endpoint) -> None:
    for state in ("exhausted", "exhausted", "pending"):
        tried(a_delivery(endpoint, state=state))
    tried(a_delivery(endpoint, status=404), status=404)
    gone_well = a_delivery(endpoint)
    tried(gone_well)
    Delivery.objects.filter(pk=gone_well.pk).update(state="succeeded", error="", status_code=200)
    count()
    row = failures.with_arrivals(FailureGroup.objects.filter(status_code=401)).get()
    assert row.deliveries == 4
    assert failures.count_of(row).number == 3
    job = failures.redeliver_group(row, actor="user:alice", reason="mended", by_operator=True)
    assert (job.total, job.reason, job.customer) == (3, "mended", endpoint.customer)
    assert failures.last_job(row) == job


def test_what_failed_like_this_long_before_is_not_sent_again(endpoint: Endpoint) -> None:
    old = a_delivery(endpoint)
    Delivery.objects.filter(pk=old.pk).update(error="http_4xx", status_code=401)
    tried(a_delivery(endpoint))
    count()
    assert failures.count_of(only_group()).number == 1


def test_another_customers_failures_are_not_seen(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    other = create_customer({"name": "Globex"}, actor="system")
    assert failures.failing(Viewer(other.pk)) == []
    assert len(failures.failing(Viewer(endpoint.customer_id))) == len(failures.failing(OPERATOR)) == 1


def test_groups_are_forgotten_after_the_log(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    purge_rows()
    assert FailureGroup.objects.count() == 1
    aged(only_group(), timedelta(days=400))
    purge_rows()
    assert FailureGroup.objects.count() == 0


def test_a_page_of_groups_is_found_by_indexes_whatever_the_tables_hold(endpoint: Endpoint) -> None:
    tried(a_delivery(endpoint))
    count()
    rows = failures.with_arrivals(FailureGroup.objects.filter(customer_id=endpoint.customer_id)).order_by("-last_at")[
        :10
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = rows.explain()
    assert "failure_group_by_customer" in plan
    assert "Seq Scan on hookpost_endpoint_hour" not in plan


def test_the_newest_are_chosen_before_anything_is_joined_to_them(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given many groups, the newest of them of endpoints that were deleted."""
    monkeypatch.setattr(failures, "NEWEST_LIVING", 3)
    now = datetime.now(UTC)
    others = [Endpoint(customer_id=endpoint.customer_id, url=endpoint.url) for _ in range(12)]
    for each in others[:6]:
        each.deleted_at = now
    Endpoint.objects.bulk_create(others)
    same: dict[str, Any] = {"error": "http_5xx", "status_code": 500, "deliveries": 1, "attempts": 1, "first_at": now}
    ids: dict[str, Any] = {"customer_id": endpoint.customer_id, "oldest_id": endpoint.id, "example_id": endpoint.id}
    FailureGroup.objects.bulk_create(
        FailureGroup(endpoint=each, last_at=now - timedelta(minutes=place), **ids, **same)
        for place, each in enumerate(others)
    )
    with rows_read("hookpost_endpoint") as endpoints, rows_read("hookpost_customer") as customers:
        found = failures.failing(OPERATOR, limit=2)
    assert [each.row.endpoint_id for each in found] == [each.id for each in others[6:8]]
    assert (endpoints.rows, customers.rows) == (9, 3), "those that were deleted, and the newest of the others"
    monkeypatch.setattr(failures, "NEWEST", 7)
    assert [each.row.endpoint_id for each in failures.failing(OPERATOR)] == [others[6].id]
