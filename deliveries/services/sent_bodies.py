"""The body of an event as an endpoint is sent it.

What lives here: from a row to bytes. It must not know how anything is sent.
"""

from __future__ import annotations

from deliveries.conf import conf
from deliveries.models import Event
from deliveries.protocol import ids
from deliveries.protocol.request import body_of


def body_sent(event: Event, *, mode: str) -> bytes:
    """Return the body by a payload mode; the stored one where nothing can be made of it."""
    whole, event_id = bytes(event.body), ids.encode_id(ids.EVENT, event.id)
    try:
        return body_of(event.type, whole, mode=mode, event_id=event_id, base_url=conf.base_url)
    except (KeyError, TypeError, ValueError):  # nothing could be sent of it
        return whole
