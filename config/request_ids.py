"""A request's id: the caller's where it is a plain word, else one of our own; in the answer and in every log line.

What lives here: the outermost layer of the web server's application. It must not know what is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

HEADER = "X-Request-Id"
BYTES = 12

ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Headers = list[tuple[str, str]]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")


def with_request_ids(application: WSGIApplication) -> WSGIApplication:
    """Return the application with an id for each request."""

    def identified(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id = request_id_of(environ)
        structlog.contextvars.bind_contextvars(request_id=request_id)  # until the thread's next request

        def start(status: str, headers: Headers, exc_info: ErrorInfo | None = None, /) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (HEADER, request_id)], exc_info)

        return application(environ, start)

    return identified


def request_id_of(environ: WSGIEnvironment) -> str:
    """Return the caller's id of a request if it may stand in a log line, else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if isinstance(given, str) and _PLAIN.fullmatch(given):
        return given
    return os.urandom(BYTES).hex()
