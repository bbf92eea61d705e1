"""A request's id in the answer and in every log line, whoever answers.

What lives here: the outermost layer of the web server's application. It must not know what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

from deliveries.request_ids import HEADER, request_id_of

ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Headers = list[tuple[str, str]]


def with_request_ids(application: WSGIApplication) -> WSGIApplication:
    """Return the application with an id for each request."""

    def identified(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id = request_id_of(environ)
        structlog.contextvars.bind_contextvars(request_id=request_id)  # until the thread's next request

        def start(status: str, headers: Headers, exc_info: ErrorInfo | None = None, /) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (HEADER, request_id)], exc_info)

        return application(environ, start)

    return identified
