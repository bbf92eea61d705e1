"""A database that is away in each way: everybody is answered in time and told the truth, and all goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deliveries.models import ApiKey, Event
from deliveries.services.people.api_keys import create_api_key
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.states import Asker, Pair, events_locked, frozen, full, held_by, is_waited_for_lock, read_only
from tests.faults.steps import customers_of, endpoints_at, leader
from tests.ports import free_ports

MANY = 48  # more callers than a web process has threads


@pytest.fixture
def asker(cluster: Cluster) -> Iterator[Asker]:
    """A caller with all rights; the web server runs, and has answered everything once."""
    _, key = create_api_key("tests", ["events:write", "read", "manage"], actor="user:alice")
    cluster.web()
    asker = Asker(cluster.port, key)
    cluster.eventually(asker.is_served, seconds=10, what="the first answer")
    yield asker
    asker.pool.shutdown()


@pytest.fixture
def customer(asker: Asker, receivers: list[Counting]) -> str:
    """A customer with an endpoint, who has got an event."""
    (customer,) = customers_of(endpoints_at(receivers[:1]))
    assert asker.post(customer).status == 202
    assert asker("GET", "/api/v1/customers").status == 200
    return customer


def stored() -> int:
    return Event.objects.count()


def test_a_database_that_refuses_is_told_at_once_and_used_again_when_it_is_back(
    cluster: Cluster, asker: Asker, customer: str
) -> None:
    cluster.database.stop()
    refused = asker.post(customer)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert asker("GET", "/api/v1/customers").status == 503
    cluster.eventually(lambda: asker.readiness() == (503, "unreachable"), seconds=10, what="the word")
    assert b"hookpost_database_usable 0.0" in asker("GET", "/metrics").json
    cluster.database.ensure()
    assert asker.post(customer).status == 202
    assert asker("GET", "/api/v1/customers").status == 200


def test_a_database_that_hangs_keeps_nobody_for_ever_and_stores_once_what_is_sent_again(
    cluster: Cluster, asker: Asker, customer: str
) -> None:
    """Given more callers than threads, then each is told while it hangs, and others are answered meanwhile."""
    server = cluster.database.postgres
    assert server is not None
    with ExitStack() as stack:
        stack.enter_context(events_locked(cluster))
        posts = [asker.begin(asker.post, customer, key="key-0")]
        cluster.eventually(lambda: is_waited_for_lock(cluster), seconds=10, what="a post amid its statement")
        stack.enter_context(frozen(server))
        posts += [asker.begin(asker.post, customer, key=f"key-{number}") for number in range(1, MANY)]
        assert asker.readiness() == (503, "does not answer")
        assert b"hookpost_database_usable 0.0" in asker("GET", "/metrics").json
        reads = [asker.begin(asker, "GET", "/api/v1/customers") for _ in range(MANY)]
        answers = [each.result() for each in posts]
        assert {each.status for each in answers} == {503}
        assert {each.headers["retry-after"] for each in answers} == {"1"}
        assert answers[0].json["type"].endswith(":unconfirmed")
        assert asker.post(customer).status == 503
    assert {each.result().status for each in reads} <= {200, 503}
    cluster.eventually(lambda: asker.post(customer, key="key-0").status == 202, seconds=20, what="accepting again")
    again = [asker.post(customer, key=f"key-{number}").status for number in range(MANY)]
    assert set(again) == {202}
    assert stored() == 1 + MANY


def test_on_a_read_only_database_reading_goes_on_and_writing_is_refused(
    cluster: Cluster, asker: Asker, customer: str
) -> None:
    ApiKey.objects.update(last_used_at=None)
    with read_only(cluster):
        cluster.eventually(lambda: asker.readiness() == (503, "read-only"), seconds=5, what="the word")
        answers = [asker("GET", path) for path in ("/api/v1/customers", "/api/v1/deliveries", "/metrics") for _ in "12"]
        assert {each.status for each in answers} == {200}
        assert asker.post(customer).status == 503
        changed = asker("PATCH", f"/api/v1/customers/{customer}", {"name": "Bob"})
        assert (changed.status, changed.headers["retry-after"]) == (503, "1")
        assert "read-only" in changed.json["detail"]
        assert asker("GET", "/admin/login/").status == 200
    cluster.eventually(lambda: asker.post(customer).status == 202, seconds=5, what="accepting again")
    assert asker("PATCH", f"/api/v1/customers/{customer}", {"name": "Bob"}).status == 200


def test_accepting_goes_on_while_strangers_hold_all_connections(cluster: Cluster, asker: Asker, customer: str) -> None:
    with full(cluster):
        assert {asker.post(customer).status for _ in range(5)} == {202}
        assert asker("GET", "/api/v1/customers").status in (200, 503)
    cluster.eventually(lambda: asker("GET", "/api/v1/customers").status == 200, seconds=5, what="reading again")
    assert stored() == 6


def test_callers_at_the_same_time_share_a_handful_of_connections(cluster: Cluster, asker: Asker, customer: str) -> None:
    reads = [asker.begin(asker.insist, 200, "GET", "/api/v1/deliveries") for _ in range(3 * MANY)]
    assert {each.result().status for each in reads} == {200}
    assert held_by(cluster, "web") <= 9


def test_a_fail_over_to_the_other_host_of_the_url_costs_one_refusal(
    cluster: Cluster, asker: Asker, customer: str, tmp_path: Path
) -> None:
    pair = Pair(cluster.database, tmp_path / "standby")
    cluster.end_children()
    try:
        pair.start()
        cluster.url = pair.url
        cluster.web()
        cluster.eventually(asker.is_served, seconds=10, what="the first answer")
        assert asker.post(customer, key="before").status == 202
        cluster.eventually(lambda: pair.has_caught_up(), seconds=10, what="the standby's catching up")
        pair.fail_over()
        cluster.eventually(lambda: asker.post(customer, key="after").status == 202, seconds=10, what="accepting")
        assert asker("GET", "/api/v1/customers").status == 200
        cluster.eventually(lambda: asker.readiness() == (200, "ok"), seconds=10, what="the word")
        assert asker.post(customer, key="before").status == 202
        assert pair.events_on_standby() == 3
    finally:
        cluster.end_children()
        cluster.url = ""
        pair.stop()


def test_two_web_servers_and_three_workers_leave_most_connections_to_others(
    cluster: Cluster, asker: Asker, customer: str, receivers: list[Counting]
) -> None:
    """Given PostgreSQL's own limit of 100, then a load on all of them takes less than the half of it."""
    (port,) = free_ports(1)
    cluster.child("web", "manage.py", "web", "--port", str(port))
    other = Asker(port, asker.key)
    for _ in range(3):
        cluster.worker()
    cluster.eventually(other.is_served, seconds=20, what="the second web server")
    cluster.eventually(lambda: leader(cluster), seconds=20, what="a leader")
    asked = [each.begin(each.insist, 200, "GET", "/api/v1/deliveries") for _ in range(MANY) for each in (asker, other)]
    event = {"customer": customer, "type": "invoice.paid", "data": {}}
    posted = [
        each.begin(each.insist, 202, "POST", "/api/v1/events", event) for _ in range(MANY) for each in (asker, other)
    ]
    assert {each.result().status for each in asked} == {200}
    assert {each.result().status for each in posted} == {202}
    cluster.eventually(lambda: len(receivers[0].requests) > 2 * MANY, seconds=20, what="the deliveries")
    held = held_by(cluster, "web"), held_by(cluster, "worker")
    print("connections of web and workers:", held)
    assert held[0] <= 2 * 9
    assert held[1] <= 3 * 10
    other.pool.shutdown()
