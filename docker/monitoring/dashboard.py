"""The Grafana dashboard, as code: `python docker/monitoring/dashboard.py > docker/monitoring/dashboard.json`.

What lives here: which curves answer which question. It needs the development packages only; Grafana imports the JSON.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
WIDTH, HEIGHT = 8, 8
METRIC = re.compile(r"\b(?:hookpost|process)_\w+")
OF_CELL = '{cell="$cell"}'  # where there are no cells, nothing is chosen, and the label is empty


@dataclass(frozen=True, slots=True)
class Curves:
    """One panel: its title, unit, and queries by their legend."""

    title: str
    unit: str
    queries: dict[str, str]


def rate(metric: str) -> str:
    """How fast a counter grows."""
    return f"rate({metric}[$__rate_interval])"


def quantile(share: float, metric: str) -> str:
    """A quantile over all processes."""
    return f"histogram_quantile({share}, sum by (le) ({rate(metric + '_bucket')}))"


def mean(metric: str) -> str:
    """The mean of a histogram's values."""
    return f"sum({rate(metric + '_sum')}) / sum({rate(metric + '_count')})"


ROWS: dict[str, list[Curves]] = {
    "Is anything late?": [
        Curves(
            "The oldest delivery that waits",
            "s",
            {
                "for a worker": "max(hookpost_oldest_due_seconds)",
                "with a worker": "max(hookpost_oldest_leased_seconds)",
                "for a lane that rests": "max(hookpost_oldest_resting_seconds)",
                "for a poller": "max(hookpost_oldest_polled_seconds)",
            },
        ),
        Curves(
            "From an event to its first attempt",
            "s",
            {f"p{share * 100:g}": quantile(share, "hookpost_first_attempt_latency_seconds") for share in (0.5, 0.95)},
        ),
        Curves("In the queue", "short", {"due": "max(hookpost_due)", "held": "max(hookpost_held)"}),
    ],
    "Accepting": [
        Curves("Events accepted", "ops", {"accepted": f"sum({rate('hookpost_events_accepted_total')})"}),
        Curves("Refused", "ops", {"{{reason}}": f"sum by (reason) ({rate('hookpost_events_refused_total')})"}),
        Curves(
            "From a post to its answer",
            "s",
            {
                "p50": quantile(0.5, "hookpost_accept_seconds"),
                "p99": quantile(0.99, "hookpost_accept_seconds"),
                "p99 of the commit": quantile(0.99, "hookpost_commit_seconds"),
            },
        ),
    ],
    "Delivering: is it us or them?": [
        Curves("Attempts", "ops", {"{{outcome}}": f"sum by (outcome) ({rate('hookpost_attempts_total')})"}),
        Curves("Ends", "ops", {"{{state}}": f"sum by (state) ({rate('hookpost_deliveries_ended_total')})"}),
        Curves(
            "How long it takes",
            "s",
            {
                "p95 of requests": quantile(0.95, "hookpost_attempt_duration_seconds"),
                "p95 of deliveries": quantile(0.95, "hookpost_delivery_latency_seconds"),
            },
        ),
        Curves(
            "Endpoints in trouble",
            "short",
            {
                "fail": "max(hookpost_endpoints_failing)",
                "rest": "max(hookpost_lanes_resting)",
                "are slow": "max(hookpost_lanes_slow)",
                "have yet to answer a challenge": "max(hookpost_endpoints_unverified)",
            },
        ),
    ],
    "Which worker?": [
        Curves("Requests in flight", "short", {"{{instance}}": "hookpost_requests_in_flight"}),
        Curves("Lanes in hand", "short", {"{{instance}}": "hookpost_lanes_in_hand"}),
        Curves("Lanes lost to others", "ops", {"{{instance}}": rate("hookpost_leases_lost_total")}),
        Curves(
            "Statements",
            "s",
            {
                "p95 of claims": quantile(0.95, "hookpost_claim_seconds"),
                "p95 of records": quantile(0.95, "hookpost_record_seconds"),
            },
        ),
        Curves(
            "In one statement",
            "short",
            {
                "events stored": mean("hookpost_commit_events"),
                "deliveries claimed": mean("hookpost_claim_deliveries"),
                "attempts recorded": mean("hookpost_record_attempts"),
            },
        ),
        Curves("Polls that wait", "short", {"{{instance}}": "hookpost_polls_waiting"}),
        Curves("Events in a batch", "short", {"mean": mean("hookpost_batch_events")}),
        Curves("Processor time", "percentunit", {"{{instance}}": rate("process_cpu_seconds_total")}),
    ],
    "What everything stands on": [
        Curves("Database usable", "bool", {"{{instance}}": "hookpost_database_usable"}),
        Curves(
            "Errors of the database", "ops", {"{{kind}}": f"sum by (kind) ({rate('hookpost_database_errors_total')})"}
        ),
        Curves("Rings that failed", "ops", {"{{instance}}": rate("hookpost_broker_failures_total")}),
        Curves("Clocks", "s", {"{{instance}}": "hookpost_clock_offset_seconds"}),
        Curves("Leader", "bool", {"{{instance}}": "hookpost_leader"}),
        Curves(
            "The leader's rounds",
            "s",
            {
                "p95": quantile(0.95, "hookpost_dispatcher_round_seconds"),
                "parts that failed a second": f"sum({rate('hookpost_dispatcher_failures_total')})",
            },
        ),
        Curves(
            "Retention",
            "ops",
            {
                "tables dropped": f"sum({rate('hookpost_partitions_dropped_total')})",
                "deliveries dropped unsent": f"sum({rate('hookpost_undelivered_dropped_total')})",
                "rows purged": f"sum({rate('hookpost_rows_purged_total')})",
            },
        ),
        Curves("Letters that no mail server took", "ops", {"{{instance}}": rate("hookpost_mail_failures_total")}),
        Curves("Token issuer gave no keys", "ops", {"{{instance}}": rate("hookpost_issuer_failures_total")}),
        Curves("Customers frozen on their way to a cell", "short", {"customers": "max(hookpost_customers_frozen)"}),
        Curves(
            "Versions, and who is about to end",
            "short",
            {"{{version}}": "count by (version) (hookpost_build_info)", "draining": "sum(hookpost_draining)"},
        ),
    ],
}


def dashboard() -> str:
    """Return the dashboard as JSON."""
    made = Dashboard("Hookpost").uid("hookpost").tags(["hookpost"]).refresh("30s").time("now-3h", "now").readonly()
    made = made.with_variable(DatasourceVariable("source").type("prometheus"))
    cells = QueryVariable("cell").label("Cell").datasource(SOURCE).query("label_values(hookpost_build_info, cell)")
    made = made.with_variable(cells.refresh(VariableRefresh.ON_DASHBOARD_LOAD))
    for title, row in ROWS.items():
        made = made.with_row(Row(title))
        for curves in row:
            made = made.with_panel(panel(curves))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build())


def panel(curves: Curves) -> Panel:
    """Return one panel."""
    made = Panel().title(curves.title).unit(curves.unit).span(WIDTH).height(HEIGHT).datasource(SOURCE)
    for number, (legend, query) in enumerate(curves.queries.items()):
        made = made.with_target(
            Dataquery().expr(METRIC.sub(rf"\g<0>{OF_CELL}", query)).legend_format(legend).ref_id(chr(ord("A") + number))
        )
    return made


if __name__ == "__main__":
    print(dashboard())
