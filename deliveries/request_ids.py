"""A request's id: the caller's where it is a plain word, else one of our own; in the answer and in every log line.

What lives here: which id that is, and a middleware for projects that embed Hookpost; the standalone server has a layer
of its own around all of Django (config/request_ids.py). It must not know what is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Request-Id"
BYTES = 12

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


def request_id_of(environ: Mapping[str, object]) -> str:
    """Return the caller's id of a request if it may stand in a log line, else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if isinstance(given, str) and _PLAIN.fullmatch(given):
        return given
    return os.urandom(BYTES).hex()


def request_id_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> object:
    """Give every answer of a project an id, unless it has one already; first in MIDDLEWARE."""

    def identified(request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_of(request.META)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            answer = get_response(request)
        answer.headers.setdefault(HEADER, request_id)
        return answer

    return identified
