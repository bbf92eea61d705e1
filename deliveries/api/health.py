"""/healthz, /readyz, /metrics: for those who run Hookpost.

What lives here: whether this process lives, whether its database and broker are fit for work, and figures. It
must not know customers: no figure names one. A broker that is away is no reason to send no requests
here: events are accepted without it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from urllib.parse import parse_qs, urlsplit

import dramatiq
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from deliveries.api.problems import plain_problem, problem, reading
from deliveries.database.limits import answered_within
from deliveries.services import clock
from deliveries.services.readiness import ANSWER_SECONDS, OK, database_word
from deliveries.services.stats import QueueStats, queue_stats

BROKER_SECONDS = 1.0
FIGURES_SECONDS = 10.0
WITHOUT_FIGURES = ("unreachable", "does not answer", "no connection left")
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
MEANINGS = {
    "due": "Deliveries in the queue, at most 100,000 are counted.",
    "held": "Deliveries held for paused and disabled endpoints, at most 100,000 are counted.",
    "lanes_leased": "Lanes that a worker has at the moment.",
    "lanes_resting": "Lanes that rest: their endpoint is down or asked to wait.",
    "lanes_slow": "Lanes whose endpoint times out.",
    "endpoints_failing": "Endpoints, of those that are enabled, where deliveries fail and none has arrived since.",
    "oldest_due_seconds": "How long the oldest due delivery has been waiting.",
    "accepted_last_minute": "Events accepted in the last minute, at most 100,000 are counted.",
    "attempts_last_minute": "Attempts recorded in the last minute, at most 100,000 are counted.",
}

_others = ThreadPoolExecutor(4, thread_name_prefix="readyz")


@reading
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@reading
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether database, broker and this host's clock can be worked with; a broker that is away is no 503."""
    asked = _others.submit(broker_word)  # beside the database: both may take their two seconds
    parts = database_parts()
    is_usable = all(word == OK for word in parts.values())
    parts["broker"] = asked.result()
    status = "unavailable" if not is_usable else "ready" if parts["broker"] == OK else "degraded"
    return JsonResponse({"status": status, **parts}, status=200 if is_usable else 503)


@reading
def metrics(request: HttpRequest) -> HttpResponse:
    """Return figures for Prometheus."""
    if (word := database_word()) in WITHOUT_FIGURES:
        return plain_problem(problem(503, f"the database has no figures: {word}"), {"Retry-After": "5"})
    registry = CollectorRegistry(auto_describe=False)
    with answered_within(FIGURES_SECONDS, urgent=True):
        registry.register(_Queue(queue_stats()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def database_parts() -> dict[str, str]:
    """Return the words for the database and, where it can be asked, for this host's clock beside the database's."""
    word = database_word()
    if word in WITHOUT_FIGURES:
        return {"database": word}
    try:
        with answered_within(ANSWER_SECONDS, urgent=True):
            return {"database": word, "clock": clock.problem() or OK}
    except (DatabaseError, InterfaceError):
        return {"database": "does not answer"}


def broker_word() -> str:
    """Return `ok`, or what is wrong with the broker; one that is not ours is only knocked at."""
    condition = getattr(dramatiq.get_broker(), "condition", None)
    if condition is not None:
        return str(condition())
    return OK if broker_answers(settings.BROKER_URL) else "unreachable"


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
