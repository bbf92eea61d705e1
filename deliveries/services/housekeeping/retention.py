"""Time passing: partitions opened ahead and dropped behind, old idempotency keys forgotten.

Never in the way of others: a partition is opened by a lock that lets everybody read and write on, and dropped only
if nobody makes it wait for longer than a tenth of a second, for all who accept events would wait behind it. It is
dropped in one message, so that nobody waits either for whoever sent that: it may be starved, frozen or cut off.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper

from deliveries import sql
from deliveries.conf import conf
from deliveries.metrics import names
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.common import clock
from deliveries.sql.rows import DropDueBeforeRow

log = structlog.get_logger(__name__)

TABLES = ("hookpost_event", "hookpost_delivery", "hookpost_attempt")
DAYS_AHEAD = 7
DAYS_PER_ROUND = 2
LOCK_TIMEOUT = "100ms"
# Not `inhrelid::regclass::text`, which is quoted, or has a schema before it, where a session has it so.
PARTITIONS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ANY(%s::regclass[])"
)
WORK_LOCK_TIMEOUT = "2s"  # for the lock of whoever works on partitions, which stops nobody else
WORK_LOCK = (
    f"SET LOCAL lock_timeout = '{WORK_LOCK_TIMEOUT}'",
    "SELECT pg_advisory_xact_lock(hashtext('hookpost partitions'))",
    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'",
)
IN_USE = "somebody reads the table for long, a dump or a report; it is dropped when they are done"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60, 3600
# Room on each page for the one update that ends a delivery.
STORAGE = {"hookpost_delivery": "WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.1)"}


class _Pause:
    """How long nothing is dropped after somebody was in the way: a minute, then twice as long each time."""

    seconds = 0
    until = 0.0

    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def grow(self) -> None:
        self.seconds = min(2 * self.seconds, LONGEST_PAUSE_SECONDS) or FIRST_PAUSE_SECONDS
        self.until = time.monotonic() + self.seconds

    def end(self) -> None:
        self.seconds, self.until = 0, 0.0


_pause = _Pause()


def open_partitions(*, now: datetime | None = None, days_back: int = 1) -> list[str]:
    """Create the partitions from yesterday to a week ahead that are missing, and return their names.

    The days are the database's: a host whose clock is wrong opens none of its own.
    """
    today = midnight(now or clock.database_now())
    opened = []
    for table in TABLES:
        present = set(partitions_of(table))
        for offset in range(-days_back, DAYS_AHEAD + 1):
            day = today + timedelta(days=offset)
            if (name := f"{table}_p{day:%Y%m%d}") not in present:
                _create(table, name, day)
                opened.append(name)
    return opened


def drop_partitions(*, now: datetime | None = None) -> list[str]:
    """Drop the oldest days beyond the retention, with what is still due of them, and return the tables' names.

    A few days a call, so that a mistake is seen before it is complete. Raises ClockOff, with nothing dropped, when
    this host and the database do not agree on the time.
    """
    if not _pause.is_over() or not (days := _past_days(now or clock.database_now())):
        return []
    if now is None:
        days = _past_days(clock.certain_now())
    return [name for day in days[:DAYS_PER_ROUND] for name in _drop_day(day)]


def purge_idempotency_keys() -> int:
    """Forget keys older than the setting, a bounded number per call; returns how many."""
    return sql.run("purge_idempotency_keys", {"hours": float(conf.idempotency_hours), "limit": 10_000})


def partitions_of(table: str) -> list[str]:
    """Return the names of a table's partitions, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS, [[table]])
        return sorted(name for (name,) in cursor.fetchall())


def table_exists(table: str) -> bool:
    """Say whether the migrations have come as far as this table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])


def bounds_of(day: datetime) -> str:
    """Return which ids are of a day, as a partition is told."""
    return f"FOR VALUES FROM ('{floor_of(day)}') TO ('{floor_of(day + timedelta(days=1))}')"


def create_statements(table: str, name: str, bounds: str) -> list[str]:
    """Return what opens a partition. Not CREATE TABLE ... PARTITION OF, which waits for every reader."""
    storage = STORAGE.get(table, "")
    return [
        f'CREATE TABLE "{name}" (LIKE "{table}" INCLUDING ALL EXCLUDING INDEXES) {storage}',
        f'ALTER TABLE "{table}" ATTACH PARTITION "{name}" {bounds}',
    ]


def midnight(moment: datetime) -> datetime:
    """Return the beginning of a moment's day, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _create(table: str, name: str, day: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if not _exists_alone(cursor, name):
            for statement in create_statements(table, name, bounds_of(day)):
                cursor.execute(statement)


def _drop_unless_in_use(name: str) -> bool:
    try:
        dropped = _drop(name)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise
        _pause.grow()
        log.warning("partition_in_use", partition=name, reason=IN_USE, again_in_seconds=_pause.seconds)
        return False
    _pause.end()
    return dropped


def _past_days(now: datetime) -> list[datetime]:
    """Return the days of which there are partitions and whose time is over, oldest first."""
    oldest = midnight(now) - timedelta(days=conf.retention_days)
    days = {_day_of(name) for table in TABLES for name in partitions_of(table)}
    return sorted(day for day in days if day < oldest)


def _drop_day(day: datetime) -> list[str]:
    """Drop the tables of a day, and log what was in them; what was never delivered is a warning."""
    tables = [name for table in TABLES if (name := f"{table}_p{day:%Y%m%d}") in partitions_of(table)]
    rows = {name: _rows_about(name) for name in tables}
    before = _forget_due(day)
    dropped = [name for name in tables if _pause.is_over() and _drop_unless_in_use(name)]
    after = _forget_due(day)  # what was queued again while the drop waited for its lock
    due, held = before[0] + after[0], before[1] + after[1]
    if dropped or due or held:
        write = log.warning if due or held else log.info
        gone = {f"{name.removeprefix('hookpost_').rpartition('_p')[0]}_rows": rows[name] for name in dropped}
        names.PARTITIONS_DROPPED.add(len(dropped))
        names.UNDELIVERED_DROPPED.add(due + held)
        write("day_dropped", day=f"{day:%Y-%m-%d}", retention_days=conf.retention_days, due=due, held=held, **gone)
    return dropped


def _forget_due(day: datetime) -> tuple[int, int]:
    """Remove what is due or held of that day and before; returns how many of each."""
    (gone,) = sql.fetch(DropDueBeforeRow, {"bound": floor_of(day + timedelta(days=1))})
    return gone.due, gone.held


def _rows_about(name: str) -> int:
    """Return how many rows a table has, as its statistics say; counted where they are silent, as of small ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [name])
        (estimate,) = cursor.fetchone()
        if estimate < 0:
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608  # a name of our own
            (estimate,) = cursor.fetchone()
    return int(estimate)


def _drop(name: str) -> bool:
    parent = name.rpartition("_p")[0]
    statements = *WORK_LOCK, f'ALTER TABLE "{parent}" DETACH PARTITION "{name}"', f'DROP TABLE "{name}"'
    try:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements))  # several statements of one message are one transaction
    except ProgrammingError as error:
        if not isinstance(error.__cause__, psycopg.errors.UndefinedTable):
            raise
        return False  # somebody else dropped it meanwhile
    return True


def _exists_alone(cursor: CursorWrapper, name: str) -> bool:
    """Say whether the partition is there, with nobody else at work on partitions until the transaction ends."""
    for statement in WORK_LOCK:
        cursor.execute(statement)
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
    return bool(cursor.fetchone()[0])


def _day_of(name: str) -> datetime:
    return datetime.strptime(name.rpartition("_p")[2], "%Y%m%d").replace(tzinfo=UTC)
