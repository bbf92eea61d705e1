"""Filters evaluated apart from every statement that stores: with a budget of time, and without harm to anybody else.

What lives here: which endpoints want an event, which do not, and whose filters could not tell. It must not know what
becomes of either.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

import psycopg
from django.db import DataError, OperationalError, connection, transaction

from deliveries import sql
from deliveries.sql.rows import JudgeFiltersRow

PART = 16  # filters in one statement
PART_SECONDS = 0.5  # of one statement; a filter that alone takes longer cannot tell
TURN_SECONDS = 0.5  # of one chunk of a fan-out; then another customer has a turn
EVENT_MS = 10_000  # of all filters of one event
DEAR_SECONDS = 0.05
NO_BODIES: Mapping[UUID, bytes | None] = MappingProxyType({})

NOT_READABLE = "the data holds a number that no filter can evaluate"
TOO_LONG = f"the filter takes longer than {PART_SECONDS} s"
USED_UP = f"the filters of this event have taken {EVENT_MS // 1000} s"


@dataclass(slots=True)
class Judged:
    """Whose filters matched, whose failed and why, and for whose there was no time this turn, in their order."""

    matched: list[UUID] = field(default_factory=list)
    failed: list[UUID] = field(default_factory=list)
    left: list[UUID] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0

    @property
    def is_dear(self) -> bool:
        """Whether this took so long that others should have a turn first."""
        return self.seconds > DEAR_SECONDS

    def fail(self, endpoint_ids: Sequence[UUID], reason: str) -> None:
        """Note that these filters could not tell."""
        self.failed += endpoint_ids
        self.reason = reason


class _Part(NamedTuple):
    """Endpoints whose filters look at the same: at a body, or None for the stored one."""

    endpoint_ids: Sequence[UUID]
    body: bytes | None


def judge(
    event_id: UUID, endpoint_ids: Sequence[UUID], *, spent_ms: int = 0, bodies: Mapping[UUID, bytes | None] = NO_BODIES
) -> Judged:
    """Evaluate the filters of these endpoints, in their order, as far as time allows; `spent_ms` is of turns before.

    `bodies` is what the filters of some look at instead of the stored body.
    """
    judged, started = Judged(), time.monotonic()
    alike = [(list(group), body) for body, group in groupby(endpoint_ids, key=bodies.get)]
    waiting = [
        _Part(group[start : start + PART], body) for group, body in alike for start in range(0, len(group), PART)
    ]
    while waiting:
        judged.seconds = time.monotonic() - started
        if judged.seconds * 1000 + spent_ms > EVENT_MS:
            judged.fail([each for part in waiting for each in part.endpoint_ids], USED_UP)
            break
        if judged.seconds > TURN_SECONDS:
            judged.left = [each for part in waiting for each in part.endpoint_ids]
            break
        waiting = _judge_part(event_id, waiting[0], judged) + waiting[1:]
    judged.seconds = time.monotonic() - started if endpoint_ids else 0.0
    return judged


def _judge_part(event_id: UUID, part: _Part, judged: Judged) -> list[_Part]:
    """Judge a part; returns what of it has to be tried again in smaller parts."""
    endpoint_ids, body = part
    try:
        judged.matched += _evaluate(event_id, part)
    except DataError:
        judged.fail(endpoint_ids, NOT_READABLE)
    except OperationalError as error:
        if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        if half := len(endpoint_ids) // 2:
            return [_Part(endpoint_ids[:half], body), _Part(endpoint_ids[half:], body)]
        judged.fail(endpoint_ids, TOO_LONG)
    return []


def _evaluate(event_id: UUID, part: _Part) -> list[UUID]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {round(PART_SECONDS * 1000)}")
        rows = sql.fetch(
            JudgeFiltersRow, {"event_id": event_id, "endpoint_ids": list(part.endpoint_ids), "body": part.body}
        )
    matched = {row.endpoint_id for row in rows}
    return [each for each in part.endpoint_ids if each in matched]
