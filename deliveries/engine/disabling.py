"""Endpoints whose answer asked to be disabled, until that has come about.

What lives here: which those are. Somebody may keep an endpoint's row locked, and no other lane waits for that: it is
tried again with each beat of the worker. A worker that ends meanwhile forgets it: the next answer
asks again.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from deliveries.engine.database_retry import WRONG_STATEMENT
from deliveries.engine.lane import Lane
from deliveries.engine.locked_rows import unless_locked
from deliveries.services.endpoints import disable_if_still_at


class Disabling:
    """The endpoints that one engine has to disable."""

    def __init__(self) -> None:
        self._wanted: dict[UUID, tuple[Lane, str, str]] = {}

    def add(self, lane: Lane, *, reason: str) -> None:
        """Have an endpoint disabled, as long as its URL is the one that answered."""
        self._wanted[lane.endpoint_id] = lane, lane.endpoint.url, reason

    def act(self) -> None:
        """Disable those whose rows nobody has locked; what the database refuses is raised once."""
        for endpoint_id, (lane, url, reason) in list(self._wanted.items()):
            try:
                is_done = unless_locked(partial(disable_if_still_at, endpoint_id, url=url, reason=reason), lane)
            except WRONG_STATEMENT:
                del self._wanted[endpoint_id]
                raise
            if is_done:
                del self._wanted[endpoint_id]
