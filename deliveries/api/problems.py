"""Errors as the API tells them: `application/problem+json`. Source: RFC 9457.

What lives here: from an exception to a problem, for REST views and for lean views. It must not know what any view does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict

import orjson
import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import DataError, IntegrityError, InterfaceError, InternalError, NotSupportedError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from deliveries import errors
from deliveries.database.failures import first_line, is_clash, is_outrun, is_read_only, is_surely_undone
from deliveries.protocol.writing.json_members import escaped

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
READ_METHODS = "GET, HEAD, OPTIONS"
NOT_THERE = "there is nothing of this id, or it is not yours to see"


class Problem(TypedDict):
    """The members of a problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[dict[str, str]]]
    limit: NotRequired[str]
    figure: NotRequired[int]
    owner: NotRequired[str]


class QueryError(Exception):
    """A parameter of the query string is refused; `errors` as in a problem."""

    def __init__(self, found: list[dict[str, str]]) -> None:
        super().__init__("the query is not understood")
        self.errors = found


class CodedError(Exception):
    """The body of the request came compressed, or in another coding."""


class TooLargeError(Exception):
    """The body of the request is larger than the limit."""


def problem(code: int, detail: str, *, slug: str = "", found: Iterable[Mapping[str, str]] = ()) -> Problem:
    """Return the members of a problem; `slug` names its type where the status alone does not say it."""
    title = HTTPStatus(code).phrase
    kind = slug or title.lower().replace(" ", "-")
    made: Problem = {"type": f"urn:hookpost:problem:{kind}", "title": title, "status": code, "detail": detail}
    listed = [dict(each) for each in found]
    return made | {"errors": listed} if listed else made


def problem_body(code: int, detail: str) -> bytes:
    """Return a problem as bytes."""
    return orjson.dumps(problem(code, detail))


def problem_of(error: BaseException) -> tuple[Problem, dict[str, str]] | None:
    """Return the problem that an exception means, and headers for its answer; None for a mistake of ours."""
    for known, describe in _DESCRIPTIONS.items():
        if isinstance(error, known):
            described: tuple[Problem, dict[str, str]] | None = describe(error)
            return described
    return None


def handle(error: Exception, context: Mapping[str, object]) -> Response | None:
    """Answer an exception of a REST view; None lets Django's handler log it and answer 500."""
    found = problem_of(error)
    if found is None:
        return None
    set_rollback()
    body, headers = found
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def plain_problem(body: Problem, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a problem as a plain answer, for views without the REST framework."""
    return HttpResponse(orjson.dumps(body), status=body["status"], content_type=CONTENT_TYPE, headers=headers)


def field_errors(detail: object, pointer: str = "") -> list[dict[str, str]]:
    """Flatten what a serializer refused into JSON pointers (RFC 6901) and sentences."""
    if isinstance(detail, Mapping):
        pairs = [
            (pointer if key == "non_field_errors" else f"{pointer}/{escaped(str(key))}", value)
            for key, value in detail.items()
        ]
    elif isinstance(detail, list) and any(isinstance(each, Mapping) for each in detail):
        pairs = [(f"{pointer}/{place}", value) for place, value in enumerate(detail) if value]
    else:
        values = detail if isinstance(detail, list) else [detail]
        return [{"pointer": pointer, "detail": str(value)} for value in values]
    return [each for place, value in pairs for each in field_errors(value, place)]


def reading(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let a plain view answer GET and HEAD, and any other method as the rest of the API does."""

    @csrf_exempt  # which would answer a POST first, with a page about forms
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={"Allow": READ_METHODS})
        return plain_problem(problem(405, f"{request.method} is not for this address"), {"Allow": READ_METHODS})

    return answer


def _invalid_input(error: errors.InvalidInput) -> tuple[Problem, dict[str, str]]:
    return problem(422, error.detail, slug="invalid-input", found=_pointed(error) if error.field else ()), {}


def _pointed(error: errors.HookpostError) -> list[dict[str, str]]:
    """Return to which members of an event, or of another body, an error points."""
    if isinstance(error, errors.InvalidData):
        return [{"pointer": f"/data{each.pointer}", "detail": each.detail} for each in error.found]
    if isinstance(error, errors.InvalidMember):
        return [{"pointer": error.pointer, "detail": str(error)}]
    field = error.field.replace(".", "/") if isinstance(error, errors.InvalidInput) else ""
    return [{"pointer": f"/{field}" if field else "", "detail": str(error)}]


def _batch_refused(error: errors.BatchRefused) -> tuple[Problem, dict[str, str]]:
    found = [each | {"pointer": f"/events/{error.place}{each['pointer']}"} for each in _pointed(error.reason)]
    detail = "nothing was stored: an event of the batch is refused"
    return problem(422, detail, slug="batch-refused", found=found), {}


def _validation(error: exceptions.ValidationError) -> tuple[Problem, dict[str, str]]:
    return problem(422, "some fields are refused", slug="invalid-input", found=field_errors(error.detail)), {}


def _framework(error: exceptions.APIException) -> tuple[Problem, dict[str, str]]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    return problem(error.status_code, str(error.detail)), headers


def _too_many_at_once(error: errors.TooManyAtOnce) -> tuple[Problem, dict[str, str]]:
    return _limit_reached(error, 429)[0], {"Retry-After": "1"}


def _limit_reached(error: errors.LimitReached, code: int = 409) -> tuple[Problem, dict[str, str]]:
    """Name the limit as /meta does, with its figure and whose it is."""
    said = problem(code, str(error), slug="limit-reached")
    return said | {"limit": error.limit, "figure": error.figure, "owner": error.owner}, {}


def _lost_database(error: Exception) -> tuple[Problem, dict[str, str]]:
    log.warning("database_unavailable", error=f"{type(error).__name__}: {first_line(error)}")
    if is_clash(error):
        detail = "others were changing the same at this moment; nothing was changed"
    elif is_read_only(error):
        detail = "the database is read-only at the moment; nothing was changed"
    elif is_surely_undone(error):
        detail = "the database is not available at the moment; nothing was changed"
    else:
        detail = "the database did not answer; if this was a change, look whether it was made before you repeat it"
    return problem(503, detail), {"Retry-After": "1"}


def _read_only(error: Exception) -> tuple[Problem, dict[str, str]] | None:
    return _lost_database(error) if is_read_only(error) else None


def _outrun(error: Exception) -> tuple[Problem, dict[str, str]] | None:
    if not is_outrun(error):
        return None
    _note_outrun(error)
    return problem(409, "others made the same, or deleted what it belongs to, at this moment; nothing was changed"), {}


def _gone(error: Exception) -> tuple[Problem, dict[str, str]]:
    """Tell that what a row belongs to was deleted since the row was read."""
    _note_outrun(error)
    return problem(404, NOT_THERE), {}


def _note_outrun(error: Exception) -> None:
    log.warning("outrun", error=f"{type(error).__name__}: {first_line(error)}")


def _fixed(code: int, *, slug: str = "", detail: str = "", **headers: str) -> Describe:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def describe(error: Exception) -> tuple[Problem, dict[str, str]]:
        return problem(code, detail or str(error), slug=slug), named

    return describe


# Each is given errors of its own kind only.
Describe = Callable[[Any], tuple[Problem, dict[str, str]] | None]

# The first that fits answers: the narrower stand before the wider.
_DESCRIPTIONS: dict[type[Exception], Describe] = {
    QueryError: lambda error: (problem(400, str(error), slug="invalid-query", found=error.errors), {}),
    TooLargeError: _fixed(413),
    CodedError: _fixed(415, Accept_Encoding="identity"),
    errors.BatchRefused: _batch_refused,
    errors.InvalidInput: _invalid_input,
    errors.NotAllowed: _fixed(403),
    errors.NotFound: _fixed(404, detail=NOT_THERE),
    errors.KeyInFlight: _fixed(409, slug="idempotency-key-in-flight", Retry_After="1"),
    errors.TooManyAtOnce: _too_many_at_once,
    errors.LimitReached: _limit_reached,
    errors.Conflict: _fixed(409),
    errors.KeyRevoked: _fixed(401, WWW_Authenticate='Bearer realm="hookpost"'),
    errors.KeyReused: _fixed(422, slug="idempotency-key-reused"),
    errors.CannotDecrypt: _fixed(503, slug="cannot-decrypt", detail="a stored secret cannot be opened at the moment"),
    errors.Unconfirmed: _fixed(503, slug="unconfirmed", Retry_After="1"),
    errors.BodyTooSlow: _fixed(408),
    errors.TooManyBodies: _fixed(503, slug="too-many-bodies", Retry_After="1"),
    errors.Unavailable: _fixed(503, Retry_After="1"),
    exceptions.ValidationError: _validation,
    exceptions.APIException: _framework,
    Http404: _fixed(404, detail=NOT_THERE),
    PermissionDenied: _fixed(403),
    DataError: _fixed(422, slug="invalid-input", detail="a value cannot be stored"),
    OperationalError: _lost_database,
    InterfaceError: _lost_database,
    IntegrityError: _outrun,
    ObjectDoesNotExist: _gone,
    InternalError: _read_only,
    NotSupportedError: _read_only,
}
