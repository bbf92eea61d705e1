"""Why sql/accept_events.sql stored nothing for an event, as an error.

What lives here: its column `refused`, word by word. It must not know how events are stored.
"""

from __future__ import annotations

from deliveries.errors import HookpostError, InvalidEventType, KeyRevoked, NotFound, Unavailable
from deliveries.services.common import clock

ARCHIVED, UNKNOWN_TYPE = "archived", "type"


def refusal_of(reason: str, *, event_type: str) -> HookpostError:
    """Return the error of a reason."""
    if reason == "clock":  # the id's time is not the database's
        return clock.refusal(part="accept") or Unavailable("the event waited too long to be stored")
    if reason == "api_key":
        return KeyRevoked("the API key was revoked or has expired")
    if reason == "customer":
        return NotFound("no such customer")
    if reason == "moved":  # to be offered again: the router learns of the new cell, or a move has just ended
        return Unavailable("this customer is not in this cell at the moment; nothing was stored")
    if reason == ARCHIVED:
        return InvalidEventType(f"the event type {event_type} is archived", field="type")
    return InvalidEventType(f"there is no event type {event_type}", field="type")
