"""/healthz, /readyz: for those who run Hookpost.

What lives here: whether this process lives and stays, and whether its database and broker are fit for work. A broker
that is away is no reason to send no requests here: events are accepted without it.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import dramatiq
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse

from deliveries.api.problems import reading
from deliveries.database.limits import answered_within
from deliveries.services.common import clock
from deliveries.services.process import drain
from deliveries.services.process.readiness import ANSWER_SECONDS, OK, database_word

BROKER_SECONDS = 1.0
WITHOUT_FIGURES = ("unreachable", "does not answer", "no connection left")
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}

_others = ThreadPoolExecutor(4, thread_name_prefix="readyz")


@reading
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@reading
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether database, broker and this host's clock can be worked with; a broker that is away is no 503."""
    if drain.is_draining():
        return JsonResponse({"status": "draining"}, status=503)
    asked = _others.submit(broker_word)  # beside the database: both may take their two seconds
    parts = database_parts()
    is_usable = all(word == OK for word in parts.values())
    parts["broker"] = asked.result()
    status = "unavailable" if not is_usable else "ready" if parts["broker"] == OK else "degraded"
    return JsonResponse({"status": status, **parts}, status=200 if is_usable else 503)


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
