"""How often one API key may call. Source: draft-ietf-httpapi-ratelimit-headers-10.

What lives here: a bucket of tokens per key, and the headers that tell of it. It must not know any view.
The buckets are rows of an unlogged table, judged by the database's clock: one limit for all web
processes, and no need of a Redis, which an operator with RabbitMQ does not have. It costs one small
statement per request, and none when no limit is set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError
from rest_framework.exceptions import Throttled

from deliveries import sql
from deliveries.conf import conf
from deliveries.database.failures import takes_no_writes
from deliveries.sql.rows import TakeTokenRow

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a key has left."""

    limit: int
    remaining: int
    wait_seconds: float

    def headers(self) -> dict[str, str]:
        """Return the headers of an answer that was counted."""
        refill = math.ceil((self.limit - self.remaining) * WINDOW_SECONDS / self.limit)
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"key";r={self.remaining};t={refill}',
        }


def take_token(key_id: UUID) -> Allowance | None:
    """Count one request of a key; None when no limit is set, or none can be kept."""
    limit = conf.api_rate_limit
    if not limit:
        return None
    try:
        row = sql.fetch(TakeTokenRow, {"key_id": key_id, "limit": limit, "window_seconds": WINDOW_SECONDS})[0]
    except DatabaseError as error:
        if not takes_no_writes(error):
            raise
        return None  # nothing can be counted, and reading goes on
    wait = 0.0 if row.taken else max(0.0, (1 - row.tokens) * WINDOW_SECONDS / limit)
    return Allowance(limit=limit, remaining=max(0, math.floor(row.tokens)), wait_seconds=wait)


def refuse_if_empty(allowance: Allowance) -> None:
    """Raise Throttled when there was no token left."""
    if allowance.wait_seconds:
        raise Throttled(wait=math.ceil(allowance.wait_seconds))
