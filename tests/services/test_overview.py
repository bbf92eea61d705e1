"""The front page's figures come from the roll-up: of the viewer's own endpoints, by hour and day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Customer, Endpoint, Lane
from deliveries.models.rollup import ALL_ENDPOINTS
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.housekeeping import rollup
from deliveries.services.reading import stats
from deliveries.services.reading.overview import SPANS, attempt_totals, percentile, strips_of
from deliveries.services.reading.stats import oldest_due
from tests.api.logs import log_delivery, log_due
from tests.reading import rows_read
from tests.services.steps import an_hour_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def endpoint(receiver_ports: list[int]) -> Endpoint:
    customer = Customer.objects.create(name="Alice")
    return create_endpoint(customer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/"}, actor="system")[0]


def more_endpoints(endpoint: Endpoint, number: int) -> list[Endpoint]:
    """So many more of the same customer, with their lanes."""
    more = [Endpoint(customer_id=endpoint.customer_id, url=endpoint.url) for _ in range(number)]
    Endpoint.objects.bulk_create(more)
    Endpoint.objects.update(state_changed_at=datetime.now(UTC) - timedelta(days=1))
    Lane.objects.bulk_create([Lane(endpoint=each) for each in more])
    return more


def count(owner: object, hours_ago: int, *, attempts: int, error: str = "", status: int = 204, slot: int = 2) -> None:
    """Attempts of an hour, all of which took as long."""
    at = NOW.replace(minute=0) - hours_ago * HOUR
    an_hour_of(owner, at, attempts=attempts, error=error, status=status, slot=slot)


def test_outcomes_are_told_by_hour_and_by_how_they_ended(endpoint: Endpoint) -> None:
    count(ALL_ENDPOINTS, 0, attempts=6)
    count(ALL_ENDPOINTS, 0, attempts=1, error="http_4xx", status=404)
    count(ALL_ENDPOINTS, 23, attempts=2, error="http_5xx", status=500)
    count(ALL_ENDPOINTS, 23, attempts=1, error="connect_refused", status=0)
    count(ALL_ENDPOINTS, 24, attempts=100)  # before the span
    found = attempt_totals(OPERATOR, SPANS["24h"], now=NOW)
    assert (found.attempts, found.arrived_share) == (10, 0.6)
    assert len(found.columns) == 24
    assert found.columns[-1].counts == {"arrived": 6, "refused": 1, "failed": 0, "unanswered": 0}
    assert found.columns[0].counts == {"arrived": 0, "refused": 0, "failed": 2, "unanswered": 1}
    assert found.columns[0].at == NOW.replace(minute=0) - 23 * HOUR


def test_a_month_is_told_by_day(endpoint: Endpoint) -> None:
    count(ALL_ENDPOINTS, 0, attempts=3)
    count(ALL_ENDPOINTS, 1, attempts=4)
    count(ALL_ENDPOINTS, 29 * 24, attempts=5)
    found = attempt_totals(OPERATOR, SPANS["30d"], now=NOW)
    assert len(found.columns) == 30
    assert [each.counts["arrived"] for each in found.columns if each.counts["arrived"]] == [5, 7]
    assert len(attempt_totals(OPERATOR, SPANS["7d"], now=NOW).columns) == 7 * 24


def test_a_customer_sees_what_is_of_its_own_endpoints(endpoint: Endpoint) -> None:
    count(endpoint.id, 0, attempts=3)
    count(ALL_ENDPOINTS, 0, attempts=50)
    assert attempt_totals(Viewer(endpoint.customer_id), SPANS["24h"], now=NOW).attempts == 3
    other = Customer.objects.create(name="Bob")
    nothing = attempt_totals(Viewer(other.id), SPANS["24h"], now=NOW)
    assert (nothing.attempts, nothing.arrived_share, nothing.p50_ms) == (0, None, None)


def test_the_totals_of_a_customer_cost_the_same_however_many_endpoints_it_has(endpoint: Endpoint) -> None:
    for each in (endpoint, *more_endpoints(endpoint, 40)):
        for hours_ago in range(5):
            moment = NOW.replace(minute=0) - hours_ago * HOUR
            an_hour_of(each.id, moment, attempts=2, sums=False)
    rollup.sum_customers(NOW)
    with rows_read("hookpost_endpoint%") as read:
        found = attempt_totals(Viewer(endpoint.customer_id), SPANS["24h"], now=NOW)
    assert found.attempts == 2 * 41 * 5
    assert read.rows <= 5


def test_hours_that_were_counted_before_customers_had_sums_are_summed_by_and_by_and_once(endpoint: Endpoint) -> None:
    viewer = Viewer(endpoint.customer_id)
    second = more_endpoints(endpoint, 1)[0]
    for each in (endpoint, second):
        for days in range(3):
            an_hour_of(each.id, NOW.replace(minute=0) - timedelta(days=days), attempts=1 + days, slot=4, sums=False)
    seen = []
    for _ in range(4):
        rollup.sum_customers(NOW)
        seen.append(attempt_totals(viewer, SPANS["7d"], now=NOW).attempts)
    assert seen == [2, 6, 12, 12]
    assert attempt_totals(viewer, SPANS["7d"], now=NOW).p50_ms == 175
    for _ in range(40):
        rollup.sum_customers(NOW)
    with rows_read("hookpost_endpoint%") as read:
        rollup.sum_customers(NOW)
    assert read.rows == 0, "it is over"
    assert attempt_totals(viewer, SPANS["7d"], now=NOW).attempts == 12


def test_durations_are_read_off_the_steps_that_are_counted() -> None:
    assert percentile([0] * 11, 0.5) is None
    assert percentile([0, 0, 10, *[0] * 8], 0.5) == 38  # half of the way from 25 to 50 ms
    assert percentile([90, *[0] * 9, 10], 0.95) == 10_000
    assert percentile([10, 10, *[0] * 9], 0.5) == 10


def test_a_strip_has_an_hour_for_each_of_the_last_day(endpoint: Endpoint) -> None:
    count(endpoint.id, 0, attempts=3)
    count(endpoint.id, 23, attempts=2, error="http_5xx", status=500)
    (hours,) = strips_of([endpoint.id], now=NOW).values()
    assert len(hours) == 24
    assert (hours[0].failed, hours[0].arrived, hours[-1].arrived, hours[5].arrived) == (2, 0, 3, 0)
    assert strips_of([], now=NOW) == {}


def test_the_oldest_due_is_the_viewers_own(endpoint: Endpoint) -> None:
    log_due(log_delivery(endpoint, state="pending"), due_at=datetime.now(UTC) - timedelta(minutes=10))
    other = Customer.objects.create(name="Bob")
    mine = oldest_due(Viewer(endpoint.customer_id))
    assert 590 < mine.seconds < 700
    assert not mine.is_cut
    assert oldest_due(Viewer(other.id)) == (0, False)


@pytest.mark.parametrize("who", ["operator", "customer"])
def test_of_very_many_endpoints_the_oldest_due_is_told_of_some(
    who: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = OPERATOR if who == "operator" else Viewer(endpoint.customer_id)
    lanes = [endpoint, *more_endpoints(endpoint, 7)]
    for each in lanes:
        for _ in range(3):
            log_due(log_delivery(each, state="pending"), due_at=datetime.now(UTC) - timedelta(minutes=10))
    assert oldest_due(viewer).is_cut is False
    monkeypatch.setattr(stats, "LOOKED_AT", 4)
    with rows_read("hookpost_due_delivery") as read:
        found = oldest_due(viewer)
    assert found.is_cut
    assert 590 < found.seconds < 700
    assert 4 <= read.rows <= 8, "one of each, and one to jump to the next"
