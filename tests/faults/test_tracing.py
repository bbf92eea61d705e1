"""Spans of real processes, at a real OTLP receiver; and one that hangs, which harms nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from deliveries.models import Delivery
from deliveries.services.people.api_keys import create_api_key
from tests.faults.cluster import LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, endpoints_at, is_all_succeeded
from tests.otlp import Collector, collecting

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that all processes are told of."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield collector


def post(cluster: Cluster, customer: str) -> str:
    """Post an event in a trace; returns its id."""
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    body = json.dumps({"customer": customer, "type": "invoice.paid", "data": {"secret": "s3cr3t-data"}})
    connection = HTTPConnection("127.0.0.1", cluster.port, timeout=LEAST_SECONDS)
    headers = {"authorization": f"Bearer {key}", "traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "shop=7"}
    connection.request("POST", "/api/v1/events", body, headers)
    answer = connection.getresponse()
    assert answer.status == 202
    event_id: str = json.loads(answer.read())["id"]
    connection.close()
    return event_id


def await_spans(cluster: Cluster, collector: Collector, *names: str) -> None:
    """Wait until the collector has spans of these names: a process that ends does not wait for it for long."""
    for name in names:
        cluster.eventually(lambda name=name: collector.named(name), seconds=20, what=f"a span {name}")


def test_a_trace_leads_from_who_emitted_an_event_to_its_receiver(
    cluster: Cluster, receivers: list[Counting], collector: Collector
) -> None:
    (endpoint,) = endpoints_at(
        receivers[:1], send_trace_context=True, headers={"x-token": "s3cr3t-header"}, description="s3cr3t-words"
    )
    web = cluster.web()
    event_id = post(cluster, customers_of([endpoint])[0])
    await_spans(cluster, collector, "POST /api/v1/events", "accept")
    web.terminate()
    assert web.wait(LEAST_SECONDS) == 0
    (serving,) = collector.named("POST /api/v1/events")
    (accept,) = collector.named("accept")
    worker = cluster.worker()
    cluster.eventually(is_all_succeeded, seconds=20, what="the delivery")
    await_spans(cluster, collector, "claim", "attempt")
    worker.terminate()
    assert worker.wait(LEAST_SECONDS) == 0
    (attempt,) = collector.named("attempt")
    assert {each["trace"] for each in (serving, accept, attempt)} == {TRACE}
    assert (serving["parent"], accept["parent"], attempt["parent"]) == (CALLER, serving["id"], accept["id"])
    assert [each["kind"] for each in (serving, accept, attempt)] == ["server", "internal", "client"]
    assert [each["service"] for each in (serving, attempt)] == ["hookpost-web", "hookpost-worker"]
    assert (TRACE, accept["id"]) in [link for claim in collector.named("claim") for link in claim["links"]]
    (request,) = receivers[0].requests
    assert request.header("traceparent") == f"00-{TRACE}-{attempt['id']}-01"
    assert request.header("tracestate") is None, "vendors of who emitted it are nobody's business"
    assert (serving["http.response.status_code"], attempt["http.response.status_code"]) == (202, 204)
    assert accept["hookpost.event_id"] == attempt["hookpost.event_id"] == event_id
    assert attempt["hookpost.delivery_id"] == Delivery.objects.get().public_id
    assert b"s3cr3t" not in collector.raw


def test_a_collector_that_hangs_harms_no_delivery_and_no_end(
    cluster: Cluster, receivers: list[Counting], collector: Collector
) -> None:
    collector.hanging.set()
    (endpoint,) = endpoints_at(receivers[:1])
    cluster.web()
    worker = cluster.worker()
    for _ in range(3):
        post(cluster, customers_of([endpoint])[0])
    cluster.eventually(lambda: len(receivers[0].requests) == 3, seconds=20, what="the requests")
    cluster.eventually(is_all_succeeded, seconds=20, what="the deliveries")
    cluster.eventually(collector.asked.is_set, seconds=20, what="an export that hangs")
    worker.terminate()
    assert worker.wait(LEAST_SECONDS) == 0
