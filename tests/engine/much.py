"""Much that becomes due at once, what PostgreSQL knows of it, and how many rows it reads for it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from deliveries import sql
from deliveries.models import Endpoint
from deliveries.models.base import new_id

LANES = 2_000
JOB = UUID(int=7)

# Each endpoint, lane and delivery is a copy of the first.
COPY_ENDPOINTS = """
INSERT INTO hookpost_endpoint
SELECT (jsonb_populate_record(e, jsonb_build_object('id', i.id, 'uid', NULL))).*
FROM hookpost_endpoint e CROSS JOIN unnest(%(endpoints)s::uuid[]) AS i (id) WHERE e.id = %(endpoint)s
"""
COPY_LANES = """
INSERT INTO hookpost_lane
SELECT (jsonb_populate_record(l, jsonb_build_object('endpoint_id', i.id))).*
FROM hookpost_lane l CROSS JOIN unnest(%(endpoints)s::uuid[]) AS i (id) WHERE l.endpoint_id = %(endpoint)s
"""
FILL = """
WITH made AS (
    SELECT * FROM unnest(%(endpoints)s::uuid[], %(ids)s::uuid[]) AS i (endpoint_id, id)
), event AS (
    INSERT INTO hookpost_event (id, customer_id, type, body, created_at)
    SELECT id, %(customer)s, 'a.b', '{}', now() FROM made
), delivery AS (
    INSERT INTO hookpost_delivery (
        id, event_id, endpoint_id, customer_id, event_type, state, attempts, error, created_at, next_attempt_at
    )
    SELECT id, id, endpoint_id, %(customer)s, 'a.b', CASE WHEN %(is_held)s THEN 'held' ELSE 'pending' END, 0, '',
        now(), CASE WHEN NOT %(is_held)s THEN now() END
    FROM made
)
INSERT INTO hookpost_due_delivery (delivery_id, manual, endpoint_id, event_id, rank, attempts, due_at, actor, job_id)
SELECT id, false, endpoint_id, id, 1, 0, CASE WHEN NOT %(is_held)s THEN now() END, '', %(job)s FROM made
"""


def take_statistics() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def fill(endpoint: Endpoint, *, held: bool = False, each: int = LANES) -> list[UUID]:
    """Much comes at once: so many lanes with a delivery each; returns the deliveries."""
    ids = [new_id() for _ in range(each)]
    parameters = {
        "endpoint": endpoint.id,
        "endpoints": [new_id() for _ in range(each)],
        "ids": ids,
        "customer": endpoint.customer_id,
        "is_held": held,
        "job": JOB,
    }
    with connection.cursor() as cursor:
        cursor.execute(COPY_ENDPOINTS, parameters)
        cursor.execute(COPY_LANES, parameters)
        cursor.execute(FILL, parameters)
    return ids


def rows_read(name: str, parameters: dict[str, Any]) -> tuple[int, int]:
    """Run a statement; returns how many rows it gave and how many PostgreSQL has read for it."""
    with transaction.atomic():
        before = rows_so_far()
        return sql.run(name, parameters), rows_so_far() - before


def rows_so_far() -> int:
    """How many rows of our tables this connection has read and not yet reported; look at the difference.

    It may hold those of earlier transactions, so what the foreign keys of `fill` have read too: two million.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint"
            " FROM pg_stat_xact_user_tables WHERE relname LIKE 'hookpost%'"
        )
        return int(cursor.fetchone()[0])
