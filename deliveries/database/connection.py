"""A connection that does not wait for ever.

What lives here: psycopg's connection with a limit for each answer, and what it learns of the server when it is new.
It must not know Django.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deliveries.database.beside import PIECE_SECONDS, Work, resumed, work_beside
from deliveries.database.kept_statements import KeptStatements
from deliveries.database.limits import seconds_left

Result = TypeVar("Result")

STATEMENT_SECONDS = 30  # PostgreSQL's own limit, where nobody has set another one
LOCK_SECONDS = (
    8  # for what another session has locked; less than a caller waits (group_commit.py), so that all learn why
)
GRACE_SECONDS = 5  # for PostgreSQL to say so itself, before we hang up

# A server that was cut off says nothing more: without these, whoever waits for it waits for minutes or hours.
NETWORK_LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "connect_timeout": 5,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
)

HOME_CERTIFICATE = "~/.postgresql/postgresql.crt"  # where libpq looks for a certificate of ours
NO_CERTIFICATE = "/dev/null/postgresql.crt"

# What statements and the reading of their rows rely on. A role, a database or a server may have each of them
# otherwise, for the sake of others.
EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "standard_conforming_strings": "on",
        "array_nulls": "on",
        "transform_null_equals": "off",
        "extra_float_digits": "1",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
        "lock_timeout": str(LOCK_SECONDS * 1000),
        # These would end a session that waits for work, or a migration.
        "idle_session_timeout": "0",
        "transaction_timeout": "0",
        "jit": "off",  # no statement of ours is long enough for it to pay, and a plan that costs much starts it
    }
)
# What PgBouncer keeps apart for each of its clients, so that setting it reaches no other one.
TRACKED = frozenset({"DateStyle", "standard_conforming_strings"})

# What a server process is called by itself, and by whoever stands in between: a pooler makes up a number of its own.
INTRODUCTION = """
SELECT
    pg_backend_pid(),
    max(setting::int / 1000.0) FILTER (WHERE name = 'statement_timeout') AS seconds,
    bool_and(source IN ('default', 'configuration file')) FILTER (WHERE name = 'statement_timeout') AS is_default,
    array_agg(name || '=' || setting) FILTER (WHERE name <> 'statement_timeout') AS found
FROM pg_settings WHERE name = ANY(%s::text[])
"""

SET_ALL = "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS e (name, value)"


class LimitedConnection(psycopg.Connection[Any]):
    """Hangs up when no answer comes, and says so.

    `is_pooled`: a pooler such as PgBouncer stands in between. Then the next statement may run in another session, so
    nothing may be set or prepared for later ones.
    """

    is_known = False
    is_pooled = False
    answer_seconds = math.inf
    database: tuple[object, ...] = ()  # see sharing.py

    def introduce(self) -> None:
        """Learn what stands at the other end, and have it end statements that take too long."""
        names = ["statement_timeout", *EXPECTED]
        pid, seconds, is_default, found = self.execute(INTRODUCTION, [names]).fetchone() or (0, 0, False, ())
        self.is_pooled = pid != self.info.backend_pid
        self.kept_statements = None if self.is_pooled else KeptStatements(self)
        self._expect(dict(each.split("=", 1) for each in found))
        if is_default and not seconds:
            seconds = STATEMENT_SECONDS
            if not self.is_pooled:
                self.execute(f"SET statement_timeout = '{seconds}s'")
        self.answer_seconds = float(seconds) + GRACE_SECONDS if seconds else math.inf
        self.is_known = True

    def _expect(self, found: Mapping[str, str]) -> None:
        """Set what this session has otherwise than our statements need it."""
        other = {name: value for name, value in EXPECTED.items() if found.get(name, value) != value}
        if self.is_pooled:
            other = {name: value for name, value in other.items() if name in TRACKED}
        if other:
            self.execute(SET_ALL, [list(other), list(other.values())])

    def lift_limits(self) -> None:
        """Let statements take as long as they need: a migration builds indexes."""
        if not self.is_pooled:
            self.execute("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        self.answer_seconds = math.inf

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer; raises OperationalError and hangs up when it does not come in time."""
        limit = min(self.answer_seconds, seconds_left(), math.inf if timeout is None else timeout)
        if (work := work_beside()) is not None:
            return self._wait_working(work, gen, interval, limit)
        if limit == math.inf:
            return super().wait(gen, interval)
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout:
            raise self._hang_up(limit) from None

    def _wait_working(self, work: Work, gen: PQGen[Result], interval: float, limit: float) -> Result:
        give_up, waiting = time.monotonic() + limit, gen
        while (left := give_up - time.monotonic()) > 0:
            try:
                return super().wait(waiting, interval, min(left, PIECE_SECONDS))
            except psycopg.errors._WaitTimeout:
                work()
                waiting = resumed(gen)
        raise self._hang_up(limit)

    def _hang_up(self, limit: float) -> psycopg.OperationalError:
        self.pgconn.finish()
        return psycopg.OperationalError(f"the database has not answered for {limit:.3g} s")


def defaults() -> dict[str, int | str]:
    """Return the parameters of libpq that hold where a URL says nothing else."""
    found: dict[str, int | str] = {**NETWORK_LIMITS}
    if "PGSSLCERT" not in os.environ and is_home_closed():
        found["sslcert"] = NO_CERTIFICATE
    return found


def is_home_closed() -> bool:
    """Say whether we may not look into our home, as under ProtectHome=: to libpq that is an error, and no TLS."""
    try:
        Path(HOME_CERTIFICATE).expanduser().stat()
    except PermissionError:
        return True
    except (OSError, RuntimeError):  # there is none, or no home
        return False
    return False


def connect_to(url: str, *, name: str) -> LimitedConnection:
    """Connect to the database of a URL, with our limits where it says nothing else, and outside of a transaction."""
    # Of a database without an encoding texts would come as bytes.
    fixed = {"application_name": name, "client_encoding": "UTF8"}
    told = make_conninfo("", **{**defaults(), **conninfo_to_dict(url), **fixed})
    made = LimitedConnection.connect(told, autocommit=True)
    made.introduce()
    return made
