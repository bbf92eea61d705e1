"""Lanes in the database: lease them, claim what is due, record what came of it, give them back.

Each function is one round trip. Decides nothing about answers and sends nothing.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import CannotDecrypt
from deliveries.models.base import new_id
from deliveries.models.keyring import unseal
from deliveries.protocol.answer import Answer, without, words_to_hide
from deliveries.protocol.backoff import DEFAULT_SCHEDULE
from deliveries.protocol.breaker import Breaker
from deliveries.protocol.outcome import Outcome
from deliveries.protocol.signatures import SigningKey, parse_secret


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
    """One attempt that ended, ready to be recorded."""

    claimed: Claimed
    started_at: datetime
    answer: Answer
    outcome: Outcome


@dataclass(slots=True, kw_only=True)
class LeasedLane:
    """A lane in the hands of this process; moments are on its monotonic clock, in seconds.

    `owned_until` is the end of the lease, `until` the end of the turn's slice.
    """

    endpoint_id: UUID
    fence: int
    target: Target
    breaker: Breaker
    slow: bool
    crashes: int
    suspect_id: UUID | None
    opened_at_lease: int
    tokens: float
    tokens_at: float
    rest_until: float
    owned_until: float
    until: float = 0.0
    waiting: deque[Claimed] = field(default_factory=deque)
    in_flight: set[tuple[UUID, bool]] = field(default_factory=set)
    finished: list[Finished] = field(default_factory=list)
    stopped: bool = False
    drained: bool = False
    healthy: bool = False

    def rest_seconds(self) -> float:
        """How much longer the lane is to rest; 0 when it is awake."""
        return max(0.0, self.rest_until - time.monotonic())


def lease_lanes(endpoint_ids: Sequence[UUID], *, slow: bool) -> list[LeasedLane]:
    """Lease those of the lanes that are free; a lane whose worker was lost only when it is named alone."""
    parameters = {
        "endpoint_ids": list(endpoint_ids),
        "lease_seconds": float(conf.lease_seconds),
        "slow": slow,
        "alone": len(endpoint_ids) == 1,
    }
    moment = time.monotonic()
    return [_leased(row, moment) for row in sql.run("lease_lanes", parameters)]


def claim_batch(lanes: Sequence[LeasedLane], *, room: int) -> None:
    """Fill each lane's `waiting` with up to `room` due deliveries that are not in flight already.

    A lane that got fewer than it asked for is `drained`.
    """
    wanted = {lane.endpoint_id: _room(lane, room) for lane in lanes}
    rows = sql.run(
        "claim_batch",
        {
            "endpoint_ids": [lane.endpoint_id for lane in lanes],
            "fences": [lane.fence for lane in lanes],
            "rooms": [wanted[lane.endpoint_id] + len(lane.in_flight) for lane in lanes],
            "awake": [lane.target.enabled and not lane.rest_seconds() for lane in lanes],
        },
    )
    by_id = {lane.endpoint_id: lane for lane in lanes}
    for row in rows:
        lane = by_id[row.endpoint_id]
        if (row.delivery_id, row.manual) not in lane.in_flight:
            lane.waiting.append(_claimed(row))
    for lane in lanes:
        # A rank gives no more than its share, an eighth at least: only a hand emptier than that means empty.
        lane.drained = len(lane.waiting) < (wanted[lane.endpoint_id] + 7) // 8


def record_outcomes(lanes: Sequence[LeasedLane], *, release: Iterable[UUID] = ()) -> None:
    """Store every finished attempt of the lanes and what follows from it, and renew or end their leases.

    A lane whose fence was passed on in the meantime keeps its attempts in the log and changes nothing else.
    """
    releasing = set(release)
    rows = [(lane, finished) for lane in lanes for finished in lane.finished]
    kept = {
        row.endpoint_id for row in sql.run("record_outcomes", _lane_columns(lanes, releasing) | _attempt_columns(rows))
    }
    for lane in lanes:
        lane.finished.clear()
        lane.crashes, lane.healthy = 0, False
        lane.stopped = lane.stopped or lane.endpoint_id not in kept


def release_lanes(lanes: Sequence[LeasedLane]) -> None:
    """Give lanes back that have nothing to record."""
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


def mark_suspect(lane: LeasedLane, delivery_id: UUID) -> None:
    """Remember what is sent next, in case the worker does not live to tell."""
    sql.run("mark_suspect", {"endpoint_id": lane.endpoint_id, "fence": lane.fence, "delivery_id": delivery_id})


def _room(lane: LeasedLane, room: int) -> int:
    # After a lost worker, and to probe a lane that was down, one delivery goes alone.
    return 1 if lane.crashes or lane.breaker.opened else room


def _leased(row: Any, moment: float) -> LeasedLane:
    return LeasedLane(
        endpoint_id=row.endpoint_id,
        fence=row.fence,
        target=_target(row),
        breaker=Breaker(row.failures, row.opened),
        slow=row.slow,
        crashes=row.crashes,
        suspect_id=row.suspect_id,
        opened_at_lease=row.opened,
        tokens=row.tokens,
        tokens_at=moment - row.tokens_age_seconds,
        rest_until=moment + row.rest_seconds,
        owned_until=moment + conf.lease_seconds,
    )


def _target(row: Any) -> Target:
    problem = ""
    keys: tuple[SigningKey, ...] = ()
    headers: dict[str, str] = {}
    try:
        pairs = zip(row.secret_ids or (), row.sealed or (), strict=True)
        keys = tuple(parse_secret(unseal(sealed, row_id=row_id).decode()) for row_id, sealed in pairs)
        headers = json.loads(unseal(row.headers_sealed, row_id=row.endpoint_id)) if row.headers_sealed else {}
    except CannotDecrypt as error:
        problem = str(error)
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
        problem=problem or ("" if keys else "the endpoint has no secret"),
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


def _lane_columns(lanes: Sequence[LeasedLane], releasing: set[UUID]) -> dict[str, Any]:
    return {
        "lease_seconds": float(conf.lease_seconds),
        "lane_ids": [lane.endpoint_id for lane in lanes],
        "lane_fences": [lane.fence for lane in lanes],
        "lane_failures": [lane.breaker.failures for lane in lanes],
        "lane_opened": [lane.breaker.opened for lane in lanes],
        "lane_rests": [lane.rest_seconds() for lane in lanes],
        "lane_tokens": [float(lane.tokens) for lane in lanes],
        "lane_slows": [lane.slow for lane in lanes],
        "lane_healthy": [lane.healthy for lane in lanes],
        "lane_releases": [lane.endpoint_id in releasing for lane in lanes],
    }


def _attempt_columns(rows: Sequence[tuple[LeasedLane, Finished]]) -> dict[str, Any]:
    answers = [without(finished.answer, lane.target.hidden) for lane, finished in rows]
    outcomes = [finished.outcome for _, finished in rows]
    claims = [finished.claimed for _, finished in rows]
    in_place = [lane.target.ordered and not finished.claimed.manual for lane, finished in rows]
    return {
        "attempt_ids": [new_id() for _ in rows],
        "delivery_ids": [claimed.delivery_id for claimed in claims],
        "endpoint_ids": [lane.endpoint_id for lane, _ in rows],
        "manuals": [claimed.manual for claimed in claims],
        "numbers": [None if claimed.manual else claimed.attempts + 1 for claimed in claims],
        "actors": [claimed.actor for claimed in claims],
        "started": [finished.started_at for _, finished in rows],
        "durations": [answer.duration_ms for answer in answers],
        "statuses": [answer.status for answer in answers],
        "errors": [outcome.error for outcome in outcomes],
        "details": [answer.detail for answer in answers],
        "addresses": [answer.address for answer in answers],
        "headers": ["\n".join(f"{name}: {value}" for name, value in answer.headers) for answer in answers],
        "bodies": [answer.body for answer in answers],
        "truncated": [answer.truncated for answer in answers],
        "states": [outcome.state for outcome in outcomes],
        "retries": [outcome.retry_in_seconds or 0.0 for outcome in outcomes],
        "ranks": [1 if keep else 2 for keep in in_place],
        "in_place": in_place,
    }
