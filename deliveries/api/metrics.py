"""/metrics: figures for Prometheus.

What lives here: their names and meanings. It must not know customers: no figure names one. All figures are the
database's, so only one web node reports them at a time: a sum over nodes would double them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from deliveries.api.problems import plain_problem, problem, reading
from deliveries.api.readiness import WITHOUT_FIGURES
from deliveries.database.limits import answered_within
from deliveries.services.readiness import database_word
from deliveries.services.stats import QUEUE_COUNT_LIMIT, QueueStats, is_reporter, queue_stats

FIGURES_SECONDS = 10.0
MEANINGS = {
    "due": "Deliveries in the queue.",
    "held": "Deliveries held for paused and disabled endpoints.",
    "lanes_leased": "Lanes that a worker has at the moment.",
    "lanes_resting": "Lanes that rest: their endpoint is down or asked to wait.",
    "lanes_slow": "Lanes whose endpoint times out.",
    "endpoints_failing": "Endpoints, of those that are enabled, where deliveries fail and none has arrived since.",
    "oldest_due_seconds": "How long the oldest delivery that could be sent at once has been waiting for a worker.",
    "oldest_leased_seconds": "The same where a worker is at it: what comes exceeds what the endpoint takes.",
    "oldest_resting_seconds": "How long the oldest delivery has been due whose lane rests.",
    "accepted_last_minute": "Events accepted in the last minute.",
    "attempts_last_minute": "Attempts recorded in the last minute.",
}
COUNTED = ("due", "held", "accepted_last_minute", "attempts_last_minute")
IS_CUT = f"1 where counting stopped at {QUEUE_COUNT_LIMIT:,}: there are more than the figure says."
REPORTS = "1 where this answer has the figures of the whole database: one web node at a time has them."


@reading
def metrics(request: HttpRequest) -> HttpResponse:
    """Return figures for Prometheus."""
    node = f"{socket.gethostname()}:{request.META.get('SERVER_PORT', '')}"
    if (word := database_word()) in WITHOUT_FIGURES:
        return plain_problem(problem(503, f"the database has no figures: {word}"), {"Retry-After": "5"})
    registry = CollectorRegistry(auto_describe=False)
    with answered_within(FIGURES_SECONDS, urgent=True):
        registry.register(_Queue(queue_stats() if is_reporter(node) else None))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Queue(Collector):
    def __init__(self, stats: QueueStats | None) -> None:
        self._stats = stats

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one gauge per figure, and which counts are cut."""
        yield GaugeMetricFamily("hookpost_reports_database", REPORTS, value=float(self._stats is not None))
        if self._stats is None:
            return
        figures = asdict(self._stats)
        for name, value in figures.items():
            yield GaugeMetricFamily(f"hookpost_{name}", MEANINGS[name], value=value)
        cut = GaugeMetricFamily("hookpost_count_is_cut", IS_CUT, labels=["figure"])
        for name in COUNTED:
            cut.add_metric([name], float(figures[name] >= QUEUE_COUNT_LIMIT))
        yield cut
