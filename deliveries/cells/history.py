"""The log of a customer, brought to the destination: all of it once while everything goes on, then what changed since.

What lives here: which rows a part has. Each part is a transaction of the destination, so a kill costs one. It must not
know what is waiting, nor who may send.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import sql

from deliveries.cells.cell import Link, value_of
from deliveries.cells.copying import bring, merge, send_ids
from deliveries.cells.moved_tables import ATTEMPTS, DELIVERIES, EVENTS, KEYS, Table
from deliveries.cells.stages import check_claim
from deliveries.models.log import EVERYONES
from deliveries.protocol.writing.ids import floor_of

PART = 2_000  # rows of events or deliveries
SLACK = timedelta(minutes=2)  # ids are made before their rows are committed, by clocks that may be off

LAST_OF_PART = """
SELECT id FROM (
    SELECT id FROM {table} WHERE customer_id = %s AND id > %s AND id < %s ORDER BY id LIMIT {limit}
) part ORDER BY id DESC LIMIT 1
"""
NEWEST = "SELECT id FROM {table} WHERE customer_id = %s AND id < %s ORDER BY customer_id DESC, id DESC LIMIT 1"
RANGE = "r.customer_id = %(customer)s AND r.id > %(after)s AND r.id <= %(last)s"
# OFFSET 0: one look-up for each row of the part, whatever the statistics say.
PARTS = "(SELECT id, event_id FROM hookpost_delivery r WHERE {range} OFFSET 0) d"
ATTEMPTS_OF = "{rows} CROSS JOIN LATERAL (SELECT * FROM hookpost_attempt a WHERE a.delivery_id = d.id OFFSET 0) r"
EVENTS_OF = "{rows} CROSS JOIN LATERAL (SELECT * FROM hookpost_event v WHERE v.id = d.event_id OFFSET 0) r"

# What changed: every change of a delivery leaves an attempt, or the delivery was waiting when it was copied.
CHANGED = """
INSERT INTO moved_changed
SELECT r.delivery_id FROM hookpost_attempt r
WHERE r.id >= %(since)s AND r.endpoint_id = ANY(%(endpoints)s)
  AND NOT EXISTS (SELECT FROM moved_attempts k WHERE k.id = r.id)
UNION SELECT id FROM moved_waiting
UNION SELECT delivery_id FROM hookpost_due_delivery WHERE endpoint_id = ANY(%(endpoints)s)
UNION
SELECT r.id FROM hookpost_delivery r
WHERE r.customer_id = %(customer)s AND r.id >= %(since)s
  AND NOT EXISTS (SELECT FROM moved_deliveries k WHERE k.id = r.id)
"""
NEW_EVENTS = """
hookpost_event r WHERE r.customer_id = %(customer)s AND r.id >= %(since)s
AND NOT EXISTS (SELECT FROM moved_events k WHERE k.id = r.id)
"""
CHANGED_ROWS = "(SELECT c.id, x.event_id FROM moved_changed c JOIN hookpost_delivery x ON x.id = c.id OFFSET 0) d"
CHANGED_DELIVERIES = (
    "moved_changed d CROSS JOIN LATERAL (SELECT * FROM hookpost_delivery x WHERE x.id = d.id OFFSET 0) r"
)


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Ids between two: what of the log is copied at once, and where that begins."""

    after: UUID
    until: UUID


def bring_log(link: Link, span: LogSpan, *, again: bool) -> Iterator[tuple[str, int]]:
    """Bring events, and deliveries with their attempts, part by part; yields what came.

    `again` goes on behind what is there: of the same move, never of an earlier one, whose rows may have changed.
    """
    for table in (EVENTS, DELIVERIES):
        after = _newest(link, table, span) if again else span.after
        while (last := _last_of_part(link, table, after, span.until)) is not None:
            with link.destination.transaction():
                check_claim(link)
                number = _bring_part(link, table, {"after": after, "last": last})
            yield table.name.removeprefix("hookpost_"), number
            after = last


def bring_keys(link: Link, *, since: datetime | None = None) -> int:
    """Bring Idempotency-Keys, those made since a moment or all; what came twice by them is kept once.

    A caller that heard no answer here and asked again there made two events of one. Nothing of the second was sent.
    """
    chosen = f"{KEYS.name} r WHERE {KEYS.where}" + ("" if since is None else " AND r.created_at >= %(since)s")
    number = bring(link, KEYS, chosen=chosen, parameters={"since": since})
    twice = [
        event_id
        for (event_id,) in link.destination.execute(
            "SELECT k.event_id FROM hookpost_idempotency_key k JOIN incoming_idempotency_key i USING (owner_id, key) "
            "WHERE k.event_id <> i.event_id AND k.customer_id = %s",
            [link.customer_id],
        )
    ]
    for statement in (
        "DELETE FROM hookpost_due_delivery WHERE event_id = ANY(%s)",
        "DELETE FROM hookpost_delivery WHERE event_id = ANY(%s)",
        "DELETE FROM hookpost_event WHERE id = ANY(%s)",
    ):
        if twice:
            link.destination.execute(sql.SQL(statement), [twice])
    merge(link, KEYS)
    return number


def bring_changes(link: Link, *, since: datetime) -> int:
    """Bring what was made or changed since a moment, in the caller's transaction; returns how many deliveries."""
    given: dict[str, object] = {"since": floor_of(since - SLACK), "endpoints": _endpoints(link)}
    recent = "{table} r WHERE r.customer_id = %(customer)s AND r.id >= %(since)s"
    waiting = "hookpost_delivery r WHERE r.customer_id = %(customer)s AND r.state IN ('pending', 'held')"
    attempts = "hookpost_attempt r WHERE r.id >= %(since)s AND r.endpoint_id = ANY(%(endpoints)s)"
    send_ids(link, recent.format(table=EVENTS.name), into="moved_events", parameters=given)
    send_ids(link, recent.format(table=DELIVERIES.name), into="moved_deliveries", parameters=given)
    send_ids(link, attempts, into="moved_attempts", parameters=given)
    send_ids(link, waiting, into="moved_waiting", parameters=given)
    link.source.execute("CREATE TEMP TABLE IF NOT EXISTS moved_changed (id uuid)")
    link.source.execute("TRUNCATE moved_changed")
    link.source.execute(sql.SQL(CHANGED), {"customer": link.customer_id, **given})
    link.source.execute("ANALYZE moved_changed")
    _bring_and_merge(link, EVENTS, NEW_EVENTS, given)
    _bring_and_merge(link, EVENTS, EVENTS_OF.format(rows=CHANGED_ROWS), given)
    _bring_and_merge(link, ATTEMPTS, ATTEMPTS_OF.format(rows=CHANGED_ROWS), given)
    return _bring_and_merge(link, DELIVERIES, CHANGED_DELIVERIES, given)


def _bring_part(link: Link, table: Table, given: dict[str, object]) -> int:
    number = _bring_and_merge(link, table, f"{table.name} r WHERE {RANGE}", given)
    if table is DELIVERIES:
        rows = PARTS.format(range=RANGE)
        of_all = EVENTS_OF.format(rows=rows) + " WHERE r.customer_id = %(everyone)s"
        _bring_and_merge(link, EVENTS, of_all, given | {"everyone": EVERYONES})
        _bring_and_merge(link, ATTEMPTS, ATTEMPTS_OF.format(rows=rows), given)
    return number


def _bring_and_merge(link: Link, table: Table, chosen: str, given: dict[str, object]) -> int:
    number = bring(link, table, chosen=chosen, parameters=given)
    merge(link, table)
    return number


def _last_of_part(link: Link, table: Table, after: UUID, until: UUID) -> UUID | None:
    statement = LAST_OF_PART.format(table=table.name, limit=PART)
    last = value_of(link.source, statement, link.customer_id, after, until)
    assert last is None or isinstance(last, UUID)
    return last


def _newest(link: Link, table: Table, span: LogSpan) -> UUID:
    """Return behind which id the destination has nothing of the span yet."""
    found = value_of(link.destination, NEWEST.format(table=table.name), link.customer_id, span.until)
    return found if isinstance(found, UUID) and found > span.after else span.after


def _endpoints(link: Link) -> list[UUID]:
    rows = link.source.execute("SELECT id FROM hookpost_endpoint WHERE customer_id = %s", [link.customer_id])
    return [row_id for (row_id,) in rows if isinstance(row_id, UUID)]
