"""What a process counts about itself: true after what happened, listed in the docs, whole over several processes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from deliveries.metrics.kinds import METRICS, OTHER, Counter
from deliveries.services.endpoints import create_endpoint
from deliveries.services.reading.stats import is_reporter
from tests.api.conftest import Caller, Tenant
from tests.api.test_metrics import figures, scraped
from tests.engine.steps import let_time_pass, take_turn
from tests.receiver import Receiver

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "operations.md"
EVENT = {"customer": "alice", "type": "invoice.paid", "data": {}}

Changes = Callable[[], dict[str, float]]


@pytest.fixture
def changes(nobody: Caller) -> Changes:
    """What grew since the test began."""
    before = scraped(nobody)
    return lambda: {name: now - before[name] for name, now in scraped(nobody).items() if now != before.get(name, now)}


def exposed(nobody: Caller) -> set[str]:
    """The names of ours, as Prometheus has them."""
    text = nobody.get("/metrics").raw.decode()
    return {name for name in re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE) if name.startswith("hookpost_")}


def test_the_page_lists_every_metric_and_no_other(nobody: Caller, db: None) -> None:
    section = PAGE.read_text().partition("## What to watch\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(hookpost_\w+)", section)) == exposed(nobody)


def test_names_follow_the_conventions(nobody: Caller, db: None) -> None:
    """Source: Prometheus, "Metric and label naming"."""
    counters = {each.name for each in METRICS if isinstance(each, Counter)}
    assert {name for name in exposed(nobody) if name.endswith("_total")} == counters
    assert all(each.meaning.endswith(".") for each in METRICS)


@pytest.mark.django_db(transaction=True)
def test_what_is_accepted_and_refused_is_counted(nobody: Caller, ops: Caller, alice: Tenant, changes: Changes) -> None:
    assert ops.post("/events", EVENT).status == 202
    assert ops.post("/events/batch", {"events": [EVENT, EVENT, {"type": "a.b"}]}).status == 202
    assert nobody.post("/events", EVENT).status == 401
    assert ops.post("/events", {"type": "a.b"}).status == 422
    found = changes()
    assert found["hookpost_events_accepted_total"] == 3
    assert found['hookpost_events_refused_total{reason="unauthorized"}'] == 1
    assert found['hookpost_events_refused_total{reason="invalid"}'] == 2
    assert found["hookpost_accept_seconds_count"] == 4
    assert found["hookpost_commit_events_sum"] == 3


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_offered_again_is_counted_once(ops: Caller, alice: Tenant, changes: Changes) -> None:
    for _ in range(2):
        assert ops.post("/events", EVENT, idempotency_key="one").status == 202
    assert changes()["hookpost_events_accepted_total"] == 1


@pytest.mark.django_db(transaction=True)
def test_attempts_and_their_ends_are_counted(
    nobody: Caller, ops: Caller, alice: Tenant, receiver: Receiver, changes: Changes
) -> None:
    receiver.answer = lambda request: (500 if len(receiver.requests) == 1 else 204, {}, b"")
    alice.endpoint.delete()
    endpoint, _ = create_endpoint(alice.customer, {"url": receiver.url, "retry_schedule": [0, 5]}, actor="user:alice")
    ops.post("/events", EVENT)
    for _ in range(2):
        let_time_pass(endpoint)
        take_turn(endpoint)
    found = changes()
    assert found['hookpost_attempts_total{outcome="http_5xx"}'] == 1
    assert found['hookpost_attempts_total{outcome="succeeded"}'] == 1
    assert found['hookpost_deliveries_ended_total{state="succeeded"}'] == 1
    assert found["hookpost_first_attempt_latency_seconds_count"] == 1
    assert found["hookpost_delivery_latency_seconds_count"] == 1
    assert found["hookpost_record_attempts_sum"] == found["hookpost_claim_deliveries_sum"] == 2
    assert 0 < found["hookpost_first_attempt_latency_seconds_sum"] < found["hookpost_delivery_latency_seconds_sum"]
    assert not any("pending" in name for name in found)


def test_a_value_that_nobody_foresaw_is_counted_too() -> None:
    counter = Counter("hookpost_tried_total", "Only in this test.", label="how", values=("well",))
    METRICS.remove(counter)
    counter.add_each({"well": 2, "badly": 1})
    assert dict(counter.samples()) == {"well": 2, OTHER: 1}


def test_without_a_database_a_process_still_says_what_it_counted(
    nobody: Caller, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.api.metrics.database_word", lambda: "unreachable")
    found = scraped(nobody)
    assert (found["hookpost_database_usable"], found["hookpost_reports_database"]) == (0, 0)
    assert "hookpost_events_accepted_total" in found


def test_a_database_that_hangs_between_two_questions_ends_no_answer(
    nobody: Caller, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(node: str, *, leads: bool) -> bool:
        raise OperationalError("the database has not answered")

    monkeypatch.setattr("deliveries.api.metrics.is_reporter", hang)
    assert scraped(nobody)["hookpost_database_usable"] == 0


def test_the_leader_reports_the_database_in_place_of_a_web_node(db: None) -> None:
    assert is_reporter("leader:9101", leads=True)
    assert not is_reporter("web:8000")
    assert is_reporter("next:9101", leads=True)


SHARED = """
import os
from deliveries.metrics.kinds import Counter, Gauge, Histogram
from deliveries.metrics.memory import memory

posts = Counter("posts_total", "x", label="how", values=("well",))
busy = Gauge("busy", "x")
sizes = Histogram("sizes", "x", bounds=(1, 10))
memory.share(2)

def child():
    pid = os.fork()
    if not pid:
        posts.add(1, "well"); busy.set(3); sizes.observe_all([1, 5, 50])
        os._exit(0)
    os.waitpid(pid, 0)

child(); child()          # the second takes the row of the first, which is dead
posts.add(10, "well")     # and the parent has its own
print(dict(posts.samples()), list(busy.samples()), sizes.buckets(), sum(row[0] > 0 for row in memory._rows))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such memory")
def test_processes_of_a_web_server_count_together_and_none_is_forgotten_when_it_dies() -> None:
    """Given two processes one after the other, then the counter has both and the gauge only the living row's."""
    done = subprocess.run([sys.executable, "-c", SHARED], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    buckets = "([('1.0', 2.0), ('10.0', 4.0), ('+Inf', 6.0)], 112.0)"
    assert done.stdout.strip() == f"{{'well': 12.0, 'other': 0.0}} [('', 3.0)] {buckets} 2"


def test_the_text_has_a_help_line_for_each(nobody: Caller, db: None) -> None:
    text = nobody.get("/metrics").raw.decode()
    assert exposed(nobody) == set(re.findall(r"^# HELP (hookpost_\w+) ", text, re.MULTILINE))
    assert figures(text)["process_cpu_seconds_total"] > 0
