"""The audit trail: who changed, revealed or sent what, and why.

What lives here: writing entries. It must not know requests; callers name the actor. Nothing secret
goes into `detail`: callers give the names of changed fields, not the values of secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deliveries.models import ApiKey, AuditEntry, Customer

SYSTEM = "system"


def record_act(
    actor: str,
    action: str,
    *,
    target: str,
    customer: Customer | None = None,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one entry; `actor` is `key:<name>`, `user:<username>` or `system`, `target` a public id."""
    return AuditEntry.objects.create(
        actor=actor[:200],
        action=action,
        customer=customer,
        target=target,
        reason=reason[:300],
        detail=dict(detail or {}),
    )


def actor_of_key(key: ApiKey) -> str:
    """Return how the trail names an API key."""
    return f"key:{key.name}"


def actor_of_user(username: str) -> str:
    """Return how the trail names a person."""
    return f"user:{username}"
