"""The alert rules, each by the fault that it is for, and the dashboard's file by the code that makes it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deliveries.services.telling.mail_rows import again_at

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "docker" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
PAGE = CHECKOUT / "docs" / "operations.md"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's prometheus is not installed")


def attempts(outcome: str) -> str:
    """The series of one outcome."""
    return f'hookpost_attempts_total{{outcome="{outcome}"}}'


CUT = 'hookpost_count_is_cut{figure="due"}'

# Series as promtool writes them, one value a minute for an hour: the fault, and the same without it.
FAULTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "HookpostDeliveriesLate": (
        {"hookpost_oldest_due_seconds": "0+60x60"},
        {"hookpost_oldest_due_seconds": "2x60", "hookpost_oldest_resting_seconds": "0+60x60"},
    ),
    "HookpostQueueGrows": (
        {"hookpost_due": "0+1000x60", CUT: "0x60"},
        {"hookpost_due": "60000-1000x60", CUT: "0x60"},
    ),
    "HookpostNoFigures": (
        {'hookpost_reports_database{instance="a"}': "0x60"},
        {'hookpost_reports_database{instance="a"}': "0x60", 'hookpost_reports_database{instance="b"}': "1x60"},
    ),
    "HookpostProcessDown": (
        {'up{job="hookpost-web"}': "0x60"},
        {'up{job="hookpost-web"}': "1x60", 'up{job="node"}': "0x60"},
    ),
    "HookpostNoLeader": (
        {'hookpost_leader{instance="a"}': "0x60", 'hookpost_leader{instance="b"}': "0x60"},
        {'hookpost_leader{instance="a"}': "0x60", 'hookpost_leader{instance="b"}': "1x60"},
    ),
    "HookpostDispatcherFails": (
        {"hookpost_dispatcher_failures_total": "0+1x60"},
        {"hookpost_dispatcher_failures_total": "7x60"},
    ),
    "HookpostDatabaseUnusable": (
        {'hookpost_database_usable{instance="a"}': "0x60", 'hookpost_database_usable{instance="b"}': "1x60"},
        {'hookpost_database_usable{instance="a"}': "1x60"},
    ),
    "HookpostEventsRefused": (
        {'hookpost_events_refused_total{reason="unavailable"}': "0+60x60"},
        {'hookpost_events_refused_total{reason="invalid"}': "0+60x60"},
    ),
    "HookpostAcceptSlow": (
        {
            'hookpost_accept_seconds_bucket{le="1.0"}': "0+90x60",
            'hookpost_accept_seconds_bucket{le="10.0"}': "0+100x60",
            'hookpost_accept_seconds_bucket{le="+Inf"}': "0+100x60",
        },
        {
            'hookpost_accept_seconds_bucket{le="1.0"}': "0+100x60",
            'hookpost_accept_seconds_bucket{le="+Inf"}': "0+100x60",
        },
    ),
    "HookpostBrokerAway": ({"hookpost_broker_failures_total": "0+60x60"}, {"hookpost_broker_failures_total": "5x60"}),
    "HookpostClockOff": (
        {'hookpost_clock_offset_seconds{instance="a"}': "-40x60"},
        {'hookpost_clock_offset_seconds{instance="a"}': "0.4x60"},
    ),
    "HookpostWayOutBroken": (
        {attempts("dns_error"): "0+60x60", attempts("succeeded"): "0+60x60"},
        {attempts("http_5xx"): "0+60x60", attempts("succeeded"): "0+60x60"},
    ),
    "HookpostMostAttemptsFail": (
        {attempts("http_5xx"): "0+60x60", attempts("succeeded"): "0+30x60"},
        {attempts("http_5xx"): "0+30x60", attempts("succeeded"): "0+60x60"},
    ),
    "HookpostWorkerLosesLanes": (
        {'hookpost_leases_lost_total{instance="a"}': "0+2x60"},
        {'hookpost_leases_lost_total{instance="a"}': "40x60"},
    ),
    "HookpostUndeliveredDropped": (
        {"hookpost_undelivered_dropped_total": "0x30 5x30"},
        {"hookpost_undelivered_dropped_total": "0x60"},
    ),
    "HookpostMailFails": (
        {"hookpost_mail_failures_total": "0+1x60"},
        {"hookpost_mail_failures_total": "9x60"},
    ),
    "HookpostIssuerAway": (
        {"hookpost_issuer_failures_total": "0+1x60"},
        {"hookpost_issuer_failures_total": "9x60"},
    ),
    "HookpostMoveStopped": (
        {'hookpost_customers_frozen{cell="a"}': "1x60"},
        {'hookpost_customers_frozen{cell="a"}': "0x44 1x5 0x10"},  # a move that takes minutes
    ),
}

NEVER_ABSENT = {"hookpost_reports_database": "1x1440"}  # else the rule for its absence fires beside


def scenario(series: dict[str, str], *, firing: str) -> dict[str, Any]:
    """One test of promtool's: the alerts after an hour, by name."""
    others = {} if any(name.startswith("hookpost_reports") for name in series) else NEVER_ABSENT
    inputs = [{"series": name, "values": values} for name, values in (others | series).items()]
    checks = [{"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "50m"}]
    checks[0]["exp_samples"] = [{"labels": f'{{alertname="{firing}"}}', "value": 1}] if firing else []  # type: ignore[assignment]
    return {"interval": "1m", "input_series": inputs, "promql_expr_test": checks}


def assert_passes(tests: list[dict[str, Any]], folder: Path) -> None:
    """Have promtool judge the rules by these series."""
    file = folder / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "alerts.yml")], "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_alert_fires_by_its_fault_and_not_without_it(tmp_path: Path) -> None:
    assert FAULTS.keys() == {rule["alert"] for rule in RULES}
    tests = [
        scenario(series, firing=name if place == 0 else "")
        for name, scenarios in FAULTS.items()
        for place, series in enumerate(scenarios)
    ]
    assert_passes(tests, tmp_path)


def of_cell(cell: str, series: dict[str, str]) -> dict[str, str]:
    """The same series with the label that HOOKPOST_CELL gives them."""
    plain = {re.sub(r'\{cell="\w+"\}', "", name): values for name, values in series.items()}
    return {f'{name.rstrip("}")}{"," if "{" in name else "{"}cell="{cell}"}}': plain[name] for name in plain}


def failures_of_one_letter(*, minutes: int) -> str:
    """What is counted, once a minute, while one letter waits that no mail server takes."""
    created = at = datetime(2026, 11, 29, tzinfo=UTC)
    failed = [at]
    while (again := again_at(created, at)) is not None:
        failed.append(at := again)
    ages = [(each - created).total_seconds() / 60 for each in failed]
    return " ".join(str(sum(age < minute for age in ages)) for minute in range(minutes))


LASTING = {
    "HookpostMailFails": {"hookpost_mail_failures_total": failures_of_one_letter(minutes=1440)},
    "HookpostQueueGrows": {"hookpost_due": "0+1000x100 100000x1340", CUT: "0x100 1x1340"},
}


@needs_promtool
@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_lasts_rings_as_long(name: str, tmp_path: Path) -> None:
    told = scenario(LASTING[name], firing=name)
    (check,) = told["promql_expr_test"]
    told["promql_expr_test"] = [check | {"eval_time": f"{hours}h"} for hours in range(2, 24)]
    assert_passes([told], tmp_path)


@needs_promtool
def test_a_cell_in_trouble_is_not_hidden_by_one_that_is_well(tmp_path: Path) -> None:
    tests = []
    for name, (fault, peace) in FAULTS.items():
        told = scenario(of_cell("a", fault) | of_cell("b", peace), firing=name)
        told["promql_expr_test"][0] |= {
            "expr": 'count by (alertname, cell) (ALERTS{alertstate="firing"})',
            "exp_samples": [{"labels": f'{{alertname="{name}", cell="a"}}', "value": 1}],
        }
        tests.append(told)
    assert_passes(tests, tmp_path)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_leads_to_a_runbook_that_exists(rule: dict[str, Any]) -> None:
    page, _, place = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (CHECKOUT / "docs" / page).read_text(), re.MULTILINE)
    assert place in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_dashboard_is_what_its_code_makes() -> None:
    made = subprocess.check_output([sys.executable, str(FOLDER / "dashboard.py")], text=True)
    assert (FOLDER / "dashboard.json").read_text() == made, "run docker/monitoring/dashboard.py"


def test_the_dashboard_shows_one_cell_at_a_time() -> None:
    """Given figures of several cells in one Prometheus, then none is added to another cell's."""
    queries = re.findall(r'"expr": "(.*)"', (FOLDER / "dashboard.json").read_text())
    metrics = [each for query in queries for each in re.findall(r"[a-z]+_[a-z_]{4,}(?:\{[^}]*\})?", query)]
    named = [each for each in metrics if each.startswith(("hookpost_", "process_"))]
    assert len(named) >= len(queries) > 40
    assert [each for each in named if not each.endswith('{cell=\\"$cell\\"}')] == []
