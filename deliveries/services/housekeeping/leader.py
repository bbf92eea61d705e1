"""Who leads: one process of all, by a row that must be renewed, judged by the database's clock.

What lives here: taking, keeping and giving up the lead. It must not know what the leader does. Nothing of it needs a
session, so that it holds behind a pooler too; a leader that is killed, frozen or cut off loses the lead by itself.
For a moment two may believe that they lead, the old one until it asks again: what the leader does must bear that.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import Error

from deliveries import sql

LEAD_SECONDS = 5.0
LONGEST_SECONDS = 9.5  # less than twice as long: that another one takes for a moment that never came
ANSWERS = 4  # that a leader waits for between two renewals, where each takes long
RENEW_SECONDS = 1.0


class LeadLost(Exception):
    """Another process leads meanwhile."""


def _this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(slots=True)
class Lead:
    """The lead of that name, as this process sees it."""

    name: str
    holder: str = field(default_factory=_this_process)
    clock: Callable[[], float] = time.monotonic
    _taken_at: float | None = None
    _seconds: float = LEAD_SECONDS  # asked for with the next renewal
    _lasts: float = LEAD_SECONDS

    def take(self) -> bool:
        """Become or stay the leader; false while another one is. The lead lasts longer where the answer took long."""
        asked_at, asked = self.clock(), self._seconds
        leads = bool(sql.run("take_lead", {"name": self.name, "holder": self.holder, "seconds": asked}))
        self._taken_at = asked_at if leads else None
        self._lasts = asked
        self._seconds = min(LEAD_SECONDS + ANSWERS * (self.clock() - asked_at), LONGEST_SECONDS)
        return leads

    def leads_still(self) -> bool:
        """Say whether this process leads, as far as it can know without asking."""
        return self._taken_at is not None and self.clock() - self._taken_at < self._lasts

    def keep(self) -> None:
        """Between two pieces of work: stay the leader, or raise LeadLost. Costs nothing right after the last time."""
        if self._taken_at is None or self.clock() - self._taken_at < RENEW_SECONDS:
            return
        if not self.take():
            raise LeadLost

    def give_up(self) -> None:
        """Let another one lead at once; when the database is away, a little later."""
        if self._taken_at is not None:
            self._taken_at = None
            with suppress(Error):
                sql.run("give_up_lead", {"name": self.name, "holder": self.holder})
