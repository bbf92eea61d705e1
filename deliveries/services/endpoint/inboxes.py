"""Inboxes: endpoints at an inbox address, whose requests are looked at in the portal.

What lives here: how many and how fast they may be, when they end, and what has come lately with the check of its
signature. Nothing is stored besides the log: what an inbox shows are its attempts. It must not know pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from deliveries.models import Attempt, Delivery, Endpoint, Event, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.protocol.sending.inbox import ANSWER_AT, is_inbox
from deliveries.services.bodies.signature_check import SignatureCheck, attempt_meant, check_attempt
from deliveries.services.common import limits

LIFETIME = timedelta(days=7)
DELIVERIES_A_SECOND = 10
SHOWN = 20
LOOKED_AT = 50
URLS = list(ANSWER_AT)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRequest:
    """One request that came, as far as the log still has its parts."""

    attempt: Attempt
    delivery: Delivery
    event: Event | None
    check: SignatureCheck | None


def fit_inbox(endpoint: Endpoint, *, was_inbox: bool) -> None:
    """Bound an endpoint that is to be an inbox, before it is written; one that is none any more is free again.

    The customer is locked. Raises LimitReached.
    """
    if is_inbox(endpoint.url):
        if not was_inbox:
            living = Endpoint.objects.filter(customer=endpoint.customer, url__in=URLS, deleted_at=None)
            limits.refuse_beyond("inboxes", living.exclude(pk=endpoint.pk).count(), endpoint.customer)
        endpoint.rate_limit = min(endpoint.rate_limit or DELIVERIES_A_SECOND, DELIVERIES_A_SECOND)
    elif was_inbox and endpoint.rate_limit == DELIVERIES_A_SECOND:
        endpoint.rate_limit = None


def ends_at(endpoint: Endpoint) -> datetime:
    """Return when an inbox is deleted; each change of it, such as another answer, begins the time anew."""
    return endpoint.updated_at + LIFETIME


def ended_inboxes(now: datetime) -> Sequence[Endpoint]:
    """Return some of those whose time is over."""
    old = Endpoint.objects.filter(url__in=URLS, deleted_at=None, updated_at__lt=now - LIFETIME)
    return list(old.select_related("customer")[:LOOKED_AT])


def requests_of(endpoint: Endpoint, viewer: Viewer, *, after: UUID | None = None) -> list[InboxRequest]:
    """Return what came lately, the newest first: requests of the endpoint's newest deliveries."""
    newest = visible.deliveries(viewer).filter(endpoint_id=endpoint.pk).order_by("-id")[:LOOKED_AT]
    found = {delivery.pk: delivery for delivery in newest}
    rows = visible.attempts(viewer).filter(delivery_id__in=list(found)).order_by("-id")
    if after is not None:
        rows = rows.filter(id__gt=after)
    chosen = list(rows[:SHOWN])
    wanted = {found[row.delivery_id].event_id for row in chosen}
    events = {event.pk: event for event in visible.events_with_content(viewer).filter(pk__in=wanted)}
    return [
        _request(row, found[row.delivery_id], events.get(found[row.delivery_id].event_id), endpoint) for row in chosen
    ]


def _request(attempt: Attempt, delivery: Delivery, event: Event | None, endpoint: Endpoint) -> InboxRequest:
    check = None
    if event is not None and attempt_meant([attempt], ReceivedRequest()) is not None:
        check, _ = check_attempt(attempt, event, endpoint, ReceivedRequest())
    return InboxRequest(attempt=attempt, delivery=delivery, event=event, check=check)
