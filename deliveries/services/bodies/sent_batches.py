"""The body of a request that carried several events, put together again from the attempts that it left.

What lives here: which attempts went together, and what was sent of them. It must not know how anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from deliveries.models import Attempt, Delivery, Endpoint, Event
from deliveries.protocol.sending.batching import Place, batch_body, read_place
from deliveries.protocol.sending.request import kept_body, read_headers
from deliveries.protocol.writing import ids
from deliveries.services.bodies.sent_bodies import body_sent

ID = "webhook-id"
TOGETHER = timedelta(seconds=30)  # attempts of one request were recorded within less


def batch_sent(attempt: Attempt, place: Place, endpoint: Endpoint) -> bytes | None:
    """Return the body as the endpoint's settings make it now; None when a part of it is gone."""
    attempts = sent_together(attempt)
    if len(attempts) != place.size:
        return None
    event_of = dict(Delivery.objects.filter(id__in=[each.delivery_id for each in attempts]).values_list("id", "event"))
    events = {each.id: each for each in Event.objects.filter(id__in=event_of.values(), erased_at=None)}
    parts = []
    for each in attempts:
        event = events.get(event_of[each.delivery_id]) if each.delivery_id in event_of else None
        if event is None:
            return None
        body = kept_body(each.request_headers) or body_sent(event, endpoint.shaping)
        parts.append((ids.encode_id(ids.EVENT, event.id), body))
    return batch_body(parts, endpoint.shaping.payload_mode).body


def sent_together(attempt: Attempt) -> Sequence[Attempt]:
    """Return the attempts of the same request, in the order of their events."""
    at = ids.time_of(attempt.id)
    near = Attempt.objects.filter(
        endpoint_id=attempt.endpoint_id,
        started_at=attempt.started_at,
        id__range=(ids.floor_of(at - TOGETHER), ids.floor_of(at + TOGETHER)),
    )
    wanted = read_headers(attempt.request_headers).get(ID)
    same = [each for each in near if read_headers(each.request_headers).get(ID) == wanted]
    stood = [(place.place, each) for each in same if (place := read_place(each.request_headers))]
    return [each for _, each in sorted(stood, key=lambda pair: pair[0])]
