"""Customers whose events make many deliveries each: a statement takes as long for one of them as for many others.

What lives here: whose last event was so. It must not know statements, nor who shares one.
"""

from __future__ import annotations

from uuid import UUID

from deliveries.protocol.writing.remembered import remember
from deliveries.services.accepting.event_store import Accepted, Entry, EventDraft

MANY_DELIVERIES = 20  # of one event: as dear as ten events that come alone
REMEMBERED = 10_000

_wide: dict[UUID | str | None, bool] = {}


def is_wide(draft: EventDraft) -> bool:
    """Say whether the last event of the draft's customer made many deliveries, or had to be fanned out apart."""
    return bool(_wide) and (draft.customer_id or draft.customer_uid) in _wide


def note_width(entry: Entry) -> None:
    """Remember how many deliveries an event made."""
    if not isinstance(entry.result, Accepted):
        return
    made, whose = entry.result.deliveries, entry.draft.customer_id or entry.draft.customer_uid
    if made is None or made > MANY_DELIVERIES:
        remember(_wide, whose, True, limit=REMEMBERED)
    elif _wide:
        _wide.pop(whose, None)
