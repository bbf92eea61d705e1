"""The body of an event as an endpoint is sent it.

What lives here: from a row to bytes. It must not know how anything is sent.
"""

from __future__ import annotations

from deliveries.conf import conf
from deliveries.errors import CannotShape, Conflict, InvalidInput, Unavailable
from deliveries.evaluator.process import shape_event
from deliveries.models import Event
from deliveries.protocol.sending.payload import PLAIN, EventText, Shaped, Shaping, routed
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.services.catalogue.version_table import route_of, version_table


def shaped_of(event: Event, shaping: Shaping) -> Shaped:
    """Return body and headers as the settings make them; raises CannotShape, Unavailable."""
    text = text_of(event)
    route = route_of(event.type, event.api_version, shaping.api_version)
    return shape_event(text if route is None else routed(text, route), shaping)


def text_of(event: Event) -> EventText:
    """Return an event as it is shaped."""
    event_id = ids.encode_id(ids.EVENT, event.id)
    return EventText(id=event_id, type=event.type, whole=bytes(event.body), source=conf.base_url)


def in_version(event: Event, wanted: str | None) -> Event:
    """Return an event, not to be stored, in a version, None for the oldest; raises Conflict, Unavailable."""
    if not version_table(wanted).knows(wanted):
        raise InvalidInput(say("there is no released version {name}", name=wanted), field="api_version")
    try:
        route = version_table(event.api_version).route(event.type, event.api_version, wanted)
        if route is not None:
            event.body = shape_event(routed(text_of(event), route), PLAIN).body
            event.api_version = route.sent_as
    except CannotShape as error:
        raise Conflict(error.detail) from error
    return event


def body_sent(event: Event, shaping: Shaping) -> bytes:
    """Return the body as the settings make it; the stored one where they make none of it."""
    try:
        return shaped_of(event, shaping).body
    except (CannotShape, Unavailable):  # nothing could be sent of it, or cannot be said now
        return bytes(event.body)
