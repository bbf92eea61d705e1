"""A connection that does not wait for ever.

What lives here: psycopg's connection with a limit for each answer, and what it learns of the server when it is new.
It must not know Django.
"""

from __future__ import annotations

import math
from typing import Any

import psycopg

from deliveries.database.limits import seconds_left

STATEMENT_SECONDS = 30  # PostgreSQL's own limit, where nobody has set another one
GRACE_SECONDS = 5  # for PostgreSQL to say so itself, before we hang up

# What a server process is called by itself, and by whoever stands in between: a pooler makes up a number of its own.
INTRODUCTION = """
SELECT pg_backend_pid(), setting::int / 1000.0 AS seconds, source IN ('default', 'configuration file') AS is_default
FROM pg_settings WHERE name = 'statement_timeout'
"""


class LimitedConnection(psycopg.Connection[Any]):
    """Hangs up when no answer comes, and says so.

    `is_pooled`: a pooler such as PgBouncer stands in between. Then the next statement may run in another session, so
    nothing may be set or prepared for later ones.
    """

    is_known = False
    is_pooled = False
    answer_seconds = math.inf
    target: tuple[object, ...] = ()  # see sharing.py

    def introduce(self) -> None:
        """Learn what stands at the other end, and have it end statements that take too long."""
        pid, seconds, is_default = self.execute(INTRODUCTION).fetchone() or (0, 0, False)
        self.is_pooled = pid != self.info.backend_pid
        if is_default and not seconds:
            seconds = STATEMENT_SECONDS
            if not self.is_pooled:
                self.execute(f"SET statement_timeout = '{seconds}s'")
        self.answer_seconds = float(seconds) + GRACE_SECONDS if seconds else math.inf
        self.is_known = True

    def lift_limits(self) -> None:
        """Let statements take as long as they need: a migration builds indexes."""
        if not self.is_pooled:
            self.execute("SET statement_timeout = 0")
        self.answer_seconds = math.inf

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer; raises OperationalError and hangs up when it does not come in time."""
        limit = min(self.answer_seconds, seconds_left(), math.inf if timeout is None else timeout)
        if limit == math.inf:
            return super().wait(gen, interval)
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the database has not answered for {limit:.3g} s") from None
