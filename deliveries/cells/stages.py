"""What each side does for a customer on its way: frozen (nothing is sent, no setting changed), closed, open.

What lives here: going from one stage to the next, and waiting until everybody who began before is done. Each stage is
a column of the customer's row, so that it outlives whoever moves. It must not know what is copied.

    source        ''      frozen   frozen            closed   closed
    destination   closed  closed   frozen: accepts   frozen   '': sends
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import sleep
from uuid import UUID

from psycopg import sql as psycopg_sql

from deliveries import sql
from deliveries.cells.cell import Connection, Link, value_of
from deliveries.cells.moved_tables import FAR
from deliveries.errors import Conflict
from deliveries.models import Customer
from deliveries.sql.rows import FreezeLanesRow

WAIT_SECONDS = 90.0  # longer than a request to a receiver, and than a lease
GONE_SECONDS = 10.0  # PostgreSQL lets go of what a mover held some time after it was killed, on a busy machine later
POLL_SECONDS = 0.005

Moving = Customer.Moving

STAGE = "SELECT moving, moved_to, moving_since FROM hookpost_customer WHERE id = %s"
MARK = """
UPDATE hookpost_customer SET moving = %s, moved_to = %s, moving_since = coalesce(moving_since, now()) WHERE id = %s
"""
ADMIT = "UPDATE hookpost_customer SET moving = 'frozen', moving_since = clock_timestamp() WHERE id = %s"
BACK = "UPDATE hookpost_customer SET moving = '', moved_to = '', moving_since = NULL WHERE id = %s"
CLAIM = "UPDATE hookpost_customer SET moved_to = %s WHERE id = %s AND moving = 'closed'"
FREE = """
UPDATE hookpost_lane SET lease_until = NULL
WHERE lease_until = %s AND endpoint_id IN (SELECT id FROM hookpost_endpoint WHERE customer_id = %s)
"""
WRITERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks
WHERE relation = %s::regclass AND mode = 'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
STILL_THERE = "SELECT count(*) FROM pg_locks WHERE virtualtransaction = ANY(%s)"
FAN_OUTS = "SELECT event_id FROM hookpost_fan_out WHERE customer_id = %s OR customer_id IS NULL"
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('hookpost move', 0) # %s)"
STILL_OPEN = "SELECT count(*) FROM hookpost_fan_out WHERE event_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class MoveStage:
    """What a customer's row says; of one that is not there, that nothing is accepted."""

    moving: str
    moved_to: str
    since: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether this cell accepts events of it."""
        return self.moving != Moving.CLOSED


def stage_of(connection: Connection, customer_id: UUID) -> MoveStage:
    """Return where a customer stands in a cell."""
    row = connection.execute(STAGE, [customer_id]).fetchone()
    if row is None:
        return MoveStage(Moving.CLOSED, "", None)
    moving, moved_to, since = row
    assert since is None or isinstance(since, datetime)
    return MoveStage(str(moving), str(moved_to), since)


def check_claim(link: Link) -> None:
    """Raise Conflict unless the destination still waits for this move; its row is locked until the transaction ends.

    A mover that was frozen while another one finished must not write over what has been sent since.
    """
    row = link.destination.execute(f"{STAGE} FOR NO KEY UPDATE", [link.customer_id]).fetchone()
    if row is not None and (row[0] == Moving.NO or row[1] != link.name):
        raise Conflict(f"the customer is not on its way to {link.name} any more")


def claim(link: Link) -> None:
    """Mark what an earlier move left in the destination as what comes now; raises Conflict where two move it."""
    _wait(
        lambda: bool(value_of(link.source, LOCK, _number(link))),
        "another process is moving this customer",
        seconds=GONE_SECONDS,
    )
    link.destination.execute(CLAIM, [link.name, link.customer_id])


def _number(link: Link) -> int:
    """Return what names the customer to PostgreSQL's advisory locks."""
    return link.customer_id.int & (1 << 62) - 1


def mark(link: Link, moving: str) -> None:
    """Set the source's stage."""
    link.source.execute(MARK, [moving, link.name, link.customer_id])


def freeze(link: Link) -> None:
    """Let no setting be changed in the source, and nothing be sent; returns when those who began before are done."""
    mark(link, Moving.FROZEN)
    _wait_for_writers(link.source, "hookpost_audit_entry")


def freeze_lanes(link: Link) -> None:
    """Take all lanes of the source, each when its worker gives it back: what is in flight ends and is recorded."""
    rows = link.source.execute(
        "SELECT l.endpoint_id FROM hookpost_lane l JOIN hookpost_endpoint e ON e.id = l.endpoint_id "
        "WHERE e.customer_id = %s AND l.lease_until IS DISTINCT FROM %s",
        [link.customer_id, FAR],
    )
    wanted = {endpoint_id for (endpoint_id,) in rows}
    statement = psycopg_sql.SQL(sql.statement(sql.name_of(FreezeLanesRow)))

    def all_taken() -> bool:
        taken = link.source.execute(statement, {"endpoint_ids": list(wanted), "until": FAR})
        wanted.difference_update(endpoint_id for (endpoint_id,) in taken)
        return not wanted

    _wait(all_taken, "a worker does not give a lane back")


def admit(link: Link) -> None:
    """Let the destination accept events; nothing is sent there yet."""
    link.destination.execute(ADMIT, [link.customer_id])


def close(link: Link) -> None:
    """Let the source accept nothing more; returns when what it accepted before is stored, with all its deliveries."""
    mark(link, Moving.CLOSED)
    _wait_for_writers(link.source, "hookpost_due_delivery")
    open_ones = [event_id for (event_id,) in link.source.execute(FAN_OUTS, [link.customer_id])]
    _wait(lambda: not _count(link.source, STILL_OPEN, open_ones), "a fan-out does not end")


def begin_sending(link: Link) -> None:
    """End the move on the destination's side, in the caller's transaction: from its commit on it sends."""
    link.destination.execute(BACK, [link.customer_id])


def take_back(link: Link) -> None:
    """Go on in the source as if nothing had been; raises Conflict once the destination has accepted events."""
    if stage_of(link.destination, link.customer_id).is_open or not stage_of(link.source, link.customer_id).is_open:
        raise Conflict(f"{link.name} accepts its events already: finish the move, then move it back")
    with link.source.transaction():
        link.source.execute(BACK, [link.customer_id])
        link.source.execute(FREE, [FAR, link.customer_id])


def _wait_for_writers(connection: Connection, table: str) -> None:
    """Wait until everybody who may write to a table by what it saw before is done. Nobody is locked out."""
    holders = [holder for (holder,) in connection.execute(WRITERS, [table])]
    _wait(lambda: not _count(connection, STILL_THERE, holders), f"a transaction goes on writing to {table}")


def _count(connection: Connection, statement: str, given: Sequence[object]) -> int:
    row = connection.execute(psycopg_sql.SQL(statement), [list(given)]).fetchone()
    return int(str(row[0])) if row and given else 0


def _wait(condition: Callable[[], bool], problem: str, *, seconds: float = WAIT_SECONDS) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            raise Conflict(f"{problem}: nothing is lost, run the same command again")
        sleep(POLL_SECONDS)
