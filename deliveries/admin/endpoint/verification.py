"""Verification on pages: what an endpoint's URL was asked, and what came of it, in sentences.

What lives here: words for a challenge. It must not know how a URL is asked.
"""

from __future__ import annotations

from datetime import datetime

from deliveries.models import Challenge, Endpoint
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.common.languages import in_words, tell


def verification_in_words(row: Endpoint) -> str:
    """Return how it stands with the challenge of an endpoint's URL; empty where it was asked nothing."""
    asked = Challenge.objects.filter(endpoint=row).first()
    if asked is None:
        return ""
    if asked.state == Challenge.State.VERIFIED and asked.verified_at is not None:
        return _answered(asked.verified_at, row.allowed_rate)
    if asked.delivery_id is not None:
        return tell("Its URL was asked the challenge and has not answered yet.")
    if not asked.detail:
        return tell("Its URL is about to be asked the challenge.")
    said = in_words(asked.detail)
    last = tell("Number of questions so far: {number}. The last answer: {detail}.", number=asked.tries, detail=said)
    if asked.next_at is None:
        return f"{last} {tell('Its URL is not asked again by itself.')}"
    return f"{last} {tell('Its URL is asked again at {at} UTC.', at=f'{asked.next_at:%H:%M:%S}')}"


def _answered(at: datetime, allowed_rate: int | None) -> str:
    said = tell("Its URL answered the challenge at {at} UTC.", at=to_minute(at))
    if not allowed_rate:
        return said
    return f"{said} {tell('It allows {rate} requests a minute, which is heeded.', rate=allowed_rate)}"


def resumed_words(row: Endpoint, *, cancelled: bool) -> str:
    """Return what a person is told who resumed an endpoint."""
    if row.unverified is not None:
        return tell("It goes on as soon as its URL has answered the challenge.")
    return tell("Resumed. The backlog was cancelled.") if cancelled else tell("Resumed. The backlog is being sent.")


def asked_again_words() -> str:
    """Return what a person is told who had a URL asked again."""
    return tell("Its URL is asked again; load this page in a moment.")
