"""Attempts on pages: the request as it was sent, how long its phases took, what was answered.

What lives here: values of a row as text that is safe to look at. It must not know requests or permissions.
"""

from __future__ import annotations

from typing import Any

from deliveries.admin.badges import answer_of, explain, moment
from deliveries.admin.safe_text import readable
from deliveries.models import Attempt, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.request import METHOD
from deliveries.protocol.shown_body import shown_body

PHASES = {
    "dns_ms": "look-up",
    "connect_ms": "connection",
    "tls_ms": "TLS",
    "first_byte_ms": "first byte of the answer",
}


def shown_attempt(attempt: Attempt, viewer: Viewer) -> dict[str, Any]:
    """Return one attempt as the page shows it."""
    body = bytes(attempt.response_body)
    shown = shown_body(body, attempt.response_headers)
    return {
        "row": attempt,
        "actor": visible.shown_actor(viewer, attempt.actor),
        "reason": readable(attempt.reason.encode()),
        "answer": answer_of(attempt),
        "started": moment(attempt.started_at),
        "explanation": explain(attempt.error),
        "request": _request_of(attempt),
        "phases": _phases_of(attempt),
        "headers": readable(attempt.response_headers.encode()),
        "body": readable(shown.text.encode()),
        "body_note": shown.note,
        "size": len(body),
    }


def _request_of(attempt: Attempt) -> dict[str, Any] | None:
    if not attempt.request_url:
        return None
    return {
        "line": f"{METHOD} {attempt.request_url}",
        "headers": readable(attempt.request_headers.encode()),
        "hints": attempt.signed_with.splitlines(),
    }


def _phases_of(attempt: Attempt) -> list[str]:
    took = {words: getattr(attempt, name) for name, words in PHASES.items()}
    return [f"{words} {milliseconds} ms" for words, milliseconds in took.items() if milliseconds is not None]
