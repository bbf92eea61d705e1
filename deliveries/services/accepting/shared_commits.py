"""Single events of concurrent callers, stored together: which share a statement, and what comes after each commit.

What lives here: the two group commits of a process. It must not know drafts, nor how an event is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from deliveries.database.handing import HandedConnection
from deliveries.database.limits import answered_within
from deliveries.errors import Unavailable, Unconfirmed
from deliveries.services.accepting.event_store import NOT_STORED, SHARED, Accepted, Entry, store_events
from deliveries.services.accepting.wide_events import is_wide, note_width
from deliveries.services.process.group_commit import COMMIT_SECONDS, Ending, GroupCommit

GROUP_LIMIT = 100
LARGE_BYTES = 16_384
LARGE_GROUP_LIMIT = 10

Ring = Callable[[Sequence[tuple[UUID, bool]]], None]

_rings: list[Ring] = []  # none or one


def store_with_others(entry: Entry) -> None:
    """Store an entry by a statement that callers of this moment share; raises Unavailable and Unconfirmed."""
    is_small = len(entry.body) <= LARGE_BYTES and not is_wide(entry.draft)
    ending = (_commits if is_small else _large_commits).submit(entry)
    if ending is Ending.NOT_BEGUN:
        raise Unavailable(NOT_STORED)
    if ending is Ending.UNKNOWN:
        raise Unconfirmed()


def ring_after_commits(ring: Ring) -> None:
    """Have the committing thread ring for the lanes that got work: the sooner, the fewer threads take part."""
    _rings[:] = [ring]


def _committing() -> Callable[[Sequence[Entry]], None]:
    """Return what commits a group, over one connection for whichever thread does it."""
    handed = HandedConnection()

    def commit(group: Sequence[Entry]) -> None:
        with handed.here() as mine, answered_within(COMMIT_SECONDS):
            mine.close_if_unusable_or_obsolete()  # after an error, or a restart, this group gets a new one
            store_events(group, limits=SHARED)
        for entry in group:
            note_width(entry)
        for ring in _rings:
            _ring_for(group, ring)

    return commit


def _ring_for(group: Sequence[Entry], ring: Ring) -> None:
    """Ring for what was stored, before the callers hear of it; who rang need not be rung for again."""
    lanes: list[tuple[UUID, bool]] = []
    for entry in group:
        if isinstance(entry.result, Accepted) and entry.result.wake:
            lanes += entry.result.wake
            entry.result = entry.result.rung_for()
    if lanes:
        ring(lanes)


_commits = GroupCommit(_committing(), limit=GROUP_LIMIT)
_large_commits = GroupCommit(_committing(), limit=LARGE_GROUP_LIMIT)  # what takes long holds up no small one
