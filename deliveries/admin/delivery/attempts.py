"""Attempts on pages: the request as it was sent, how long its phases took, what was answered.

What lives here: values of a row as text that is safe to look at. It must not know requests or permissions.
"""

from __future__ import annotations

from urllib.parse import urljoin

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.parts.badges import answer_of, moment
from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.safe_text import readable
from deliveries.admin.words.actor_words import actor_in_words
from deliveries.errors import CannotShape
from deliveries.models import Attempt, Endpoint, Event, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.answers.advice import advice_for
from deliveries.protocol.answers.shown_body import shown_body
from deliveries.protocol.events.api_versions import VERSION_HEADER
from deliveries.protocol.sending.batching import read_place
from deliveries.protocol.sending.curl import as_curl
from deliveries.protocol.sending.payload import PLAIN
from deliveries.protocol.sending.request import kept_body, read_headers, read_method
from deliveries.services.bodies.sent_bodies import body_sent
from deliveries.services.catalogue.version_table import route_of, version_table
from deliveries.services.common.languages import in_words, tell

PHASES = {
    "dns_ms": gettext_noop("look-up"),
    "connect_ms": gettext_noop("connection"),
    "tls_ms": "TLS",
    "first_byte_ms": gettext_noop("first byte of the answer"),
}
OTHER = gettext_noop("the rest of the answer")
# What only the opened attempt shows, and may be large.
HEAVY = ("response_body", "response_headers", "request_headers")


def shown_attempt(attempt: Attempt, viewer: Viewer) -> dict[str, object]:
    """Return what the timeline shows of an attempt."""
    return {
        "row": attempt,
        "id": attempt.public_id,
        "actor": actor_in_words(visible.shown_actor(viewer, attempt.actor)),
        "reason": in_words(readable(attempt.reason.encode())),
        "answer": answer_of(attempt),
        "started": moment(attempt.started_at),
        "says": advice_for(attempt.error, attempt.status_code).says if attempt.error else "",
    }


def opened_attempt(attempt: Attempt, event: Event | None, endpoint: Endpoint | None) -> dict[str, object]:
    """Return all that is kept of an attempt: request, answer, phases."""
    raw = bytes(attempt.response_body)
    shown = shown_body(raw, attempt.response_headers)
    kept = kept_body(attempt.request_headers)
    body = body_as_sent(event, endpoint) if kept is None else kept
    return {
        "row": attempt,
        "id": attempt.public_id,
        "request": _request_of(attempt, body),
        "sent": None if body is None else coloured_json(body),
        "sent_bytes": 0 if body is None else len(body),
        "version": version_in_words(read_headers(attempt.request_headers).get(VERSION_HEADER), event),
        "phases": phases_of(attempt),
        "headers": readable(attempt.response_headers.encode()),
        "body": _shown_answer(shown.text, attempt.response_headers),
        "body_note": shown.note,
        "size": len(raw),
    }


def body_as_sent(event: Event | None, endpoint: Endpoint | None) -> bytes | None:
    """Return what the endpoint is sent of an event, by its settings now; None when the event or its content is gone."""
    if event is None or event.erased_at is not None:
        return None
    return body_sent(event, PLAIN if endpoint is None else endpoint.shaping)


def payload_in_words(endpoint: Endpoint | None) -> str:
    """Return how an endpoint wants its events now, as a sentence; empty for a plain one."""
    if endpoint is None or endpoint.shaping == PLAIN:
        return ""
    mode, form = endpoint.get_payload_mode_display(), endpoint.get_body_format_display()
    if endpoint.body_format == Endpoint.BodyFormat.JSON:
        said = tell("This endpoint gets it by {method}. {mode}.", method=endpoint.method, mode=mode)
    else:
        said = tell(
            "This endpoint gets it by {method} as {form}. {mode}.", method=endpoint.method, form=form, mode=mode
        )
    if endpoint.batch_size == 1:
        return said
    return f"{said} {tell('It is sent up to {number} events in one request.', number=endpoint.batch_size)}"


def version_in_words(sent: str | None, event: Event | None) -> str:
    """Return in which version an event was sent and of which it was made, as a sentence; empty without versions."""
    if not sent:
        return ""
    emitted = None if event is None else event.api_version or next(iter(version_table().names), None)
    if emitted in (None, sent):
        return tell("In version {version}.", version=sent)
    return tell("In version {version}, made of {emitted}.", version=sent, emitted=emitted)


def version_now(event: Event | None, endpoint: Endpoint | None) -> str:
    """Return the same of what would be sent by the endpoint's settings now."""
    if event is None or endpoint is None:
        return ""
    try:
        route = route_of(event.type, event.api_version, endpoint.api_version)
    except CannotShape as error:
        return tell("It is not sent: {detail}.", detail=error.detail)
    return version_in_words(route.sent_as, event) if route else ""


def redirect_of(attempt: Attempt | None) -> str:
    """Return where a redirect led to, as an address; empty when the attempt was none."""
    if attempt is None or attempt.status_code is None or not 300 <= attempt.status_code < 400:
        return ""
    location = read_headers(attempt.response_headers).get("location", "").strip()
    try:
        led_to = urljoin(attempt.request_url, location) if location else ""
    except ValueError:
        return ""
    return led_to if led_to.startswith(("https://", "http://")) and led_to != attempt.request_url else ""


def phases_of(attempt: Attempt) -> list[dict[str, object]]:
    """Return the phases that took place, each with its share of the whole time in percent."""
    took = {words: getattr(attempt, name) for name, words in PHASES.items()}
    known = {words: milliseconds for words, milliseconds in took.items() if milliseconds is not None}
    if not known:
        return []
    known[OTHER] = max(0, attempt.duration_ms - sum(known.values()))
    whole = sum(known.values()) or 1
    return [
        {"words": words, "ms": milliseconds, "percent": round(milliseconds * 100 / whole, 1), "kind": place}
        for place, (words, milliseconds) in enumerate(known.items())
        if milliseconds or words != OTHER
    ]


def title_of(attempt: Attempt) -> str:
    """Return how the timeline calls an attempt."""
    if attempt.number is None:
        return gettext("Redelivery")
    return tell("Attempt {number}", number=attempt.number)


def _request_of(attempt: Attempt, body: bytes | None) -> dict[str, object] | None:
    if not attempt.request_url:
        return None
    headers, method = read_headers(attempt.request_headers), read_method(attempt.request_headers)
    place = read_place(attempt.request_headers)
    return {
        "line": f"{method} {attempt.request_url}",
        "headers": readable("\n".join(f"{name}: {value}" for name, value in headers.items()).encode()),
        "hints": attempt.signed_with.splitlines(),
        "curl": "" if body is None or place else as_curl(method, attempt.request_url, headers, body),
        "place": place,
    }


def _shown_answer(text: str, headers: str) -> str:
    is_json = "json" in read_headers(headers).get("content-type", "").lower()
    return coloured_json(text.encode("utf-8", "replace")) if is_json else readable(text.encode("utf-8", "replace"))
