"""Emitting events: the two paths where speed counts.

What lives here: from the raw body to drafts and back to 202. `dispatch` answers a POST itself, without
the REST framework's request, so that an event costs little more than its statement. `data` is never
rebuilt: the bytes that came in are the bytes that are signed. It must not know how events are stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import msgspec
import orjson
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException
from rest_framework.exceptions import ParseError, PermissionDenied, UnsupportedMediaType

from deliveries.actors import wake
from deliveries.api.auth import CHALLENGE, KnownKey, Scope, known_key
from deliveries.api.base import ApiView
from deliveries.api.problems import TooLargeError, plain_problem, problem_of
from deliveries.conf import conf
from deliveries.errors import HookpostError, InvalidId, InvalidInput, NotFound
from deliveries.models import Customer
from deliveries.protocol import ids
from deliveries.protocol.event_types import check_name
from deliveries.services.events import Accepted, EventDraft, accept_event, accept_events

BATCH_LIMIT = 1000
KEY_LIMIT = 255


class EventBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /events; `data` stays as it was written."""

    customer: str
    type: str
    data: msgspec.Raw
    timestamp: datetime | None = None


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /events/batch."""

    events: list[msgspec.Raw]
    atomic: bool = False


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # not after an escaped backslash; backslashes stand in texts only
_event_decoder = msgspec.json.Decoder(EventBody)
_batch_decoder = msgspec.json.Decoder(BatchBody)


class EmitView(ApiView):
    """POST /events; other methods are answered by whoever inherits."""

    scopes: ClassVar[dict[str, str]] = {"GET": Scope.READ, "HEAD": Scope.READ, "POST": Scope.EVENTS_WRITE}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a POST here, and leave the rest to the REST framework."""
        return _answer(request, _emit) if request.method == "POST" else super().dispatch(request, *args, **kwargs)

    def post(self, request: Any) -> Any:
        """Documented here, answered by dispatch."""
        raise AssertionError("dispatch answers a POST")


class EmitBatchView(ApiView):
    """POST /events/batch."""

    scopes: ClassVar[dict[str, str]] = {"POST": Scope.EVENTS_WRITE}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a POST here, and leave the rest to the REST framework."""
        return _answer(request, _emit_batch) if request.method == "POST" else super().dispatch(request, *args, **kwargs)

    def post(self, request: Any) -> Any:
        """Documented here, answered by dispatch."""
        raise AssertionError("dispatch answers a POST")


def _answer(request: HttpRequest, act: Callable[[HttpRequest, KnownKey], Any]) -> HttpResponse:
    try:
        key = _caller(request)
        return HttpResponse(orjson.dumps(act(request, key)), status=202, content_type="application/json")
    except Exception as error:
        found = problem_of(error)
        if found is None:
            raise
        body, headers = found
        if body["status"] == 401:
            headers = {**headers, "WWW-Authenticate": CHALLENGE}
        return plain_problem(body, headers)


def _caller(request: HttpRequest) -> KnownKey:
    key = known_key(request.META.get("HTTP_AUTHORIZATION", ""))
    if Scope.EVENTS_WRITE not in key.scopes:
        raise PermissionDenied(f"this needs a key with the scope {Scope.EVENTS_WRITE}")
    return key


def _emit(request: HttpRequest, key: KnownKey) -> dict[str, Any]:
    raw = _body(request, conf.body_limit_bytes)
    draft = _draft(raw, key, idempotency_key=_idempotency_key(request))
    accepted = accept_event(draft)
    wake(accepted.wake)
    return _told(accepted)


def _emit_batch(request: HttpRequest, key: KnownKey) -> dict[str, Any]:
    raw = _body(request, conf.batch_body_limit_bytes)
    try:
        batch = _batch_decoder.decode(raw)
    except _UNREADABLE as error:
        raise _refused_json(error) from error
    if not 1 <= len(batch.events) <= BATCH_LIMIT:
        raise InvalidInput(f"a batch has 1 to {BATCH_LIMIT} events", field="events")
    idempotency_key = _idempotency_key(request)
    drafts = [
        _draft_or_error(bytes(each), key, f"{idempotency_key}:{place}" if idempotency_key else None)
        for place, each in enumerate(batch.events)
    ]
    results = accept_events(drafts, atomic=batch.atomic)
    wake(lane for result in results if isinstance(result, Accepted) for lane in result.wake)
    return {"results": [_told(r) if isinstance(r, Accepted) else {"error": _problem(r)} for r in results]}


def _body(request: HttpRequest, limit_bytes: int) -> bytes:
    kind = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json":
        raise UnsupportedMediaType(kind)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    try:
        raw = request.body
    except (RawPostDataException, OSError) as error:
        raise ParseError("the body ended early") from error
    if len(raw) > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    return raw


def _draft_or_error(raw: bytes, key: KnownKey, idempotency_key: str | None) -> EventDraft | HookpostError:
    try:
        return _draft(raw, key, idempotency_key=idempotency_key)
    except HookpostError as error:
        return error
    except ParseError as error:
        return InvalidInput(str(error.detail))


def _draft(raw: bytes, key: KnownKey, *, idempotency_key: str | None) -> EventDraft:
    try:
        given = _event_decoder.decode(raw)
    except _UNREADABLE as error:
        raise _refused_json(error) from error
    if given.timestamp is not None and given.timestamp.tzinfo is None:
        raise InvalidInput("a timestamp needs its offset from UTC, such as Z", field="timestamp")
    return EventDraft(
        type=_check_type(given.type),
        data=_check_data(bytes(given.data)),
        timestamp=given.timestamp,
        idempotency_key=idempotency_key,
        owner_id=key.id,
        api_key_id=key.id,
        fingerprint=hashlib.sha256(raw).digest() if idempotency_key else b"",
        **_customer(given.customer, key),
    )


def _customer(reference: str, key: KnownKey) -> dict[str, Any]:
    try:
        customer_id = ids.decode_id(ids.CUSTOMER, reference)
    except InvalidId:
        customer_id = None
    if "\x00" in reference:
        raise NotFound
    if key.customer_id is None:
        return {"customer_id": customer_id, "customer_uid": reference}
    own = customer_id == key.customer_id or Customer.objects.filter(id=key.customer_id, uid=reference).exists()
    if not own:
        raise NotFound
    return {"customer_id": key.customer_id}


def _check_type(name: str) -> str:
    try:
        return check_name(name)
    except InvalidInput as error:
        raise InvalidInput(error.detail, field="type") from error


def _check_data(raw: bytes) -> bytes:
    """The decoder above checks form only; this one also refuses what no receiver could read."""
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        raise InvalidInput(f"data is not JSON: {str(error).partition(':')[0]}", field="data") from error
    if not isinstance(value, dict):
        raise InvalidInput("data must be an object", field="data")
    if _NUL.search(raw):
        raise InvalidInput("data holds \\u0000, which cannot be stored by most receivers", field="data")
    return raw


def _idempotency_key(request: HttpRequest) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isprintable()):
        raise InvalidInput(f"Idempotency-Key has 1 to {KEY_LIMIT} printable characters", field="Idempotency-Key")
    return key


def _refused_json(error: Exception) -> Exception:
    text = "it nests too deep" if isinstance(error, RecursionError) else str(error)
    if not isinstance(error, msgspec.ValidationError):
        return ParseError(f"the body is not JSON: {text}")
    sentence, _, place = text.partition(" - at `$")
    pointer = place.rstrip("`").replace("[", ".").replace("]", "").strip(".")
    if not pointer and "`" in sentence:
        pointer = sentence.rpartition("field ")[2].strip("`")
    return InvalidInput(sentence[:1].lower() + sentence[1:], field=pointer)


def _problem(error: HookpostError) -> Any:
    found = problem_of(error)
    if found is None:
        raise error
    return found[0]


def _told(accepted: Accepted) -> dict[str, Any]:
    told = {"id": ids.encode_id(ids.EVENT, accepted.event_id), "deliveries": accepted.deliveries}
    warnings = [{"pointer": f"/data{each.pointer}", "detail": each.detail} for each in accepted.warnings]
    return told | {"warnings": warnings} if warnings else told
