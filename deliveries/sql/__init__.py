"""Statements with a lock, a CTE or several tables, one per .sql file, and how they are run.

Parameters are bound by the server in binary and the plans are prepared once per connection. What rows hold is in
rows.py, and beside it in engine_rows.py, ending_rows.py, figure_rows.py, key_rows.py, preview_rows.py and
summary_rows.py; arrays.py sends arrays in binary, days.py names the partition that a statement is about.
Knows no rules: what the rows mean is decided above.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus
from psycopg.rows import RowFactory, tuple_row

from deliveries.sql.arrays import UNFIT, BinaryArray, BinaryArrayDumper, Encode, encode_array, encoder_of, oid_of

FOLDER = Path(__file__).parent

# What runs for each event or turn: planning it takes longer than executing it, and longer with every partition, so one
# plan must serve. All else is planned each time: a plan that was made while a table was empty reads all of it, once for
# each row of another one, and does so for a minute when 20,000 lanes become due on a fresh installation.
#
# A table that was counted while it was empty is believed to hold one row until it is counted again, whatever it holds.
# Then look-ups by a key cost as much as scans of the whole table, so what is for many rows at once leaves no choice: it
# asks row by row (LATERAL with OFFSET 0, LIMIT 1 or FOR UPDATE), and names what it changes by `= ANY(ARRAY(...))`.
# PostgreSQL 18 would also take an index for a column that is not its first, and go through it once for each customer:
# `manual IS NOT TRUE`, `(deleted_at IS NULL) IS TRUE`, CASE, and BETWEEN with ORDER BY keep it from that, or all
# columns before it are given.
PLANNED_ONCE = frozenset(
    {
        "accept_event",
        "accept_events",
        "accept_keyed_event",
        "beat",
        "claim_batch",
        "claim_fan_outs",
        "find_leftovers",
        "event_bodies",
        "fan_out_chunk",
        "find_due_lanes",
        "give_up_lead",
        "mark_suspect",
        "record_arrival",
        "record_outcomes",
        "release_lanes",
        "renew_leases",
        "rounds_due",
        "take_lane",
        "take_lanes",
        "take_lead",
        "take_token",
        "validating_types",
    }
)
ONE_PLAN = "SET plan_cache_mode = force_generic_plan"
# A plan made while a day's partition is empty or small would scan it, and go on scanning when it is full. Only the
# connection of an engine, or of the thread that fans out, runs these statements: people's queries are planned as ever.
WORKERS_ONLY = frozenset(
    {
        "take_lane",
        "take_lanes",
        "claim_batch",
        "event_bodies",
        "record_arrival",
        "record_outcomes",
        "find_due_lanes",
        "fan_out_chunk",
        "judge_filters",
    }
)
BY_INDEX = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"

NO_LONG_LOCK = "SET lock_timeout = '1s'"  # longer than a commit on a slow disk

ONLY_ON_REQUEST = 2**31  # None, Django's value, would ignore the request too

# A plan that is kept is made anew now and then: tables that were empty when it was made fill up before their
# statistics say so.
PLANS_SECONDS = 10.0
NEW_PLANS = "DISCARD PLANS"

_thread = threading.local()

Server = psycopg.Connection[tuple[object, ...]]
_told: WeakKeyDictionary[Server, set[str]] = WeakKeyDictionary()
_planned_at: WeakKeyDictionary[Server, float] = WeakKeyDictionary()

# Before the first connection is made, which takes a copy of what is registered.
psycopg.adapters.register_dumper(BinaryArray, BinaryArrayDumper)

Parameters = Mapping[str, object]
Values = Sequence[bytes | None]  # in binary
Days = tuple[tuple[str, str], ...]  # a partitioned table and a day, such as 20261128
Row = TypeVar("Row", bound=NamedTuple)  # a class of rows.py
Made = TypeVar("Made")

_PART = re.compile(r"\{([a-z_]+)\}")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PARAMETER = re.compile(r"%\((\w+)\)s(?:::(\w+)(\[\])?)?")


class Kept(Protocol):
    """What a connection of ours offers for statements that are prepared once (database/kept_statements.py)."""

    def count(self, statement: Statement, values: Values) -> int:
        """Execute; returns how many rows it returns or changes."""

    def fetch(self, statement: Statement, values: Values, make: Callable[[Sequence[object]], Made]) -> list[Made]:
        """Execute, and return what is made of each row."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with $1, $2 and so on, their names in order, and the types of values and of elements of lists."""

    text: bytes
    names: tuple[str, ...]
    types: Mapping[str, str]
    lists: Mapping[str, str]
    encoders: Sequence[tuple[str, Encode]] = ()

    def values(self, parameters: Parameters) -> list[object]:
        """Return the parameters in order; lists are encoded."""
        lists = self.lists
        return [
            encode_array(lists[name], value) if (value := parameters[name]) is not None and name in lists else value
            for name in self.names
        ]

    def encoded(self, parameters: Parameters) -> list[bytes | None]:
        """Return the parameters in order, in binary; raises psycopg.DataError for what a type cannot hold."""
        try:
            return [None if (value := parameters[name]) is None else encode(value) for name, encode in self.encoders]
        except UNFIT as error:
            raise psycopg.DataError(f"cannot be stored: {error}") from error

    @property
    def oids(self) -> list[int]:
        """Return the types of the parameters; 0 for lists, of which the cast tells."""
        return [0 if name in self.lists else oid_of(self.types[name]) for name in self.names]


@cache
def statement(name: str) -> str:
    """Return the text of sql/<name>.sql without comments, with sql/parts/<part>.sql in place of each `{part}`."""
    lines = (FOLDER / f"{name}.sql").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return _PART.sub(lambda match: statement(f"parts/{match[1]}"), text)


@lru_cache(maxsize=256)
def prepared(name: str, days: Days = ()) -> Statement:
    """Return sql/<name>.sql with its parameters numbered, which psycopg would do again for each call."""
    text = statement(name)
    for table, day in days:
        text = re.sub(rf"\b{table}\b", f"{table}_p{day}", text)
    names: dict[str, int] = {}
    found = list(_PARAMETER.finditer(text))
    lists = {match[1]: match[2] for match in found if match[3]}
    types = {match[1]: match[2] for match in reversed(found) if match[2]}

    def number(match: re.Match[str]) -> str:
        place = names.setdefault(match[1], len(names) + 1)
        return f"${place}" + (f"::{match[2]}{match[3] or ''}" if match[2] else "")

    numbered = _PARAMETER.sub(number, text).replace("%%", "%").encode()
    encoders = [(name, encoder_of(types.get(name), element_type=lists.get(name))) for name in names]
    return Statement(numbered, tuple(names), types, lists, encoders)


def wait_for_no_long_lock() -> None:
    """Let what this thread runs wait for a locked row for a second at most: it is about many customers at once, and who
    keeps a row locked is one customer's matter. Behind a pooler it waits for as long as statements may take.
    """
    _thread.is_impatient = True


def prepare_all() -> None:
    """Read every statement now: a process without a descriptor left could not do it later."""
    for path in FOLDER.glob("*.sql"):
        prepared(path.stem)


@cache
def name_of(row: type[NamedTuple]) -> str:
    """Return the statement of a class of rows: `take_lanes` of TakeLanesRow."""
    return _WORD.sub("_", row.__name__.removesuffix("Row")).lower()


def run(name: str, parameters: Parameters) -> int:
    """Execute sql/<name>.sql in one round trip; returns how many rows it returns or, where it returns none, changes.

    Raises django.db errors, as the ORM does.
    """
    here = connections[DEFAULT_DB_ALIAS]
    with here.wrap_database_errors:
        if (kept := _kept(name, here)) is not None:
            known = prepared(name)
            return kept.count(known, known.encoded(parameters))
        with _cursor(tuple_row) as cursor:
            return _execute(cursor, name, parameters, ()).rowcount


def fetch(row: type[Row], parameters: Parameters, *, days: Days = ()) -> list[Row]:
    """Execute the statement of a class of rows.py in one round trip and return its rows.

    `days` names the one partition of a table that the statement is about, where the caller knows it: PostgreSQL then
    looks at no other, and a statement over a month of days costs a third less. Where there is none, all are looked at.
    Raises django.db errors, as the ORM does.
    """
    here = connections[DEFAULT_DB_ALIAS]  # asked for once: Django looks it up for each use of `connection`
    if days and not here.in_atomic_block:
        try:
            return _fetch(row, parameters, days, here)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                raise
    return _fetch(row, parameters, (), here)


def _fetch(row: type[Row], parameters: Parameters, days: Days, here: BaseDatabaseWrapper) -> list[Row]:
    name = name_of(row)
    with here.wrap_database_errors:
        if (kept := _kept(name, here)) is not None:
            known = prepared(name, days)
            return kept.fetch(known, known.encoded(parameters), row._make)
        with _cursor(_factory_of(row)) as cursor:
            return _execute(cursor, name, parameters, days).fetchall()


def _kept(name: str, here: BaseDatabaseWrapper) -> Kept | None:
    """Return where this statement is prepared once; None inside a transaction, behind a pooler and for all others."""
    if name not in PLANNED_ONCE:
        return None
    if here.connection is None:
        here.ensure_connection()
    server = here.connection
    if not server.autocommit or server.pgconn.transaction_status != TransactionStatus.IDLE:
        return None
    kept: Kept | None = getattr(server, "kept_statements", None)
    if kept is not None:
        _keep_plans(server, name)
    return kept


@cache
def _factory_of(row: type[Row]) -> RowFactory[Row]:
    return lambda _cursor: row._make


def _cursor(rows: RowFactory[Made]) -> psycopg.RawCursor[Made]:
    connection.ensure_connection()
    return psycopg.RawCursor(connection.connection, row_factory=rows)


def _execute(cursor: psycopg.RawCursor[Made], name: str, parameters: Parameters, days: Days) -> psycopg.RawCursor[Made]:
    known = prepared(name, days)
    # A pooler gives the next statement to any session: nothing that was set or prepared would be there.
    is_kept = name in PLANNED_ONCE and not getattr(cursor.connection, "is_pooled", False)
    if is_kept:
        _keep_plans(cursor.connection, name)
    return cursor.execute(known.text, known.values(parameters), prepare=is_kept, binary=True)


def _keep_plans(server: Server, name: str) -> None:
    """Tell a connection once that plans are kept, and now and then to make them anew."""
    told = _told.setdefault(server, set())
    wishes = (ONE_PLAN, BY_INDEX) if name in WORKERS_ONLY else (ONE_PLAN,)
    for wish in (*wishes, NO_LONG_LOCK) if getattr(_thread, "is_impatient", False) else wishes:
        if wish not in told and not connection.in_atomic_block:  # inside a transaction it might be rolled back
            server.prepare_threshold = ONLY_ON_REQUEST
            server.execute(wish)
            told.add(wish)
    now = time.monotonic()
    if now - _planned_at.setdefault(server, now) > PLANS_SECONDS:
        server.execute(NEW_PLANS)
        _planned_at[server] = now
