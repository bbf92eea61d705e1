"""What a filter looks at: an event as it is in the version of the API that the endpoint is pinned to.

What lives here: which events look otherwise there, and their bodies. One that cannot be mapped is looked at as it was
emitted, and so is every event where there are no versions. It must not know filters, nor what becomes of an event.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db import DataError, transaction

from deliveries import sql
from deliveries.errors import CannotShape, Unavailable
from deliveries.models import Event
from deliveries.protocol.sending.payload import PLAIN
from deliveries.services.bodies.sent_bodies import shaped_of
from deliveries.services.catalogue.version_table import route_of, version_table
from deliveries.sql.preview_rows import PreviewFilterRow

PART = 100  # bodies in one statement


def body_seen(event: Event, pin: str | None) -> bytes | None:
    """Return the body that a filter looks at; None where it is as it is stored."""
    if not _looks_otherwise(event.type, event.api_version, pin):
        return None
    try:
        return shaped_of(event, replace(PLAIN, api_version=pin)).body
    except (CannotShape, Unavailable):
        return None


def mapped_events(event_ids: Collection[UUID], pin: str | None) -> list[UUID]:
    """Return which of these events look otherwise to a filter of an endpoint with this pin."""
    if not event_ids or not version_table(pin).changes:
        return []
    rows = Event.objects.filter(id__in=event_ids).order_by().values_list("id", "type", "api_version")
    return [event_id for event_id, name, emitted in rows if _looks_otherwise(name, emitted, pin)]


def mapped_bodies(event_ids: Collection[UUID], pin: str | None) -> Mapping[UUID, bytes]:
    """Return the bodies of those that look otherwise."""
    rows = Event.objects.filter(id__in=mapped_events(event_ids, pin)).order_by()
    bodies = {event.id: body_seen(event, pin) for event in rows}
    return {event_id: body for event_id, body in bodies.items() if body is not None}


def matching(event_ids: Collection[UUID], text: str, pin: str | None) -> set[UUID]:
    """Return which of these events a filter lets through, looking at them by a pin, a bounded part at a time."""
    ids = sorted(event_ids)
    parts = [ids[start : start + PART] for start in range(0, len(ids), PART)]
    return {each for part in parts for each in _matching(part, text, pin)}


def _matching(part: Sequence[UUID], text: str, pin: str | None) -> set[UUID]:
    """Judge a part; an event that no filter can evaluate is found by halving, and is not let through."""
    bodies = mapped_bodies(part, pin)
    asked = {"event_ids": list(part), "bodies": [bodies.get(each) for each in part], "filter": text}
    try:
        with transaction.atomic():
            return {row.event_id for row in sql.fetch(PreviewFilterRow, asked) if row.matches}
    except DataError:
        half = len(part) // 2
        return _matching(part[:half], text, pin) | _matching(part[half:], text, pin) if half else set()


def _looks_otherwise(event_type: str, emitted: str | None, pin: str | None) -> bool:
    try:
        route = route_of(event_type, emitted, pin)
    except CannotShape:
        return False
    return route is not None and bool(route.steps)
