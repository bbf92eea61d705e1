"""`/healthz`, `/readyz` and `/metrics` without Django's middleware: for load balancers, orchestrators and Prometheus.

What lives here: one request to one of these addresses, whatever host it names: a load balancer names none, Kubernetes
the address of the pod. It must not know which process answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections, connection
from django.http import HttpRequest, HttpResponse

from deliveries.api import metrics, readiness
from deliveries.api.problems import plain_problem, problem

log = structlog.get_logger(__name__)

View = Callable[[HttpRequest], HttpResponse]
PROBES: Mapping[str, View] = {"/healthz": readiness.healthz, "/readyz": readiness.readyz, "/metrics": metrics.metrics}


def answer_probe(environ: dict[str, object], view: View) -> HttpResponse:
    """Return the answer; a mistake of ours is logged and becomes a 500."""
    try:
        return view(WSGIRequest(environ))
    except Exception:
        log.exception("probe_failed", path=environ["PATH_INFO"])
        return plain_problem(problem(500, "something went wrong on our side; it was logged"))
    finally:
        if not connection.in_atomic_block:  # which is a caller's own, as in tests
            close_old_connections()
