"""/healthz, /readyz, /metrics: for those who run Hookpost.

What lives here: whether this process lives, whether its database and broker answer, and figures. It
must not know customers: no figure names one. A broker that is away is no reason to send no requests
here: events are accepted without it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import asdict
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from deliveries.api.problems import reading
from deliveries.services import clock
from deliveries.services.stats import QueueStats, queue_stats

BROKER_SECONDS = 1.0
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
MEANINGS = {
    "due": "Deliveries in the queue, at most 100,000 are counted.",
    "held": "Deliveries held for paused and disabled endpoints, at most 100,000 are counted.",
    "lanes_leased": "Lanes that a worker has at the moment.",
    "lanes_resting": "Lanes that rest: their endpoint is down or asked to wait.",
    "lanes_slow": "Lanes whose endpoint times out.",
    "oldest_due_seconds": "How long the oldest due delivery has been waiting.",
    "accepted_last_minute": "Events accepted in the last minute, at most 100,000 are counted.",
    "attempts_last_minute": "Attempts recorded in the last minute, at most 100,000 are counted.",
}


@reading
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@reading
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether database, broker and this host's clock are well; a broker that is away is no 503."""
    database, broker = database_answers(), broker_answers(settings.BROKER_URL)
    clock_problem = clock.problem() if database else ""
    usable = database and not clock_problem
    status = "unavailable" if not usable else "ready" if broker else "degraded"
    parts = {"database": _word(answers=database), "broker": _word(answers=broker)}
    if database:
        parts["clock"] = clock_problem or "ok"
    return JsonResponse({"status": status, **parts}, status=200 if usable else 503)


@reading
def metrics(request: HttpRequest) -> HttpResponse:
    """Return figures for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Queue(queue_stats()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def database_answers() -> bool:
    """Tell whether PostgreSQL answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True


def broker_answers(url: str) -> bool:
    """Tell whether something listens where the broker should."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(BROKER_SECONDS)
                probe.connect(parts.path)
            return True
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        socket.create_connection((host, parts.port or PORTS[parts.scheme]), timeout=BROKER_SECONDS).close()
    except OSError:
        return False
    return True


class _Queue(Collector):
    def __init__(self, stats: QueueStats) -> None:
        self._stats = stats

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one gauge per figure."""
        for name, value in asdict(self._stats).items():
            yield GaugeMetricFamily(f"hookpost_{name}", MEANINGS[name], value=value)


def _word(*, answers: bool) -> str:
    return "ok" if answers else "unreachable"
