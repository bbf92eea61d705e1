"""What an endpoint's fields may hold.

What lives here: one check per field, each raising InvalidInput with the field's name, and the checks
that need a name server or PostgreSQL. It must not know who asks, and changes nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.db import DatabaseError, connection, transaction

from deliveries.conf import conf
from deliveries.errors import InvalidFilter, InvalidInput, InvalidUrl
from deliveries.models import Endpoint
from deliveries.models.base import REASON_LIMIT
from deliveries.outbound.client import check_target
from deliveries.outbound.guard import resolved
from deliveries.protocol.events.event_types import check_pattern
from deliveries.protocol.events.filters import check_filter
from deliveries.protocol.events.tags import check_tags
from deliveries.protocol.events.transformation import check_transformation
from deliveries.protocol.sending.batching import SIZE_MAX, WAIT_MS_MAX, check_batches
from deliveries.protocol.sending.client_tls import check_tls
from deliveries.protocol.sending.credentials import check_auth
from deliveries.protocol.sending.inbox import is_inbox
from deliveries.protocol.sending.payload import METHODS, check_together
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.sending.request import check_headers
from deliveries.protocol.signing.profiles import check_signing
from deliveries.protocol.when.backoff import SCHEDULE_LIMIT, check_schedule
from deliveries.protocol.when.delivery_window import check_window
from deliveries.protocol.writing.addresses import parsed_address
from deliveries.protocol.writing.ids import decode_id
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.urls import check_url, split_url
from deliveries.services.catalogue.api_versions import check_pin
from deliveries.services.common import clock
from deliveries.services.endpoint.endpoint_secrets import own_header_names

SHAPING = {"payload_mode", "body_format", "transformation", "headers", "signing"}
SHAPING |= {"batch_size", "ordered", "send_trace_context"}
EVENT_TYPE_LIMIT = 200
METADATA_LIMIT_BYTES = 16_384
DESCRIPTION_LIMIT = 300
NUMBERS = {
    "batch_size": (1, SIZE_MAX),
    "batch_wait_ms": (0, WAIT_MS_MAX),
    "rate_limit": (1, 100_000),
    "max_in_flight": (1, 100),
    "timeout_seconds": (1, 30),
    "set_aside_after": (1, SCHEDULE_LIMIT),
}
UID_LIMIT = 128
ALLOW_LOOK_UP_SECONDS = 2.0

_UID = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._~:@+=-]{{0,{UID_LIMIT - 1}}}")


def check_fields(fields: Mapping[str, object]) -> dict[str, Any]:
    """Return the given fields in their stored form; an unknown one is a mistake of ours, not of the caller."""
    return {name: _CHECKS[name](value) for name, value in fields.items()}


def check_uid(value: str | None, *, prefix: str) -> str | None:
    """Return a caller's own id, or raise InvalidInput; one that reads like an id of ours would be ambiguous."""
    if value is None:
        return None
    if _UID.fullmatch(value) is None:
        said = say("a uid has 1 to 128 of the characters A-Z a-z 0-9 . _ ~ : @ + = -, a letter, figure or _ first")
        raise InvalidInput(said, field="uid")
    try:
        decode_id(prefix, value)
    except InvalidInput:
        return value
    raise InvalidInput(say("a uid must not look like an id"), field="uid")


def check_endpoint_url(text: str) -> str:
    """Return the URL in its stored form if requests may go there now; raises InvalidUrl."""
    if is_inbox(text) or is_polled(text):
        return text  # no request goes anywhere: outbound/inbox.py, engine/polls.py
    return _check_called_url(text)


def _check_called_url(text: str) -> str:
    url = check_url(text, allow_http=conf.allow_http, ports=conf.allowed_ports, allowed=_is_allow_listed)
    _, host, port = split_url(url)
    if _is_ours(host) and not _is_allow_listed(host, port):
        raise InvalidUrl(say("{host} is where Hookpost itself is reached", host=host), field="url")
    check_target(host, port)
    return url


def check_endpoint_auth(given: object) -> dict[str, str] | None:
    """Return credentials in their stored form; a token URL is checked like an endpoint's. Raises InvalidInput."""
    auth = check_auth(given)
    if auth is not None and "token_url" in auth:
        try:
            auth["token_url"] = _check_called_url(auth["token_url"])
        except InvalidUrl as error:
            raise InvalidInput(say("token_url: {detail}", detail=error.detail), field="auth") from error
    return auth


def check_endpoint_filter(text: str) -> str:
    """Return a filter that our reader and PostgreSQL both take; raises InvalidFilter."""
    if not text:
        return ""
    check_filter(text)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonpath", [text])
    except DatabaseError as error:
        raise InvalidFilter(say("PostgreSQL cannot read this filter"), field="filter") from error
    return text


def check_shaping(endpoint: Endpoint) -> None:
    """Raise InvalidInput where two of the fields in SHAPING do not go together."""
    check_together(endpoint.shaping, own_header_names(endpoint))
    traced, polled = endpoint.send_trace_context, is_polled(endpoint.url)
    check_batches(endpoint.batch_size, ordered=endpoint.ordered, polled=polled, traced=traced)


def host_of(url: str) -> str:
    """Return the host of a stored URL."""
    return split_url(url)[1]


def _is_ours(host: str) -> bool:
    """Say whether a host is one that our web processes answer to: what is sent there could beget more of its kind."""
    bare, names = host.removesuffix("."), [urlsplit(conf.base_url).hostname or "", *conf.allowed_hosts]
    return any(f".{bare}".endswith(name) if name.startswith(".") else bare == name for name in map(_bare_name, names))


def _bare_name(host: str) -> str:
    return host.lower().strip("[]")


def _is_allow_listed(host: str, port: int) -> bool:
    targets = [target for target in conf.allow_targets if target.opens(port)]
    if not targets:
        return False
    found = [parsed_address(address) for address in _addresses(host, port)]
    return bool(found) and all(address and any(address in t.network for t in targets) for address in found)


def _addresses(host: str, port: int) -> tuple[str, ...]:
    if parsed_address(host) is not None:
        return (host,)
    try:
        return resolved(host, port, resolve=socket.getaddrinfo, timeout_seconds=ALLOW_LOOK_UP_SECONDS)
    except InvalidUrl:
        return ()


def _check_event_types(patterns: list[str]) -> list[str]:
    if len(patterns) > EVENT_TYPE_LIMIT:
        raise InvalidInput(
            say("at most {event_type_limit} event types", event_type_limit=EVENT_TYPE_LIMIT), field="event_types"
        )
    try:
        return [check_pattern(pattern) for pattern in dict.fromkeys(patterns)]
    except InvalidInput as error:
        raise type(error)(error.detail, field="event_types") from error


def _check_metadata(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or len(orjson.dumps(value)) > METADATA_LIMIT_BYTES:
        raise InvalidInput(
            say("an object of at most {metadata_limit} bytes of JSON", metadata_limit=f"{METADATA_LIMIT_BYTES:,}"),
            field="metadata",
        )
    return value


def _check_text(name: str, *, limit: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if len(value) > limit or "\x00" in value:
            raise InvalidInput(say("at most {limit} characters, and no NUL", limit=limit), field=name)
        return value

    return check


def _check_number(name: str, *, empty: bool = False) -> Callable[[int | None], int | None]:
    low, high = NUMBERS[name]

    def check(value: int | None) -> int | None:
        if value is None and empty:
            return None
        if type(value) is not int or not low <= value <= high:
            raise InvalidInput(say("a whole number from {low} to {high}", low=low, high=high), field=name)
        return value

    return check


def _check_choice(name: str, choices: list[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in choices:
            raise InvalidInput(say("one of {names}", names=", ".join(choices)), field=name)
        return value

    return check


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "url": check_endpoint_url,
    "uid": lambda value: check_uid(value, prefix=Endpoint.PREFIX),
    "description": _check_text("description", limit=DESCRIPTION_LIMIT),
    "state_reason": _check_text("state_reason", limit=REASON_LIMIT),
    "event_types": _check_event_types,
    "filter": check_endpoint_filter,
    "tags": lambda value: list(check_tags(value or ())) or None,
    "metadata": _check_metadata,
    "headers": check_headers,
    "auth": check_endpoint_auth,
    "tls": lambda value: check_tls(value, now=clock.likely_now()),
    "signing": check_signing,
    "payload_mode": _check_choice("payload_mode", Endpoint.PayloadMode.values),
    "method": _check_choice("method", list(METHODS)),
    "body_format": _check_choice("body_format", Endpoint.BodyFormat.values),
    "transformation": check_transformation,
    "batch_size": _check_number("batch_size"),
    "batch_wait_ms": _check_number("batch_wait_ms"),
    "rate_limit": _check_number("rate_limit", empty=True),
    "max_in_flight": _check_number("max_in_flight"),
    "retry_schedule": lambda value: None if value is None else check_schedule(value),
    "timeout_seconds": _check_number("timeout_seconds"),
    "ordered": bool,
    "delivery_window": check_window,
    "api_version": check_pin,
    "send_trace_context": bool,
    "set_aside_after": _check_number("set_aside_after", empty=True),
    "state": _check_choice("state", Endpoint.State.values),
}
