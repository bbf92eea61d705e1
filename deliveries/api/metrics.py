"""/metrics: figures for Prometheus.

What lives here: what this process counted (deliveries/metrics/), and the names and meanings of the database's figures.
It must not know customers: no figure names one. The database's figures are reported by one process at a time, or a
sum over all would multiply them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from deliveries import __version__
from deliveries.api.problems import reading
from deliveries.api.readiness import WITHOUT_FIGURES
from deliveries.conf import conf
from deliveries.database.failures import is_locked
from deliveries.database.limits import answered_within
from deliveries.metrics import names
from deliveries.metrics.kinds import METRICS, Counter, Gauge, Histogram, Metric
from deliveries.metrics.memory import memory
from deliveries.services.process.readiness import OK, database_word
from deliveries.services.reading.stats import QUEUE_COUNT_LIMIT, is_reporter, queue_stats
from deliveries.sql.figure_rows import QueueStatsRow

FIGURES_SECONDS = 10.0
MEANINGS = {
    "due": "Deliveries in the queue.",
    "held": "Deliveries held for paused and disabled endpoints.",
    "lanes_leased": "Lanes that a worker has at the moment.",
    "lanes_resting": "Lanes that rest: their endpoint is down or asked to wait.",
    "lanes_slow": "Lanes whose endpoint times out.",
    "endpoints_failing": "Endpoints, of those that are enabled, where deliveries fail and none has arrived since.",
    "certificates_ending": "Endpoints with a certificate that ends within 7 days, or has ended.",
    "oldest_due_seconds": "How long the oldest delivery that could be sent at once has been waiting for a worker.",
    "oldest_leased_seconds": "The same where a worker is at it: what comes exceeds what the endpoint takes.",
    "oldest_resting_seconds": "How long the oldest delivery has been due whose lane rests.",
    "oldest_polled_seconds": "How long the oldest delivery has been due that waits for a poller, or is with one.",
    "endpoints_unverified": "Endpoints whose URL has yet to answer its challenge, or did not.",
    "customers_frozen": "Customers on their way to or from another cell, to whom nothing is sent meanwhile.",
    "accepted_last_minute": "Events accepted in the last minute.",
    "attempts_last_minute": "Attempts recorded in the last minute.",
}
COUNTED = ("due", "held", "accepted_last_minute", "attempts_last_minute")
IS_CUT = f"1 where counting stopped at {QUEUE_COUNT_LIMIT:,}: there are more than the figure says."
REPORTS = "1 where this answer has the figures of the whole database: one process at a time has them."
USABLE = "1 where the database could be used from here a moment ago, 0 where /readyz says why not."


@reading
def metrics(request: HttpRequest) -> HttpResponse:
    """Return figures for Prometheus; those of this process also while the database is away."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_InCell(_Counted()))
    queue = _Queue(*_asked_figures(f"{socket.gethostname()}:{request.META.get('SERVER_PORT', '')}"))
    registry.register(_InCell(queue))
    if not memory.is_shared:  # several processes of a web server have no figures of one
        ProcessCollector(registry=registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _asked_figures(node: str) -> tuple[bool, QueueStatsRow | None]:
    """Return whether the database can be used, and its figures where this process is to report them.

    Where somebody has a table locked that is counted, there are none.
    """
    word = database_word()
    if word in WITHOUT_FIGURES:
        return False, None
    leads = any(value for _, value in names.LEADER.samples())
    try:
        with answered_within(FIGURES_SECONDS, urgent=True):
            return word == OK, queue_stats() if is_reporter(node, leads=leads) else None
    except (DatabaseError, InterfaceError) as error:
        return word == OK and is_locked(error), None


class _InCell(Collector):
    """What another collects, with the name of the cell where there are several."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Family]:
        """Return the families, each sample with the cell's name."""
        for family in self._collector.collect():
            if conf.cell:
                family.samples = [each._replace(labels=each.labels | {"cell": conf.cell}) for each in family.samples]
            yield family


class _Counted(Collector):
    def collect(self) -> Iterable[Family]:
        """Return what this process counted."""
        yield InfoMetricFamily("hookpost_build", "The version that runs.", value={"version": __version__})
        yield from (_family(each) for each in METRICS)


def _family(metric: Metric) -> Family:
    if isinstance(metric, Histogram):
        buckets, total = metric.buckets()
        return HistogramMetricFamily(metric.name, metric.meaning, buckets=buckets, sum_value=total)
    assert isinstance(metric, Counter | Gauge)
    kind = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=[metric.label] if metric.label else [])
    for value, number in metric.samples():
        family.add_metric([value] if metric.label else [], float(number))
    return family


class _Queue(Collector):
    def __init__(self, is_usable: bool, stats: QueueStatsRow | None) -> None:
        self._is_usable, self._stats = is_usable, stats

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one gauge per figure, and which counts are cut."""
        yield GaugeMetricFamily("hookpost_database_usable", USABLE, value=float(self._is_usable))
        yield GaugeMetricFamily("hookpost_reports_database", REPORTS, value=float(self._stats is not None))
        if self._stats is None:
            return
        figures = self._stats._asdict()
        for name, value in figures.items():
            yield GaugeMetricFamily(f"hookpost_{name}", MEANINGS[name], value=value)
        cut = GaugeMetricFamily("hookpost_count_is_cut", IS_CUT, labels=["figure"])
        for name in COUNTED:
            cut.add_metric([name], float(figures[name] >= QUEUE_COUNT_LIMIT))
        yield cut
