"""Verification on pages: what an endpoint's URL was asked, and what came of it, in sentences.

What lives here: words for a challenge. It must not know how a URL is asked.
"""

from __future__ import annotations

from deliveries.models import Challenge, Endpoint


def verification_in_words(row: Endpoint) -> str:
    """Return how it stands with the challenge of an endpoint's URL; empty where it was asked nothing."""
    asked = Challenge.objects.filter(endpoint=row).first()
    if asked is None:
        return ""
    if asked.state == Challenge.State.VERIFIED:
        limit = f" It allows {row.allowed_rate} requests a minute, which is heeded." if row.allowed_rate else ""
        return f"Its URL answered the challenge at {asked.verified_at:%Y-%m-%d %H:%M} UTC.{limit}"
    if asked.delivery_id is not None:
        return "Its URL was asked the challenge and has not answered yet."
    if not asked.detail:
        return "Its URL is about to be asked the challenge."
    times = "once" if asked.tries == 1 else f"{asked.tries} times"
    then = (
        "is not asked again by itself" if asked.next_at is None else f"is asked again at {asked.next_at:%H:%M:%S} UTC"
    )
    return f"Its URL was asked {times} and {then}. The last answer: {asked.detail}."


def resumed_words(row: Endpoint, *, cancelled: bool) -> str:
    """Return what a person is told who resumed an endpoint."""
    if row.unverified is not None:
        return "It goes on as soon as its URL has answered the challenge."
    return "Resumed. " + ("The backlog was cancelled." if cancelled else "The backlog is being sent.")
