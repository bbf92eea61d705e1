"""Emitting events: POST /events and /events/batch, the two paths where speed counts.

What lives here: from a posted request to acceptance and its answer, without the REST framework's request, so that
an event costs little more than its statement. config/fast_path.py brings requests here before Django's middleware;
the views bring those that came through it. It must not know how events are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment as Environ

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ParseError, PermissionDenied, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.actors import wake
from deliveries.api.auth import CHALLENGE, KnownKey, Scope, known_key
from deliveries.api.base import ApiView, refuse_condition
from deliveries.api.drafts import BATCH_LIMIT, place_key, read_batch, read_draft
from deliveries.api.parsers import refuse_coding
from deliveries.api.problems import CONTENT_TYPE, Problem, QueryError, TooLargeError, problem_of
from deliveries.conf import conf
from deliveries.database.limits import answered_within
from deliveries.errors import HookpostError, Unavailable
from deliveries.metrics import names
from deliveries.metrics.kinds import OTHER
from deliveries.protocol.events.event_data import check_idempotency_key, key_of_header
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.json_members import escaped
from deliveries.protocol.writing.trace_context import read_trace_context
from deliveries.services.accepting.events import Accepted, EventDraft, accept_batch, accept_event, accept_events
from deliveries.services.accepting.fan_out import begin_fan_outs
from deliveries.services.process.group_commit import COMMIT_SECONDS
from deliveries.services.process.interpreter import quick_handover
from deliveries.services.process.shares import charge, posted_events
from deliveries.tracing import switch

JSON = "application/json"

Read = Callable[[int, KnownKey], bytes]  # so many bytes of this caller's body, once the caller is known
Emit = Callable[[Environ, Read, KnownKey], object]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it is known who carries it."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class EmitView(ApiView):
    """A view whose POST emits; `emit` says what, and other methods are answered by whoever inherits."""

    emit: Emit
    scopes: ClassVar[dict[str, str]] = {"GET": Scope.READ, "HEAD": Scope.READ, "POST": Scope.EVENTS_WRITE}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer a POST here, and leave the rest to the REST framework."""
        return _carried(request, self.emit) if request.method == "POST" else super().dispatch(request, *args, **kwargs)

    def post(self, request: Request) -> Response:
        """Documented here, answered by dispatch."""
        raise AssertionError("dispatch answers a POST")


def reply_to(environ: Environ, read: Read, emit: Emit) -> Reply:
    """Return the answer to a posted request, also to one that is refused; raises only for a mistake of ours."""
    with names.ACCEPT_SECONDS.timed():
        if (spans := switch.spans) is None:
            return _reply(environ, read, emit)
        with spans.serving(environ["PATH_INFO"], _trace_of_caller(environ)) as span:
            reply = _reply(environ, read, emit)
            span.set_attribute("http.response.status_code", reply.status)
            return reply


def _reply(environ: Environ, read: Read, emit: Emit) -> Reply:
    try:
        with answered_within(COMMIT_SECONDS):
            key = _caller(environ)
            with posted_events.place(key.customer_id, body_bytes=_length(environ)):
                return Reply(202, orjson.dumps(emit(environ, read, key)))
    except Exception as error:
        found = problem_of(error)
        _count_refusal(found and found[0])
        if found is None:
            raise
        body, headers = found
        if body["status"] == 401:
            headers = {**headers, "WWW-Authenticate": CHALLENGE}
        return Reply(body["status"], orjson.dumps(body), CONTENT_TYPE, headers)


def emit_one(environ: Environ, read: Read, key: KnownKey) -> dict[str, object]:
    """Accept the event of POST /events."""
    raw = _body(environ, read, key, conf.body_limit_bytes)
    draft = read_draft(raw, key, idempotency_key=_idempotency_key(environ), trace_context=_trace_context(environ))
    accepted = accept_event(draft)
    _deliver([accepted], key)
    return _told(accepted)


def emit_batch(environ: Environ, read: Read, key: KnownKey) -> dict[str, object]:
    """Accept the events of POST /events/batch."""
    raw = _body(environ, read, key, conf.batch_body_limit_bytes)
    with quick_handover:
        return _emit_batch(environ, raw, key)


def _emit_batch(environ: Environ, raw: bytes, key: KnownKey) -> dict[str, object]:
    idempotency_key = _idempotency_key(environ)
    drafts, atomic = read_batch(raw, key, idempotency_key=idempotency_key, trace_context=_trace_context(environ))
    results = _accept(drafts, idempotency_key, atomic=atomic)
    accepted = [result for result in results if isinstance(result, Accepted)]
    if not accepted and (away := next((each for each in results if isinstance(each, Unavailable)), None)):
        raise away  # no event's fault, and whoever looks at the status only must not take all of them for stored
    _deliver(accepted, key)
    return {"results": [_told(r) if isinstance(r, Accepted) else {"error": _problem(r)} for r in results]}


def _accept(
    drafts: Sequence[EventDraft | HookpostError], key: str | None, *, atomic: bool
) -> list[Accepted | HookpostError]:
    if key is None:
        return accept_events(drafts, atomic=atomic)
    keys = [place_key(key, place) for place in range(BATCH_LIMIT)]
    return accept_batch(drafts, atomic=atomic, idempotency_key=key, keys=keys)


def _deliver(accepted: Sequence[Accepted], key: KnownKey) -> None:
    """Ring for what is to be sent, and go on with what is not fanned out yet; neither is waited for."""
    if lanes := [lane for each in accepted for lane in each.wake]:
        wake(lanes)
    if key.customer_id is not None:
        charge(key.customer_id, deliveries=sum(each.deliveries or 0 for each in accepted))
    if pending := [each.event_id for each in accepted if each.pending]:
        begin_fan_outs(wake, posted=pending, by=key.customer_id)


def _carried(request: HttpRequest, emit: Emit) -> HttpResponse:
    def read(length: int, key: KnownKey) -> bytes:
        try:
            return request.body
        except (RawPostDataException, OSError) as error:
            raise ParseError("the body ended early") from error

    reply = reply_to(request.META, read, emit)
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type, headers=reply.headers)


def _caller(environ: Environ) -> KnownKey:
    key = known_key(environ.get("HTTP_AUTHORIZATION", ""))
    if Scope.EVENTS_WRITE not in key.scopes:
        raise PermissionDenied(f"this needs a key with the scope {Scope.EVENTS_WRITE}")
    return key


def _body(environ: Environ, read: Read, key: KnownKey, limit_bytes: int) -> bytes:
    if query := environ.get("QUERY_STRING"):
        given = dict(parse_qsl(query, keep_blank_values=True)) or {query: ""}
        raise QueryError([{"pointer": f"/{escaped(name)}", "detail": "there is no such field"} for name in given])
    refuse_condition(environ)
    refuse_coding(environ)
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind and kind != JSON:
        raise UnsupportedMediaType(kind)
    length = None if "HTTP_TRANSFER_ENCODING" in environ else _length(environ)
    if length is not None and length > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    raw = read(limit_bytes + 1 if length is None else length, key)
    if length is not None and len(raw) < length:
        raise ParseError("the body ended early")
    if len(raw) > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    return raw


def _length(environ: Environ) -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _idempotency_key(environ: Environ) -> str | None:
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    return None if key is None else check_idempotency_key(key_of_header(_as_written(key)), field="Idempotency-Key")


def _as_written(header: str) -> str:
    """Return a header's text: UTF-8, which the environment of WSGI holds as Latin-1, or that."""
    with suppress(UnicodeError):
        return header.encode("latin-1").decode()
    return header


def _trace_context(environ: Environ) -> str | None:
    """Return the trace that events belong to: this request's own where it has one, else the caller's."""
    return _trace_of_caller(environ) if switch.spans is None else switch.spans.current()


def _trace_of_caller(environ: Environ) -> str | None:
    traceparent: str | None = environ.get("HTTP_TRACEPARENT")
    return None if traceparent is None else read_trace_context(traceparent, environ.get("HTTP_TRACESTATE", ""))


def _problem(error: HookpostError) -> object:
    found = problem_of(error)
    if found is None:
        raise error
    _count_refusal(found[0])
    return found[0]


def _count_refusal(found: Problem | None) -> None:
    """Count what was refused; without a problem it is a mistake of ours."""
    reason = "error" if found is None else names.REFUSALS.get(found["status"], OTHER)
    names.EVENTS_REFUSED.add(1, "unconfirmed" if found and found["type"].endswith(":unconfirmed") else reason)


def _told(accepted: Accepted) -> dict[str, object]:
    told: dict[str, object] = {"id": ids.encode_id(ids.EVENT, accepted.event_id), "deliveries": accepted.deliveries}
    warnings = [{"pointer": f"/data{each.pointer}", "detail": each.detail} for each in accepted.warnings]
    return told | {"warnings": warnings} if warnings else told
