"""What staff may do on their site: four roles, and the one table of what each adds to the one before.

What lives here: the table, in the names of Django's permissions. It must not know who asks: pages ask Django, and
services/people/role_groups.py keeps a group of each role in step with this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import accumulate
from operator import or_
from types import MappingProxyType

from deliveries.protocol.writing.sentences import say


class StaffRole(StrEnum):
    """What somebody of staff is; each may do all that the one before may."""

    VIEWER = "viewer"
    SUPPORT = "support"
    OPERATOR = "operator"
    OWNER = "owner"  # Django's superuser


EDITED = ("endpoint", "customer", "member", "eventtype", "apikey", "apiversion", "versionchange")
SEEN = (*EDITED, "delivery", "event", "job", "auditentry")
SEE = "view_"

ADDED: Mapping[StaffRole, frozenset[str]] = MappingProxyType(
    {
        StaffRole.VIEWER: frozenset(f"{SEE}{noun}" for noun in SEEN),
        StaffRole.SUPPORT: frozenset({"redeliver_delivery", "pause_endpoint"}),
        StaffRole.OPERATOR: frozenset(
            {"erase_event", *(f"{verb}_{noun}" for verb in ("add", "change", "delete") for noun in EDITED)}
        ),
    }
)
PERMISSIONS: Mapping[StaffRole, frozenset[str]] = MappingProxyType(
    dict(zip(ADDED, accumulate(ADDED.values(), or_), strict=True))
)
MEANINGS: Mapping[StaffRole, str] = MappingProxyType(
    {
        StaffRole.VIEWER: say("looks at everything, and changes nothing"),
        StaffRole.SUPPORT: say("sends again, pauses and resumes"),
        StaffRole.OPERATOR: say("endpoints, customers, members, event types, versions, keys, erasing content too"),
        StaffRole.OWNER: say("everything, staff too"),
    }
)


NAMES = (say("viewer"), say("support"), say("operator"), say("owner"))


def role_with(permissions: Iterable[str]) -> StaffRole | None:
    """Return the role that may do exactly this; None for a mix of one's own."""
    given = frozenset(permissions)
    return next((role for role, names in PERMISSIONS.items() if names == given), None)


def only_looks(permissions: Iterable[str]) -> bool:
    """Say whether none of these changes anything."""
    return all(name.startswith(SEE) for name in permissions)
