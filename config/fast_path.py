"""Posted events go straight to their view, past Django's request, middleware and signals: those cost as much again.

What lives here: the fork in front of Django's WSGI application, and what its middleware would have added. Whatever is
unusual about a request is left to Django. It must not know what an event is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication as Application
from wsgiref.types import WSGIEnvironment as Environ

import structlog
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from config.bodies import put_aside, reader_of
from config.security import security_headers
from deliveries.api.emit import Emit, Reply, emit_batch, emit_one, reply_to
from deliveries.api.problems import CONTENT_TYPE, problem_body
from deliveries.database.sharing import give_back_borrowed, share_connections

log = structlog.get_logger(__name__)

EMITS: Mapping[str, Emit] = {"/api/v1/events": emit_one, "/api/v1/events/batch": emit_batch}


def events_first(django: Application) -> Application:
    """Return a WSGI application that answers posted events itself, and leaves everything else to Django's."""
    added = {secure: headers_of_every_answer(secure=secure) for secure in {True, bool(settings.SECURE_SSL_REDIRECT)}}

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        emit = EMITS.get(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
        secure = emit is not None and is_secure(environ)
        if emit is None or (settings.SECURE_SSL_REDIRECT and not secure) or not is_ours(environ.get("HTTP_HOST", "")):
            put_aside(environ)
            return django(environ, start_response)
        reply = answer(environ, emit)
        headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
        start_response(
            f"{reply.status} {HTTPStatus(reply.status).phrase}", headers + [*reply.headers.items()] + added[secure]
        )
        return [reply.body]

    return application


def answer(environ: Environ, emit: Emit) -> Reply:
    """Return the reply; a mistake of ours is logged and becomes a 500."""
    try:
        reply = reply_to(environ, reader_of(environ), emit)
    except Exception:
        log.exception("emit_failed", path=environ["PATH_INFO"])
        reply = Reply(500, problem_body(500, "something went wrong on our side; it was logged"), CONTENT_TYPE)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        close_old_connections()  # as Django does after each request
    else:
        give_back_borrowed()
    return reply


def sharing(application: Application) -> Application:
    """Return the application for threads that share the connections of their process."""

    main = threading.main_thread().ident

    def answer_with_a_borrowed_connection(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if threading.get_ident() != main:  # which serves nobody, except in tests, inside a transaction of theirs
            share_connections()
        return application(environ, start_response)

    return answer_with_a_borrowed_connection


def is_secure(environ: Environ) -> bool:
    """Say whether the caller spoke TLS, as HttpRequest.is_secure does."""
    if proxied := settings.SECURE_PROXY_SSL_HEADER:
        name, value = proxied
        return bool(environ.get(name, "").split(",")[0].strip() == value)
    return bool(environ["wsgi.url_scheme"] == "https")


@lru_cache(maxsize=256)
def is_ours(host: str) -> bool:
    """Say whether a Host header names this site."""
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def headers_of_every_answer(*, secure: bool) -> list[tuple[str, str]]:
    """Return what the middleware adds to an answer of the API, asked of the middleware itself."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/readyz", "wsgi.input": BytesIO()}  # /readyz never leads to https
    environ["wsgi.url_scheme"] = "https" if secure else "http"
    if settings.SECURE_PROXY_SSL_HEADER and secure:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        environ[name] = value
    respond: Any = XFrameOptionsMiddleware(SecurityMiddleware(lambda _: HttpResponse()))
    return [
        (name, value)
        for name, value in security_headers(respond)(WSGIRequest(environ)).items()
        if name != "Content-Type"
    ]
