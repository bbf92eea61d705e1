"""Lanes in the database: lease them, claim what is due, prove that their worker lives, give them back.

Each function is one round trip. Decides nothing about answers, sends nothing; what came of it is recording.py's.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import HookpostError
from deliveries.models.base import new_id
from deliveries.models.keyring import unseal
from deliveries.protocol.answer import Answer, words_to_hide
from deliveries.protocol.backoff import DEFAULT_SCHEDULE
from deliveries.protocol.breaker import Breaker
from deliveries.protocol.outcome import Outcome
from deliveries.protocol.secrets import SigningKey, read_secret

FIRST_CLAIM = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How an endpoint wants to be sent to, as of the moment of the lease."""

    url: str
    signing: str
    payload_mode: str
    keys: tuple[SigningKey, ...]
    headers: Mapping[str, str] = field(repr=False)
    hidden: Sequence[str] = field(repr=False)
    schedule: Sequence[int]
    timeout_seconds: int
    max_in_flight: int
    rate_limit: int | None
    ordered: bool
    enabled: bool
    deleted: bool
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A due delivery with its event; `attempts` counts the scheduled attempts made before."""

    delivery_id: UUID
    manual: bool
    event_id: UUID
    rank: int
    attempts: int
    actor: str
    type: str
    body: bytes = field(repr=False)

    @property
    def key(self) -> tuple[UUID, bool]:
        """What tells a due row from the redelivery of the same delivery."""
        return self.delivery_id, self.manual


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One attempt that ended, ready to be recorded; its id tells whether it was recorded already."""

    claimed: Claimed
    started_at: datetime
    answer: Answer
    outcome: Outcome
    attempt_id: UUID = field(default_factory=new_id)


@dataclass(slots=True, kw_only=True)
class LeasedLane:
    """A lane in the hands of this process; moments are on its monotonic clock, in seconds.

    `owned_until` is the end of the lease, `until` the end of the turn's slice, `claims` and `answers` how many this
    lease had, `moved_at` when it began or the last answer came,
    `careful` how many deliveries still go alone after a lost worker.
    """

    endpoint_id: UUID
    fence: int
    target: Target
    breaker: Breaker
    slow: bool
    crashes: int
    careful: int
    suspect_id: UUID | None
    opened_at_lease: int
    tokens: float
    tokens_at: float
    rest_until: float
    owned_until: float
    moved_at: float
    until: float = 0.0
    waiting: deque[Claimed] = field(default_factory=deque)
    in_flight: dict[tuple[UUID, bool], tuple[Claimed, datetime]] = field(default_factory=dict)
    finished: list[Finished] = field(default_factory=list)
    claims: int = 0
    answers: int = 0
    stopped: bool = False
    drained: bool = False

    def rest_seconds(self) -> float:
        """How much longer the lane is to rest; 0 when it is awake."""
        return max(0.0, self.rest_until - time.monotonic())


def lease_lanes(endpoint_ids: Sequence[UUID], *, slow: bool, alone: bool | None = None) -> list[LeasedLane]:
    """Lease those of the lanes that are free; one whose worker was lost only if its turn is for it alone."""
    parameters = {
        "endpoint_ids": list(endpoint_ids),
        "lease_seconds": float(conf.lease_seconds),
        "slow": slow,
        "alone": len(endpoint_ids) == 1 if alone is None else alone,
    }
    moment = time.monotonic()
    return [_leased(row, moment) for row in sql.run("lease_lanes", parameters)]


def claim_batch(lanes: Sequence[LeasedLane], *, room: int) -> None:
    """Fill each lane's `waiting` with up to `room` due deliveries that are not in flight already.

    A lane of which all that is due came back is `drained`. A retry and a redelivery of the same delivery are never
    under way together: the later one stays due.
    """
    wanted = {lane.endpoint_id: _room(lane, room) for lane in lanes}
    rows = sql.run(
        "claim_batch",
        {
            "endpoint_ids": [lane.endpoint_id for lane in lanes],
            "fences": [lane.fence for lane in lanes],
            "rooms": [wanted[lane.endpoint_id] for lane in lanes],
            "busy": [len(lane.in_flight) for lane in lanes],
            "awake": [lane.target.enabled and not lane.rest_seconds() for lane in lanes],
        },
    )
    by_id = {lane.endpoint_id: lane for lane in lanes}
    busy = {delivery_id for lane in lanes for delivery_id, _ in lane.in_flight}
    for row in rows:
        if row.delivery_id not in busy:
            busy.add(row.delivery_id)
            by_id[row.endpoint_id].waiting.append(_claimed(row))
    given = Counter((row.endpoint_id, row.rank) for row in rows)
    for lane in lanes:
        lane.claims += 1
        lane.drained = _is_drained(lane, wanted[lane.endpoint_id], given)


def release_lanes(lanes: Sequence[LeasedLane]) -> None:
    """Give lanes back that have nothing to record; without a database their leases end by themselves."""
    with suppress(DatabaseError, InterfaceError):
        sql.run("release_lanes", {"endpoint_ids": [x.endpoint_id for x in lanes], "fences": [x.fence for x in lanes]})


def renew_leases(lanes: Sequence[LeasedLane]) -> None:
    """Prove that the worker of these lanes lives; a lane that is another's by now stops."""
    moment = time.monotonic()
    rows = sql.run(
        "renew_leases",
        {
            "endpoint_ids": [lane.endpoint_id for lane in lanes],
            "fences": [lane.fence for lane in lanes],
            "lease_seconds": float(conf.lease_seconds),
        },
    )
    kept = {row.endpoint_id for row in rows}
    for lane in lanes:
        lane.stopped = lane.stopped or lane.endpoint_id not in kept
        lane.owned_until = moment + conf.lease_seconds


def postpone_redeliveries(lane: LeasedLane, *, seconds: float) -> None:
    """Let what was asked for by hand wait, although it heeds no rest of its lane."""
    sql.run("postpone_redeliveries", {"endpoint_id": lane.endpoint_id, "seconds": seconds})


def mark_suspect(lane: LeasedLane, delivery_id: UUID, *, losses: int) -> None:
    """Remember what is sent next and its losses so far, in case the worker does not live to tell."""
    parameters = {"endpoint_id": lane.endpoint_id, "fence": lane.fence, "delivery_id": delivery_id, "losses": losses}
    sql.run("mark_suspect", parameters)


def _is_drained(lane: LeasedLane, room: int, given: Mapping[tuple[UUID, int], int]) -> bool:
    """Say whether no rank gave as much as sql/claim_batch.sql lets it give, nor all together."""
    shares = (room, (room * 7 + 7) // 8, room, (room + 7) // 8)
    counts = [given.get((lane.endpoint_id, rank), 0) for rank in range(len(shares))]
    busy = len(lane.in_flight)
    return sum(counts) < room + busy and all(n < most + busy for n, most in zip(counts, shares, strict=True))


def _room(lane: LeasedLane, room: int) -> int:
    # After a lost worker, and to probe a lane that was down, one delivery goes alone.
    if lane.careful or lane.breaker.opened:
        return 1
    # A lane shows by its claims how much it can send while its turn lasts.
    return min(room, max(FIRST_CLAIM, 2 * lane.target.max_in_flight) << 2 * min(lane.claims, 8))


def _leased(row: Any, moment: float) -> LeasedLane:
    return LeasedLane(
        endpoint_id=row.endpoint_id,
        fence=row.fence,
        target=_target(row),
        breaker=Breaker(row.failures, row.opened),
        slow=row.slow,
        crashes=row.crashes,
        careful=2 * row.max_in_flight if row.crashes else 0,
        suspect_id=row.suspect_id,
        opened_at_lease=row.opened,
        tokens=row.tokens,
        tokens_at=moment - row.tokens_age_seconds,
        rest_until=moment + row.rest_seconds,
        owned_until=moment + conf.lease_seconds,
        moved_at=moment,
    )


def _target(row: Any) -> Target:
    problem = ""
    keys: tuple[SigningKey, ...] = ()
    headers: dict[str, str] = {}
    try:
        pairs = zip(row.secret_ids or (), row.sealed or (), strict=True)
        keys = tuple(read_secret(unseal(sealed, row_id=row_id).decode()) for row_id, sealed in pairs)
        headers = dict(json.loads(unseal(row.headers_sealed, row_id=row.endpoint_id))) if row.headers_sealed else {}
    except HookpostError as error:
        problem = str(error)
    except (ValueError, TypeError):
        problem = "a stored secret or header cannot be read"
    return Target(
        url=row.url,
        signing=row.signing,
        payload_mode=row.payload_mode,
        keys=keys,
        headers=headers,
        hidden=words_to_hide(headers.values()),
        schedule=row.retry_schedule or DEFAULT_SCHEDULE,
        timeout_seconds=row.timeout_seconds,
        max_in_flight=1 if row.ordered else row.max_in_flight,
        rate_limit=row.rate_limit,
        ordered=row.ordered,
        enabled=row.state == "enabled",
        deleted=row.deleted,
        problem=problem
        or ("" if keys else "the endpoint was deleted" if row.deleted else "the endpoint has no secret"),
    )


def _claimed(row: Any) -> Claimed:
    return Claimed(
        delivery_id=row.delivery_id,
        manual=row.manual,
        event_id=row.event_id,
        rank=row.rank,
        attempts=row.attempts,
        actor=row.actor,
        type=row.type,
        body=row.body,
    )
