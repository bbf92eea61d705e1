"""The dashboard and the alerts on a real Prometheus that scrapes real processes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.calling import Caller
from tests.faults.cluster import CHECKOUT, LEAST_SECONDS, Cluster
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, endpoints_at, is_all_succeeded
from tests.ports import free_ports

FOLDER = CHECKOUT / "docker" / "monitoring"
EVENTS = 60
EXPECTED = {
    'sum(hookpost_attempts_total{outcome="succeeded"})': EVENTS,
    "sum(hookpost_events_accepted_total)": EVENTS,
    "sum(hookpost_reports_database)": 1,
    "sum(hookpost_leader)": 1,
}
CONFIGURATION = """
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: hookpost
    static_configs: [{{targets: [{targets}]}}]
"""


class Prometheus:
    """A server that scrapes."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; None while there is none."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=LEAST_SECONDS) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def values(self, query: str) -> list[float]:
        """The values of all series."""
        data = self.ask("query", query=query)
        return [float(series["value"][1]) for series in data["result"]] if data else []


@contextmanager
def prometheus(folder: Path, *targets: int) -> Iterator[Prometheus]:
    """Debian's Prometheus, scraping these ports."""
    (port,) = free_ports(1)
    named = ", ".join(f'"127.0.0.1:{target}"' for target in targets)
    file = folder / "prometheus.yml"
    file.write_text(CONFIGURATION.format(rules=FOLDER / "alerts.yml", targets=named))
    words = [
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(["prometheus", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(LEAST_SECONDS)


def queries() -> list[str]:
    """Every query of the dashboard, and those that the runbooks have an operator ask."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    asked = re.findall(r"`([^`]*\brate\([^`]*)`", (CHECKOUT / "docs/runbooks.md").read_text())
    assert asked
    curves = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [each.replace("$__rate_interval", "1m").replace("$cell", "") for each in curves + asked]


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Debian's prometheus is not installed")
def test_every_query_of_the_dashboard_answers_and_no_alert_fires_without_a_fault(
    cluster: Cluster, receivers: list[Counting], tmp_path: Path
) -> None:
    """Given a web server of two processes, then their counts are whole whichever is scraped."""
    from deliveries.services.people.api_keys import create_api_key

    worker_port, dispatcher_port = free_ports(2)
    cluster.web(web_processes=2)
    cluster.worker(health_address=f"127.0.0.1:{worker_port}")
    cluster.child("dispatcher", "manage.py", "dispatcher", health_address=f"127.0.0.1:{dispatcher_port}")
    customers = customers_of(endpoints_at(receivers[:2]))
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    caller = Caller(cluster.port, key=key)
    with prometheus(tmp_path, cluster.port, worker_port, dispatcher_port) as server:
        cluster.eventually(lambda: server.values("sum(up)") == [3], seconds=20, what="three targets")
        assert caller.emit(customers, EVENTS).refusals == {}
        caller.close()
        cluster.eventually(is_all_succeeded, seconds=10, what="the success of all")
        for query, value in EXPECTED.items():
            cluster.eventually(lambda q=query, v=value: server.values(q) == [v], seconds=20, what=query)
        cluster.eventually(
            lambda: [query for query in queries() if not server.values(query)] == [], seconds=20, what="all answers"
        )
        assert len(queries()) > 40
        rules = [rule for group in server.ask("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
