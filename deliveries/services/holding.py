"""All endpoints paused at once and resumed again: after a restore, before anybody has looked at what would be sent.

What lives here: which endpoints that are, known again by their reason. It must not know why somebody does it.
"""

from __future__ import annotations

from collections.abc import Iterator

from deliveries.models import Customer, Endpoint
from deliveries.services.endpoints import pause_endpoint, resume_endpoint

HELD = "all deliveries are held for a while"


def hold_all(*, actor: str, note: str = "") -> int:
    """Pause every endpoint that is enabled; returns how many. Those that were paused before are left as they are."""
    number = 0
    for endpoint in _each(state=Endpoint.State.ENABLED):
        pause_endpoint(endpoint, actor=actor, reason=HELD, note=note)
        number += 1
    return number


def release_all(*, actor: str, customer: Customer | None = None, cancel_backlog: bool = False) -> int:
    """Resume what was held so, of one customer or of all; returns how many. A backlog is drained, or cancelled."""
    number = 0
    only = {} if customer is None else {"customer": customer}
    for endpoint in _each(state=Endpoint.State.PAUSED, state_reason=HELD, **only):
        resume_endpoint(endpoint, actor=actor, cancel_backlog=cancel_backlog)
        number += 1
    return number


def _each(**fields: object) -> Iterator[Endpoint]:
    return Endpoint.objects.filter(deleted_at=None, **fields).select_related("customer").iterator(chunk_size=500)
