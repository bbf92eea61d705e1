"""What members of a customer may do in the portal: three roles, and the one table of their rights.

What lives here: the table. It must not know who asks; admin/parts/viewer.py does. Keys of the API have scopes instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from deliveries.protocol.writing.sentences import say

CHOSEN = "hookpost_member"  # in a session: as which of several members somebody looks
READ_ONLY = "hookpost_read_only"  # in a session: whatever the role, it only looks
THEME = "hookpost_theme"  # in a session: light or dark, whatever the browser prefers
BOUND = "hookpost_bound"  # in a session: the only member it is for


class MemberRole(StrEnum):
    """What a member is at one customer; everybody sees everything of it."""

    OWNER = "owner"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class MemberRight(StrEnum):
    """What takes more than looking."""

    CHANGE = "change"  # endpoints, event types, keys, sending again
    ERASE = "erase"  # what an event said, for good
    MEMBERS = "members"  # who belongs to the customer, and as what


RIGHTS: Mapping[MemberRole, frozenset[MemberRight]] = MappingProxyType(
    {
        MemberRole.OWNER: frozenset(MemberRight),
        MemberRole.DEVELOPER: frozenset({MemberRight.CHANGE}),
        MemberRole.VIEWER: frozenset(),
    }
)
MEANINGS: Mapping[MemberRole, str] = MappingProxyType(
    {
        MemberRole.OWNER: say("everything, members and erasing an event's content too"),
        MemberRole.DEVELOPER: say("endpoints, keys, sending again"),
        MemberRole.VIEWER: say("looks, and changes nothing"),
    }
)


NAMES = (say("owner"), say("developer"), say("viewer"))


def has_right(role: str, right: MemberRight) -> bool:
    """Say whether a role has a right; an unknown role has none."""
    return role in set(MemberRole) and right in RIGHTS[MemberRole(role)]
