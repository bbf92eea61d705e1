"""All endpoints paused at once and resumed again: after a restore, before anybody has looked at what would be sent.

What lives here: which endpoints that are, known again by their reason. It must not know why somebody does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from deliveries.models import Customer, Endpoint
from deliveries.protocol.writing.sentences import say
from deliveries.services.endpoints import pause_endpoint, resume_endpoint
from deliveries.services.housekeeping.rounds import act_alone, held_as_seen

HELD = say("all deliveries are held for a while")


def hold_all(*, actor: str, note: str = "") -> int:
    """Pause every endpoint that is enabled; returns how many. Those that were paused before are left as they are."""
    enabled = _each(state=Endpoint.State.ENABLED)
    return sum(act_alone(partial(_hold, each, actor=actor, note=note), each, event="not_held") for each in enabled)


def still_enabled() -> int:
    """Return how many endpoints are enabled, as those whose customer is on its way to another cell."""
    return Endpoint.objects.filter(deleted_at=None, state=Endpoint.State.ENABLED).count()


def release_all(*, actor: str, customer: Customer | None = None, cancel_backlog: bool = False) -> int:
    """Resume what was held so, of one customer or of all; returns how many. A backlog is drained, or cancelled."""
    only = {} if customer is None else {"customer": customer}
    held = _each(state=Endpoint.State.PAUSED, state_reason=HELD, **only)
    return release_each(held, actor=actor, cancel_backlog=cancel_backlog)


def release_each(held: Iterable[Endpoint], *, actor: str, cancel_backlog: bool) -> int:
    """Resume endpoints one by one, but those to which somebody did something meanwhile; returns how many."""
    release = partial(_release, actor=actor, cancel_backlog=cancel_backlog)
    return sum(act_alone(partial(release, each), each, event="not_released") for each in held)


def _hold(endpoint: Endpoint, *, actor: str, note: str) -> None:
    with held_as_seen(endpoint):
        pause_endpoint(endpoint, actor=actor, reason=HELD, note=note)


def _release(endpoint: Endpoint, *, actor: str, cancel_backlog: bool) -> None:
    with held_as_seen(endpoint):
        if not cancel_backlog:
            resume_endpoint(endpoint, actor=actor)
    if cancel_backlog:  # which may be too much for one transaction
        resume_endpoint(endpoint, actor=actor, cancel_backlog=True)


def _each(**fields: object) -> Iterator[Endpoint]:
    return Endpoint.objects.filter(deleted_at=None, **fields).select_related("customer").iterator(chunk_size=500)
