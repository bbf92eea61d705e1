"""Requests of customers that were here before wait for their share in front of Django, or are refused there.

What lives here: who sent a request, by what is remembered of keys and sessions, and the fork in front of Django. Who
is refused behind the log-in costs as much as half a page; a customer that sends without end would keep a processor
busy with refusals. Nobody is let in by what is remembered: it only says whose share the request is part of.
It must not know a page.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication as Application
from wsgiref.types import WSGIEnvironment as Environ

import orjson

from config.fast_path import headers_of_every_answer, is_secure
from config.site_cookies import PORTAL, session_cookie
from deliveries.api.auth import remembered_key
from deliveries.api.problems import CONTENT_TYPE, problem_of
from deliveries.errors import TooManyAtOnce
from deliveries.protocol.writing.remembered import remember
from deliveries.services.process.interpreter import quick_handover
from deliveries.services.process.shares import HAS_PLACE, requests_and_pages

API, PORTAL_PATH, POLL = "/api/", "/portal/", "/poll"
SENTENCE = b"Too many pages of this customer are asked for at once. Try again in a moment."
REMEMBERED = 10_000

_sessions: dict[bytes, UUID] = {}
_lock = threading.Lock()


def within_shares(django: Application) -> Application:
    """Return the application with the requests of known customers inside their share."""
    added = {secure: headers_of_every_answer(secure=secure) for secure in (False, True)}

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        customer_id = customer_of(environ)
        if customer_id is None:
            return django(environ, start_response)
        try:
            with requests_and_pages.place(customer_id):
                return django(environ | {HAS_PLACE: True}, start_response)
        except TooManyAtOnce as error:
            status, headers, body = _refusal(error, is_api=environ["PATH_INFO"].startswith(API))
            start_response(status, headers + added[is_secure(environ)])
            return [body]

    return application


def handing_over(django: Application) -> Application:
    """Return the application with requests that keep the interpreter for long, as all but those that wait do."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(POLL):
            return django(environ, start_response)
        with quick_handover:
            return django(environ, start_response)

    return application


def customer_of(environ: Environ) -> UUID | None:
    """Return whose request this is by what is remembered; None for the operator's, and for whoever is unknown."""
    path = environ["PATH_INFO"]
    if path.endswith(POLL):
        return None  # it takes its place itself, and has none while it waits: api/polls.py
    if path.startswith(API):
        known = remembered_key(environ.get("HTTP_AUTHORIZATION", ""))
        return known.customer_id if known else None
    if not path.startswith(PORTAL_PATH):
        return None
    session = _session_in(environ.get("HTTP_COOKIE", ""))
    return _sessions.get(_digest(session)) if session else None


def remember_session(environ: Environ, customer_id: UUID | None) -> None:
    """Remember whose share the requests of this session are part of, or, with None, forget it: it has ended."""
    session = _session_in(environ.get("HTTP_COOKIE", ""))
    if not session:
        return
    with _lock:
        _sessions.pop(_digest(session), None)
        if customer_id is not None:
            remember(_sessions, _digest(session), customer_id, limit=REMEMBERED)


def _session_in(cookies: str) -> str:
    found = _cookie_pattern(session_cookie(PORTAL)).findall(cookies)
    return str(found[-1]) if found else ""


@lru_cache(maxsize=2)
def _cookie_pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|;)\s*{re.escape(name)}=([^;\s]*)")


def _digest(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()


def _refusal(error: TooManyAtOnce, *, is_api: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    body, kind = SENTENCE, "text/plain; charset=utf-8"
    if is_api:
        found = problem_of(error)
        body, kind = orjson.dumps(found[0] if found else {}), CONTENT_TYPE
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Retry-After", "1")]
    return "429 Too Many Requests", headers, body
