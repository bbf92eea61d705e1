"""Figures for Prometheus: true when much waits, silent about endpoints that are down, and never doubled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from deliveries.models import Challenge, Customer, Endpoint, Lane
from deliveries.protocol.sending.polled import POLLED_URL
from deliveries.services.endpoints import pause_endpoint
from deliveries.services.reading import stats
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_due
from tests.engine.steps import by_hand
from tests.settings import SETTINGS

HOUR = timedelta(hours=1)


def figures(text: str) -> dict[str, float]:
    """Each series with its value."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def scraped(nobody: Caller) -> dict[str, float]:
    return figures(nobody.get("/metrics").raw.decode())


def due_since(endpoint: Endpoint, age: timedelta, **columns: object) -> None:
    log_due(log_delivery(endpoint, state="pending"), due_at=datetime.now(UTC) - age, **columns)


def test_what_waits_for_a_worker_rings_the_alarm(nobody: Caller, alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR)
    Endpoint.objects.update(state_changed_at=datetime.now(UTC) - 2 * HOUR)
    assert scraped(nobody)["hookpost_oldest_due_seconds"] == pytest.approx(3600, abs=60)


def test_a_resting_lane_has_a_figure_of_its_own(nobody: Caller, alice: Tenant, bob: Tenant) -> None:
    """Given an endpoint that is down for an hour while workers idle, then the alarm for too few workers is silent."""
    due_since(alice.endpoint, HOUR)
    Lane.objects.filter(endpoint=alice.endpoint).update(rest_until=datetime.now(UTC) + HOUR)
    found = scraped(nobody)
    assert found["hookpost_oldest_due_seconds"] == 0
    assert found["hookpost_oldest_resting_seconds"] == pytest.approx(3600, abs=60)


def test_a_lane_that_has_just_rested_waits_since_then(nobody: Caller, alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR)
    Lane.objects.update(rest_until=datetime.now(UTC) - timedelta(seconds=90))
    assert scraped(nobody)["hookpost_oldest_due_seconds"] == pytest.approx(0, abs=100)


def test_a_lane_that_a_worker_has_does_not_ring_the_alarm(nobody: Caller, alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR)
    Lane.objects.update(lease_until=datetime.now(UTC) + HOUR)
    found = scraped(nobody)
    assert found["hookpost_oldest_due_seconds"] == 0
    assert found["hookpost_oldest_leased_seconds"] == pytest.approx(3600, abs=60)


def test_a_paused_endpoint_does_not_ring_the_alarm(nobody: Caller, alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR, manual=True, rank=3)
    pause_endpoint(alice.endpoint, actor="key:ops")
    found = scraped(nobody)
    assert [found[f"hookpost_oldest_{which}_seconds"] for which in ("due", "leased", "resting")] == [0, 0, 0]


def test_what_a_poller_has_not_fetched_has_a_figure_of_its_own(nobody: Caller, alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR)
    Endpoint.objects.update(url=POLLED_URL)
    found = scraped(nobody)
    assert [found[f"hookpost_oldest_{which}_seconds"] for which in ("due", "leased", "resting")] == [0, 0, 0]
    assert found["hookpost_oldest_polled_seconds"] == pytest.approx(3600, abs=60)


def test_who_waits_for_a_challenge_or_a_mover_is_counted(nobody: Caller, alice: Tenant) -> None:
    Challenge.objects.create(endpoint=alice.endpoint)
    Customer.objects.filter(id=alice.customer.id).update(moving="frozen")
    found = scraped(nobody)
    assert (found["hookpost_endpoints_unverified"], found["hookpost_customers_frozen"]) == (1, 1)


def test_a_count_that_was_cut_says_so(nobody: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        due_since(alice.endpoint, HOUR)
    assert scraped(nobody)['hookpost_count_is_cut{figure="due"}'] == 0
    monkeypatch.setattr(stats, "QUEUE_COUNT_LIMIT", 2)
    monkeypatch.setattr("deliveries.api.metrics.QUEUE_COUNT_LIMIT", 2)
    found = scraped(nobody)
    assert (found["hookpost_due"], found['hookpost_count_is_cut{figure="due"}']) == (2, 1)
    assert found['hookpost_count_is_cut{figure="held"}'] == 0


@pytest.mark.parametrize("table", ["hookpost_attempt", "hookpost_due_delivery"])
def test_while_a_counted_table_is_locked_a_process_tells_its_own_figures(nobody: Caller, table: str) -> None:
    with by_hand() as hand:
        hand.execute(f"LOCK TABLE {table}")
        found = scraped(nobody)
        hand.rollback()
    assert (found["hookpost_database_usable"], found["hookpost_reports_database"]) == (1, 0)
    assert "hookpost_leader" in found
    assert scraped(nobody)["hookpost_reports_database"] == 1


def asked_at(port: str) -> dict[str, float]:
    """What the web node at that port answers."""
    return figures(Client().get("/metrics", SERVER_PORT=port).content.decode())


def test_a_sum_over_web_nodes_has_each_figure_once(alice: Tenant) -> None:
    due_since(alice.endpoint, HOUR)
    for _ in range(2):
        answers = [asked_at(port) for port in ("8000", "8001", "8002")]
        assert sum(answer.get("hookpost_due", 0) for answer in answers) == 1
        assert [answer["hookpost_reports_database"] for answer in answers] == [1, 0, 0]


def test_when_the_reporting_node_is_gone_another_one_reports(alice: Tenant) -> None:
    asked_at("8000")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_reporter SET until = now() - interval '1 second'")
    assert asked_at("8001")["hookpost_reports_database"] == 1
    assert asked_at("8000")["hookpost_reports_database"] == 0


def test_every_series_carries_the_cell_where_there_are_several(nobody: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "cell", "b")
    ours = [name for name in scraped(nobody) if name.startswith("hookpost_")]
    assert len(ours) > 50
    assert [name for name in ours if 'cell="b"' not in name] == []
