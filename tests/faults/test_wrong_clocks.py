"""Real processes on hosts whose clocks are hours and days off: nothing is lost by them, and each says so."""

from __future__ import annotations

import http.client
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import Attempt, Delivery, DueDelivery, Event
from deliveries.services.endpoints import pause_endpoint
from deliveries.services.housekeeping import retention
from deliveries.services.people.api_keys import create_api_key
from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import arrived, arrived_ids, customers_of, emit, endpoints_at, is_all_succeeded, leader
from tests.wrong_clocks import NEEDED, wrong_clock

pytestmark = NEEDED

RECEIVERS_TOLERATE_SECONDS = 300


def said(cluster: Cluster, part: str) -> str:
    """What the processes of a part wrote of their clocks."""
    logs = [(cluster.data_dir / f"{name}.log").read_text() for name in cluster.children if name.startswith(part)]
    return "\n".join(line for log in logs for line in log.splitlines() if "clock_off" in line)


def ask(
    cluster: Cluster, method: str, path: str, body: object = None, *, key: str = ""
) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=LEAST_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def answers(cluster: Cluster) -> bool:
    """Whether the web server, which listens, answers yet."""
    try:
        return ask(cluster, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def is_not_ready(cluster: Cluster, words: str) -> bool:
    """Whether /readyz says that the clock is off by so much; a database that is slow to answer comes first."""
    status, ready = ask(cluster, "GET", "/readyz")
    assert status == 503
    return words in str(ready.get("clock"))


@pytest.mark.parametrize(("offset", "words"), [("+400d", "400.0 days ahead of"), ("-3h", "3.0 hours behind")])
def test_a_dispatcher_whose_clock_is_off_deletes_nothing_and_lets_another_lead(
    cluster: Cluster, receivers: list[Counting], offset: str, words: str
) -> None:
    (endpoint,) = endpoints_at(receivers[:1])
    retention.open_partitions(days_back=20)
    pause_endpoint(endpoint, actor="user:alice")
    emit([endpoint], 5)
    before = {table: retention.partitions_of(table) for table in retention.TABLES}
    with wrong_clock(cluster.settings, offset):
        cluster.child("dispatcher", "manage.py", "dispatcher")
    cluster.eventually(lambda: said(cluster, "dispatcher"), seconds=30, what="the dispatcher's complaint")
    assert words in said(cluster, "dispatcher")
    assert leader(cluster) == ""
    cluster.child("other", "manage.py", "dispatcher")
    cluster.eventually(lambda: leader(cluster).startswith("other"), seconds=30, what="the lead of another")
    assert {table: retention.partitions_of(table) for table in retention.TABLES} == before
    assert (Delivery.objects.filter(state="held").count(), DueDelivery.objects.count()) == (5, 5)


@pytest.mark.parametrize(("offset", "words"), [("-40d", "40.0 days behind"), ("+3d", "3.0 days ahead of")])
def test_a_web_server_whose_clock_is_off_accepts_nothing_and_is_not_ready(
    cluster: Cluster, receivers: list[Counting], offset: str, words: str
) -> None:
    (customer,) = customers_of(endpoints_at(receivers[:1]))
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    before = retention.partitions_of("hookpost_event")
    with wrong_clock(cluster.settings, offset):
        cluster.web()
    cluster.eventually(lambda: answers(cluster), seconds=20, what="the web server's first answer")
    event = {"customer": customer, "type": "invoice.paid", "data": {}}
    for _ in range(2):
        status, problem = ask(cluster, "POST", "/api/v1/events", event, key=key)
        assert status == 503
        assert words in problem["detail"]
    cluster.eventually(lambda: is_not_ready(cluster, words), seconds=20, what="an answer that names the clock")
    assert words in said(cluster, "web")
    assert not Event.objects.exists()
    assert retention.partitions_of("hookpost_event") == before


@pytest.mark.parametrize(("offset", "words"), [("+1h", "60.0 minutes ahead of"), ("-2d", "2.0 days behind")])
def test_a_worker_whose_clock_is_off_signs_nothing_and_leaves_all_to_another(
    cluster: Cluster, receivers: list[Counting], offset: str, words: str
) -> None:
    endpoints = endpoints_at(receivers[:2])
    with wrong_clock(cluster.settings, offset):
        cluster.worker()
    cluster.child("dispatcher", "manage.py", "dispatcher")
    emitted = emit(endpoints, 20)
    cluster.eventually(lambda: "part=worker" in said(cluster, "worker"), seconds=30, what="the worker's complaint")
    assert words in said(cluster, "worker")
    assert (arrived(receivers), Attempt.objects.count()) == (0, 0)
    cluster.child("right", "manage.py", "worker")
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    assert arrived_ids(receivers) == emitted
    stamps = [int(request.header("webhook-timestamp") or 0) for each in receivers for request in each.requests]
    assert max(abs(time.time() - stamp) for stamp in stamps) < RECEIVERS_TOLERATE_SECONDS


def test_three_wrong_clocks_at_once_cost_nothing_and_each_names_its_own(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    """Given dispatcher, web server and worker that are off each in its own way, then right ones find all there."""
    waiting, held = endpoints_at(receivers[:2])
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    retention.open_partitions(days_back=20)
    pause_endpoint(held, actor="user:alice")
    emitted = emit([waiting], 5)
    emit([held], 3)
    before = {table: retention.partitions_of(table) for table in retention.TABLES}
    with wrong_clock(cluster.settings, "+400d"):
        cluster.child("dispatcher", "manage.py", "dispatcher")
    with wrong_clock(cluster.settings, "+1h"):
        cluster.worker()
    with wrong_clock(cluster.settings, "-40d"):
        cluster.web()
    cluster.eventually(lambda: answers(cluster), seconds=20, what="the web server's first answer")
    event = {"customer": waiting.customer.public_id, "type": "invoice.paid", "data": {}}
    status, problem = ask(cluster, "POST", "/api/v1/events", event, key=key)
    assert (status, "40.0 days behind" in str(problem["detail"])) == (503, True)
    cluster.eventually(lambda: is_not_ready(cluster, "40.0 days behind"), seconds=20, what="an answer of /readyz")
    words = {"web": "40.0 days behind", "dispatcher": "400.0 days ahead of", "worker": "60.0 minutes ahead of"}
    for part, off in words.items():
        cluster.eventually(lambda part=part: said(cluster, part), seconds=30, what=f"the complaint of the {part}")
        assert off in said(cluster, part)
    assert (leader(cluster), arrived(receivers), Attempt.objects.count(), Event.objects.count()) == ("", 0, 0, 8)
    assert {table: retention.partitions_of(table) for table in retention.TABLES} == before
    cluster.child("right", "manage.py", "dispatcher")
    cluster.child("right", "manage.py", "worker")
    cluster.eventually(
        lambda: Delivery.objects.filter(state="succeeded").count() == 5, seconds=30, what="the success of what waited"
    )
    assert (arrived_ids(receivers), Delivery.objects.filter(state="held").count()) == (emitted, 3)
    cluster.eventually(lambda: leader(cluster).startswith("right"), seconds=30, what="the lead of a right one")


def test_within_the_tolerance_all_hosts_work_by_the_databases_clock(
    cluster: Cluster, receivers: list[Counting]
) -> None:
    (customer,) = customers_of(endpoints_at(receivers[:1]))
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    begun = datetime.now(UTC)
    with wrong_clock(cluster.settings, "-20s"):
        cluster.web(clock_tolerance_seconds=60)
    cluster.eventually(lambda: answers(cluster), seconds=20, what="the web server's first answer")
    cluster.eventually(lambda: ask(cluster, "GET", "/readyz")[0] == 200, seconds=20, what="a web server that is ready")
    with wrong_clock(cluster.settings, "+20s"):
        cluster.worker(clock_tolerance_seconds=60)
    status, _ = ask(
        cluster, "POST", "/api/v1/events", {"customer": customer, "type": "invoice.paid", "data": {}}, key=key
    )
    assert status == 202
    cluster.eventually(is_all_succeeded, seconds=30, what="the success of all")
    event, attempt = Event.objects.get(), Attempt.objects.get()
    stamp = datetime.fromtimestamp(int(receivers[0].requests[0].header("webhook-timestamp") or 0), UTC)
    moments = [event.made_at, attempt.made_at, attempt.started_at, stamp]
    nearer = timedelta(seconds=10)  # a slow answer leaves a part of the offset uncorrected
    assert [str(m) for m in moments if not begun - nearer <= m <= datetime.now(UTC) + nearer] == []
