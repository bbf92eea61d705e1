"""The last events of a customer, as previews look at them.

What lives here: which they are, newest first and bounded, without their bodies. It must not know what is previewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Func, IntegerField, QuerySet

from deliveries.models import Event, visible
from deliveries.models.visible import Viewer

RECENT_EVENTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentEvent:
    """An event without its body."""

    id: UUID
    type: str
    created_at: datetime
    body_bytes: int
    tags: Sequence[str] = ()


def recent_events(customer_id: UUID, *, limit: int = RECENT_EVENTS) -> list[RecentEvent]:
    """Return the newest events that a customer sees: its own and those for everyone, and no others."""
    sources = (visible.own_events(customer_id), visible.events_for_everyone(Viewer(customer_id)))
    found = [event for source in sources for event in _newest(source, limit)]
    return sorted(found, key=lambda event: event.id, reverse=True)[:limit]


def _newest(source: QuerySet[Event], limit: int) -> Sequence[RecentEvent]:
    size = Func(F("body"), function="octet_length", output_field=IntegerField())
    rows = source.filter(erased_at=None).order_by("-id").values_list("id", "type", "created_at", size, "tags")[:limit]
    return [RecentEvent(id=r[0], type=r[1], created_at=r[2], body_bytes=r[3], tags=r[4] or ()) for r in rows]
