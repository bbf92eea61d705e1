"""The audit trail: who changed, revealed or sent what, and why.

What lives here: writing entries. It must not know requests; callers name the actor. Nothing secret
goes into `detail`: callers give the names of changed fields, not the values of secrets.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from deliveries.errors import Unavailable
from deliveries.models import ApiKey, AuditEntry, Customer
from deliveries.models.base import REASON_LIMIT
from deliveries.protocol.who.actor_names import SYSTEM, name_key, name_person
from deliveries.protocol.writing.sentences import say

__all__ = ["SYSTEM", "actor_of_key", "actor_of_user", "record_act"]


def record_act(
    actor: str,
    action: str,
    *,
    object_id: str,
    customer: Customer | None = None,
    reason: str = "",
    note: str = "",
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Write one entry: `actor` as protocol/who/actor_names.py names it, `object_id` a public id.

    Customers read the reason; the note is for staff alone. Raises Unavailable while the customer moves to another
    cell: what was changed here would be left behind.
    """
    with transaction.atomic():
        entry = AuditEntry.objects.create(
            actor=actor[:200],
            action=action,
            customer=customer,
            object_id=object_id,
            reason=reason[:REASON_LIMIT],
            note=note[:REASON_LIMIT],
            detail=dict(detail or {}),
        )
        # Asked after the row is written: whoever freezes the customer waits for those who write here.
        if customer is not None and Customer.objects.filter(id=customer.id).exclude(moving="").exists():
            raise Unavailable(say("this customer is moving to another cell; try again in a minute"))
    return entry


def actor_of_key(key: ApiKey) -> str:
    """Return how the trail names an API key."""
    return name_key(key.name, is_customers=key.customer_id is not None)


def actor_of_user(username: str) -> str:
    """Return how the trail names a person."""
    return name_person(username)
