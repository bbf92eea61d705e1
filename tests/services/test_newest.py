"""What the front page lists and counts: of the viewer's own, bounded, and none of it spoiled by another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from deliveries import sql
from deliveries.models import Alert, Customer, Endpoint
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.endpoints import create_endpoint, delete_endpoint, disable_endpoint, pause_endpoint
from deliveries.services.reading import newest
from deliveries.services.reading.newest import counts_for, newest_alerts, newest_given_up, newest_stopped
from deliveries.sql.summary_rows import OverviewCountsRow
from tests.api.logs import log_delivery
from tests.reading import rows_read

pytestmark = pytest.mark.django_db

NOBODY = Viewer(uuid4())
DAY = timedelta(days=1)


@pytest.fixture
def endpoint(shop: Endpoint) -> Endpoint:
    return shop


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def another(endpoint: Endpoint, place: int = 1) -> Endpoint:
    return create_endpoint(endpoint.customer, {"url": f"https://93.184.216.34/{place}"}, actor="system")[0]


def counted(viewer: Viewer = OPERATOR, *, limit: int = 10) -> OverviewCountsRow:
    return counts_for(viewer, since=datetime.now(UTC) - DAY, limit=limit, seconds=60)


def test_each_figure_counts_its_own_and_each_viewers(endpoint: Endpoint, now: datetime) -> None:
    """Given one endpoint of each kind, and one of each that was stopped or deleted since, then each counts once."""
    failing, resting, stopped, gone = (another(endpoint, place) for place in range(4))
    for each in (failing, stopped, gone):
        each.lane.failing_since = now
        each.lane.save()
    for each, until in ((resting, 60), (stopped, 60), (gone, 60), (endpoint, -60)):
        each.lane.rest_until = now + timedelta(seconds=until)
        each.lane.save()
    pause_endpoint(stopped, actor="system")
    disable_endpoint(another(endpoint, 5), actor="system")
    delete_endpoint(gone, actor="system")
    for state in ("exhausted", "exhausted", "exhausted", "cancelled"):
        log_delivery(endpoint, state=state)
    mine = Viewer(endpoint.customer_id)
    assert counted() == counted(mine) == OverviewCountsRow(given_up=3, failing=1, resting=1, stopped=2)
    assert counted(NOBODY) == OverviewCountsRow(given_up=0, failing=0, resting=0, stopped=0)


def test_what_was_given_up_is_counted_and_listed_since_then_alone(endpoint: Endpoint, now: datetime) -> None:
    log_delivery(endpoint, state="exhausted", age=DAY + timedelta(minutes=1))
    new = log_delivery(endpoint, state="exhausted")
    assert counted().given_up == 1
    (row,) = newest_given_up(OPERATOR, since=now - DAY, seconds=60)
    assert (row.id, row.url, row.customer) == (new.pk, endpoint.url, endpoint.customer.name)
    assert newest_given_up(NOBODY, since=now - DAY, seconds=60) == []


def test_a_figure_is_counted_to_one_beyond_its_limit(endpoint: Endpoint, now: datetime) -> None:
    for place in range(4):
        each = another(endpoint, place)
        each.lane.failing_since, each.lane.rest_until = now, now + DAY
        each.lane.save()
        pause_endpoint(another(endpoint, 10 + place), actor="system")
        log_delivery(endpoint, state="exhausted")
    assert counted(limit=2) == OverviewCountsRow(given_up=3, failing=3, resting=3, stopped=3)
    assert counted(limit=4) == OverviewCountsRow(given_up=4, failing=4, resting=4, stopped=4)


def test_a_figure_that_takes_too_long_spoils_no_other(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one figure that is given up, when all are counted, then each other is counted by itself."""

    def slow(row: type[OverviewCountsRow], asked: sql.Parameters) -> list[OverviewCountsRow]:
        wanted = asked["wanted"]
        assert isinstance(wanted, list)
        if "failing" in wanted:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(600)")
        return fetch(row, asked)

    fetch = sql.fetch
    log_delivery(endpoint, state="exhausted")
    monkeypatch.setattr(newest.sql, "fetch", slow)
    found = counts_for(OPERATOR, since=datetime.now(UTC) - DAY, limit=10, seconds=0.3)
    assert found == OverviewCountsRow(given_up=1, failing=None, resting=0, stopped=0)


def test_a_figure_that_is_not_wanted_is_not_read(endpoint: Endpoint) -> None:
    log_delivery(endpoint, state="exhausted")
    pause_endpoint(endpoint, actor="system")
    for name, tables in (
        ("stopped", "hookpost_delivery%"),
        ("given_up", "hookpost_endpoint"),
        ("given_up", "hookpost_lane"),
    ):
        with rows_read(tables) as read:
            newest._counted(OPERATOR, [name], since=datetime.now(UTC) - DAY, limit=10)
        assert read.rows == 0, (name, tables)


@pytest.mark.parametrize("who", ["operator", "customer"])
def test_what_failed_last_is_found_before_anything_is_joined_to_it(
    who: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """Given many that were given up, when the newest are read, then endpoints and names are looked up for them."""
    monkeypatch.setattr(newest, "SHOWN", 3)
    rows = [log_delivery(endpoint, state="exhausted") for _ in range(8)]
    viewer = OPERATOR if who == "operator" else Viewer(endpoint.customer_id)
    with rows_read("hookpost_endpoint") as endpoints, rows_read("hookpost_customer") as customers:
        found = newest_given_up(viewer, since=now - DAY, seconds=60)
    assert [each.id for each in found] == sorted((each.pk for each in rows), reverse=True)[:3]
    assert (endpoints.rows, customers.rows) == (3, 3)


def test_the_endpoints_that_were_stopped_last_come_first(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "SHOWN", 2)
    others = [another(endpoint, place) for place in range(3)]
    for each in others:
        pause_endpoint(each, actor="system", reason=f"for {each.url}")
    delete_endpoint(others[2], actor="system")
    found = newest_stopped(OPERATOR)
    assert [(each.id, each.state, each.state_reason) for each in found] == [
        (each.pk, "paused", f"for {each.url}") for each in (others[1], others[0])
    ]
    assert newest_stopped(Viewer(endpoint.customer_id)) == found
    assert newest_stopped(NOBODY) == []


def test_alerts_are_listed_with_what_they_are_about(endpoint: Endpoint, now: datetime) -> None:
    """Given some on an endpoint, a deleted one, none, a delivery and an old one, then the last two are not."""
    gone = another(endpoint)
    row = log_delivery(endpoint, state="exhausted")
    about: tuple[dict[str, object], ...] = (
        {"endpoint": endpoint},
        {"endpoint": gone},
        {},
        {"endpoint": endpoint, "delivery_id": row.pk},
        {"endpoint": endpoint, "id": floor_of(now - timedelta(days=8))},
    )
    for place, each in enumerate(about):
        Alert.objects.create(kind=Alert.Kind.FAILING, since=now - timedelta(hours=place), created_at=now, **each)
    delete_endpoint(gone, actor="system")
    name = endpoint.customer.name
    found = [(each.endpoint_id, each.is_deleted, each.customer) for each in newest_alerts(OPERATOR)]
    assert found == [(None, False, None), (gone.pk, True, name), (endpoint.pk, False, name)]
    assert newest_alerts(Viewer(endpoint.customer_id)) == newest_alerts(OPERATOR)[1:]
    assert newest_alerts(Viewer(Customer.objects.create(name="Bob").pk)) == []
