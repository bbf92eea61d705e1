"""A database, receivers and time that are played: engines run on them as they are, many seconds in one.

What lives here: the rows of the queue and of lanes as the statements of the engine see and change them, and nothing
else of PostgreSQL. Who steps when is playing.py's.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from operator import attrgetter
from time import time
from typing import Any, cast
from uuid import UUID

from deliveries.models.keyring import seal
from deliveries.protocol.answers.answer import Answer
from deliveries.services.endpoint.endpoint_secrets import new_secret
from deliveries.sql.engine_rows import (
    BeatRow,
    ClaimBatchRow,
    EventBodiesRow,
    FindDueLanesRow,
    RecordOutcomesRow,
    RenewLeasesRow,
    TakeLanesRow,
)

Parameters = Mapping[str, Any]
Answers = Callable[[float, int], tuple[float, Answer]]  # from the moment and how many came before: after how long, what

BODY = b'{"type":"invoice.paid","data":{}}'
SILENT, GAP = 4.0, 2.5
_EMPTY: Parameters = dict.fromkeys(TakeLanesRow._fields)


@dataclass(slots=True, kw_only=True)
class Due:
    """A row of the queue."""

    delivery_id: UUID
    due_at: float
    rank: int = 1
    attempts: int = 0
    size: int = len(BODY)
    is_of_today: bool = True


@dataclass(slots=True, kw_only=True)
class Lane:
    """An endpoint with its lane and what is due for it; `free_since`: something is due and nobody has it."""

    id: UUID
    customer_id: UUID
    answers: Answers
    max_in_flight: int = 10
    rate_limit: float | None = None
    timeout_seconds: int = 30
    ordered: bool = False
    sealed: bytes = b""
    queue: dict[UUID, Due] = field(default_factory=dict)
    fence: int = 0
    worker_id: UUID | None = None
    lease_until: float | None = None
    health: dict[str, Any] = field(default_factory=lambda: {"failures": 0, "opened": 0, "window": 0, "slow": False})
    rest_until: float = 0.0
    tokens: tuple[float, float] = (1.0, 0.0)
    crashes: int = 0
    requests: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://{self.id}.example/"

    def due(self, now: float) -> list[Due]:
        """What may be sent, in the order of the claim."""
        rests = now < self.rest_until
        ripe = [each for each in self.queue.values() if each.due_at <= now and not (rests and each.rank)]
        return sorted(ripe, key=attrgetter("rank", "due_at", "delivery_id"))


class Database:
    """What engines ask and tell."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now, self.statements = now, 0
        self.lanes: dict[UUID, Lane] = {}
        self.attempts: list[tuple[UUID, str]] = []
        self.bodies: dict[UUID, bytes] = {}  # of events that are large
        self._ids: list[UUID] = []
        self._beats: dict[UUID, tuple[float, float]] = {}  # since when, and the last one
        self._secret = new_secret()
        self._does = {
            "TakeLanesRow": self._take,
            "ClaimBatchRow": self._claim,
            "FindDueLanesRow": self._find,
            "RecordOutcomesRow": self._record,
            "RenewLeasesRow": self._renew,
            "EventBodiesRow": self._bodies,
            "BeatRow": self._beat,
        }

    def add(self, lane: Lane) -> None:
        """Add an endpoint."""
        lane.sealed = seal(self._secret.encode(), row_id=lane.id)
        self.lanes[lane.id] = lane
        insort(self._ids, lane.id)

    def fetch(self, row: type, parameters: Parameters, *, days: object = ()) -> list[Any]:
        """Return what a statement would; one that is for a plain case only says that this is none."""
        self.statements += 1
        does = self._does.get(row.__name__)
        return [*does(parameters)] if does else []

    def run(self, name: str, parameters: Parameters) -> int:
        """Do what a statement does."""
        self.statements += 1
        if name == "release_lanes":
            for lane in self._ours(parameters):
                lane.lease_until, lane.crashes = None, 0
        elif name == "release_strays":
            for lane in map(self.lanes.__getitem__, parameters["endpoint_ids"]):
                if lane.worker_id == parameters["worker_id"]:
                    lane.lease_until = None
        elif name == "forget_workers":
            self._beats.pop(parameters["id"], None)
        return 0

    def is_free(self, lane: Lane) -> bool:
        """As parts/is_free.sql."""
        now = self.now()
        if lane.lease_until is None:
            return True
        since, beat = self._beats.get(cast(UUID, lane.worker_id), (now, -SILENT - 1))
        is_silent = now - beat > SILENT
        if lane.lease_until < now and (is_silent or now - since > SILENT):
            return True
        return is_silent and any(now - since > SILENT and now - beat < GAP for since, beat in self._beats.values())

    def is_busy(self) -> bool:
        """Say whether anything is queued, or a lane in somebody's hands."""
        return any(lane.queue or lane.lease_until is not None for lane in self.lanes.values())

    def _ours(self, parameters: Parameters) -> Iterator[Lane]:
        for endpoint_id, fence in zip(parameters["endpoint_ids"], parameters["fences"], strict=True):
            lane = self.lanes[endpoint_id]
            if (lane.fence, lane.worker_id) == (fence, parameters["worker_id"]):
                yield lane

    def _take(self, parameters: Parameters) -> Iterator[TakeLanesRow]:
        now = self.now()
        for lane in map(self.lanes.__getitem__, parameters["endpoint_ids"]):
            if lane.health["slow"] != parameters["slow"] or not (due := lane.due(now)):
                continue
            if not self.is_free(lane):
                yield TakeLanesRow(**_EMPTY | {"kind": "busy", "endpoint_id": lane.id})
                continue
            lane.crashes += lane.lease_until is not None
            lane.fence, lane.worker_id = lane.fence + 1, parameters["worker_id"]
            lane.lease_until = now + parameters["lease_seconds"]
            yield self._leased(lane, now)
            alone = lane.crashes or lane.health["opened"]
            usual = max(parameters["first"], 2 * lane.max_in_flight)
            paced = usual if lane.rate_limit is None else 1 + ceil(lane.rate_limit)
            room = 1 if alone else min(parameters["room"], usual, paced)
            for each in due[:room]:
                yield TakeLanesRow(**_EMPTY | {"kind": "delivery"} | self._delivery(lane, each, parameters))

    def _leased(self, lane: Lane, now: float) -> TakeLanesRow:
        tokens, at = lane.tokens
        leased = {"kind": "lane", "customer_id": lane.customer_id, "fence": lane.fence, "crashes": lane.crashes}
        leased |= {"rest_seconds": lane.rest_until - now, "rest_reason": ""} | lane.health | self._sending(lane)
        return TakeLanesRow(**_EMPTY | leased | {"tokens": tokens, "tokens_age_seconds": now - at})

    def _sending(self, lane: Lane) -> Parameters:
        names = ("url", "max_in_flight", "rate_limit", "timeout_seconds", "ordered")
        wanted = {name: getattr(lane, name) for name in names}
        known = {"endpoint_id": lane.id, "state": "enabled", "signing": "standard", "secret_ids": [lane.id]}
        return wanted | known | {"sealed": [lane.sealed], "retry_schedule": [0, 5, 30, 60]}

    def _delivery(self, lane: Lane, due: Due, parameters: Parameters) -> Parameters:
        row = {"endpoint_id": lane.id, "delivery_id": due.delivery_id, "event_id": due.delivery_id, "manual": False}
        row |= {"rank": due.rank, "attempts": due.attempts, "actor": "", "reason": "", "type": "invoice.paid"}
        is_known, is_small = due.is_of_today, due.size <= parameters["whole_bytes"]
        return row | {"body_bytes": due.size if is_known else None, "body": BODY if is_known and is_small else None}

    def _claim(self, parameters: Parameters) -> Iterator[ClaimBatchRow]:
        most = map(sum, zip(parameters["rooms"], parameters["busy"], strict=True))
        wanted = dict(zip(parameters["endpoint_ids"], most, strict=True))
        for lane in self._ours(parameters):
            for each in lane.due(self.now())[: wanted[lane.id]]:
                row = dict.fromkeys(ClaimBatchRow._fields) | self._delivery(lane, each, parameters)
                yield ClaimBatchRow(**row)

    def _find(self, parameters: Parameters) -> Iterator[FindDueLanesRow]:
        now, probes, found = self.now(), 0, 0
        for endpoint_id in self._ids[bisect_right(self._ids, parameters["after"]) :]:
            lane = self.lanes[endpoint_id]
            if not lane.queue:
                continue
            probes += 1
            is_due = endpoint_id.bytes[15] % parameters["parts"] == parameters["part"] and self.is_free(lane)
            is_due = is_due and parameters["slow"] in (None, lane.health["slow"]) and bool(lane.due(now))
            if is_due or probes == parameters["probes"]:
                found += 1
                is_cut = probes == parameters["probes"]
                yield FindDueLanesRow(endpoint_id, lane.customer_id, lane.health["slow"], is_due, is_cut)
            if probes == parameters["probes"] or found == parameters["limit"]:
                return

    def _record(self, given: Parameters) -> Iterator[RecordOutcomesRow]:
        now, kept = self.now(), dict[UUID, int]()
        ended = dict[UUID, set[UUID]]()
        for place, endpoint_id in enumerate(given["lane_ids"]):
            lane = self.lanes[endpoint_id]
            if (lane.fence, lane.worker_id) == (given["lane_fences"][place], given["worker_id"]):
                kept[endpoint_id] = given["lane_releases"][place]
                self._keep_health(lane, given, place, now)
        outcomes = zip(*(given[x] for x in ("delivery_ids", "endpoint_ids", "states", "retries", "ranks")), strict=True)
        for delivery_id, endpoint_id, state, retry, rank in outcomes:
            self.attempts.append((delivery_id, str(state)))
            ended.setdefault(endpoint_id, set()).add(delivery_id)
            due = self.lanes[endpoint_id].queue
            if endpoint_id in kept and state == "pending":
                due[delivery_id].due_at, due[delivery_id].rank = now + retry, rank
                due[delivery_id].attempts += 1
            elif endpoint_id in kept:
                due.pop(delivery_id, None)
        for endpoint_id, release in kept.items():
            lane = self.lanes[endpoint_id]
            more = any(each.delivery_id not in ended.get(endpoint_id, ()) for each in lane.due(now)) and release > 0
            lane.lease_until = None if release == 2 or (release == 1 and not more) else now + given["lease_seconds"]
            yield RecordOutcomesRow(endpoint_id, lane.lease_until is None, more)

    def _keep_health(self, lane: Lane, given: Parameters, place: int, now: float) -> None:
        lane.health = {x: given[f"lane_{x}{'' if x in ('opened', 'failures') else 's'}"][place] for x in lane.health}
        lane.rest_until = now + given["lane_rests"][place]
        lane.tokens = given["lane_tokens"][place], now - given["lane_token_ages"][place]
        lane.crashes = 0

    def _renew(self, parameters: Parameters) -> Iterator[RenewLeasesRow]:
        for lane in self._ours(parameters):
            lane.lease_until = self.now() + parameters["lease_seconds"]
            yield RenewLeasesRow(**dict.fromkeys(RenewLeasesRow._fields) | self._sending(lane))

    def _bodies(self, parameters: Parameters) -> Iterator[EventBodiesRow]:
        return (
            EventBodiesRow(each, "invoice.paid", self.bodies.get(each, BODY), None, None) for each in parameters["ids"]
        )

    def _beat(self, parameters: Parameters) -> Sequence[BeatRow]:
        now, worker_id = self.now(), parameters["id"]
        since, last = self._beats.get(worker_id, (now, now))
        since = since if now - last <= GAP else now
        self._beats[worker_id] = since, now
        live = sorted(each for each, (_, beat) in self._beats.items() if now - beat < GAP)
        return [BeatRow(time(), since == now, len(live), live.index(worker_id), True, SILENT)]
