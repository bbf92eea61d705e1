"""The body of an event as an endpoint is sent it.

What lives here: from a row to bytes. It must not know how anything is sent.
"""

from __future__ import annotations

from deliveries.conf import conf
from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator.process import shape_event
from deliveries.models import Event
from deliveries.protocol import ids
from deliveries.protocol.payload import EventText, Shaped, Shaping


def shaped_of(event: Event, shaping: Shaping) -> Shaped:
    """Return body and headers as the settings make them; raises CannotShape, Unavailable."""
    return shape_event(text_of(event), shaping)


def text_of(event: Event) -> EventText:
    """Return an event as it is shaped."""
    event_id = ids.encode_id(ids.EVENT, event.id)
    return EventText(id=event_id, type=event.type, whole=bytes(event.body), source=conf.base_url)


def body_sent(event: Event, shaping: Shaping) -> bytes:
    """Return the body as the settings make it; the stored one where they make none of it."""
    try:
        return shaped_of(event, shaping).body
    except (CannotShape, Unavailable):  # nothing could be sent of it, or cannot be said now
        return bytes(event.body)
