"""Lanes in the database: lease them, claim what is due, prove that their worker lives.

What lives here: one round trip each, and what their rows mean. Decides nothing about answers, sends nothing; what came
of it is recorder.py's.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from deliveries import __version__, sql
from deliveries.conf import conf
from deliveries.engine.attempt_log import is_logged
from deliveries.engine.attempt_spans import end_claim
from deliveries.engine.batch_lane import BatchLane
from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import leased_endpoint
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.silence import Silence
from deliveries.engine.work import Claimed, Key
from deliveries.metrics import names
from deliveries.models.base import new_id
from deliveries.protocol.when.breaker import Breaker
from deliveries.services.common import clock
from deliveries.sql.days import today
from deliveries.sql.engine_rows import (
    BeatRow,
    ClaimBatchRow,
    EventBodiesRow,
    FindDueLanesRow,
    PostponeRedeliveriesRow,
    RenewLeasesRow,
    TakeLaneRow,
    TakeLanesRow,
)
from deliveries.tracing import switch

UNKNOWN_BYTES = 1024  # what an event counts for while its size is not known
_OF_CLAIMED = slice(ClaimBatchRow._fields.index("delivery_id") - len(ClaimBatchRow._fields), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A lane with something due and nobody at work; where looking stopped (`cut`) it may be one that is not `due`."""

    endpoint_id: UUID
    customer_id: UUID
    slow: bool
    due: bool = True
    cut: bool = False


class Leases:
    """The leases of one engine, under the id of its row in hookpost_worker."""

    def __init__(self, *, slow: bool = False, limits: Limits = LIMITS) -> None:
        self.worker_id = new_id()
        self.slow, self._limits = slow, limits
        self.parts, self._part = 1, 0  # one for each process with an engine of this kind; which is this one's
        self.strays: set[UUID] = set()  # lanes that may be leased without being in hand
        self.silence = Silence(limits)
        self._longest_silence = limits.silent  # of all workers

    def take(self, endpoint_ids: Sequence[UUID], *, room: int, now: float) -> tuple[list[Lane], list[UUID]]:
        """Lease those of the lanes that are free and have something due, with the first of it.

        Returns the lanes, and the ids of those with work that is in another worker's hands.
        """
        try:
            return self._take(endpoint_ids, room=room, now=now)
        except BaseException:
            self.strays.update(endpoint_ids)  # the answer may be lost, and not the lease
            raise

    def _take(self, endpoint_ids: Sequence[UUID], *, room: int, now: float) -> tuple[list[Lane], list[UUID]]:
        parameters = {"endpoint_ids": list(endpoint_ids), "room": room, "whole_bytes": self._limits.whole_bytes}
        parameters["first"] = self._limits.first_claim
        began_ns = 0 if switch.spans is None else time.time_ns()
        parameters |= self._asking() | {"timed": is_logged(), "lease_seconds": self.lease_seconds}
        with names.CLAIM_SECONDS.timed():
            is_one, days = len(endpoint_ids) == 1 and room > 1, events_of_today()
            one = parameters | {"endpoint_id": endpoint_ids[0]} if is_one else {}
            alone: Sequence[TakeLanesRow] = sql.fetch(TakeLaneRow, one, days=days) if is_one else ()
            rows = alone or sql.fetch(TakeLanesRow, parameters, days=days)
        lanes: dict[int, Lane] = {}  # by the id's number: UUID hashes itself in Python
        claimed: dict[int, list[Claimed]] = {}
        for row in rows:
            if row.kind == "delivery":
                claimed[row.endpoint_id.int].append(_claimed(row))
            elif row.kind == "lane":
                lanes[row.endpoint_id.int] = self._lane(row, now)
                claimed[row.endpoint_id.int] = [_claimed(row)] if alone else []
        names.CLAIM_DELIVERIES.observe(sum(map(len, claimed.values())))
        if switch.spans is not None:
            end_claim(switch.spans, chain(*claimed.values()), began_ns=began_ns, lanes=len(lanes))
        for number, lane in lanes.items():
            _give(lane, claimed[number], room=lane.first_limit(room), now=now)
        return list(lanes.values()), [row.endpoint_id for row in rows if row.kind == "busy"]

    def find(self, *, after: UUID, probes: int, limit: int, slow: bool | None, own_part: bool = False) -> list[Found]:
        """Look for free lanes with something due, from an endpoint on; a last row that is cut ends the probes.

        `slow` None: both kinds. `own_part`: of all endpoints only this engine's part; others look at theirs.
        """
        parameters = self._asking() | {"after": after, "probes": probes, "limit": limit, "slow": slow}
        parameters |= {"parts": self.parts, "part": self._part} if own_part else {"parts": 1, "part": 0}
        return [Found(**row._asdict()) for row in sql.fetch(FindDueLanesRow, parameters)]

    @property
    def lease_seconds(self) -> float:
        """How long a lease lasts."""
        return conf.lease_seconds * self.silence.factor

    def beat(self, *, silent_seconds: float = LIMITS.silent) -> BeatRow:
        """Say that this worker lives, and after how long without a beat it does not.

        Returns whether it was silent, or the server crashed, by the database's clock.
        """
        parameters = {"id": self.worker_id, "host": socket.gethostname(), "pid": os.getpid(), "slow": self.slow}
        parameters |= {"version": __version__, "clock_offset": clock.offset_seconds()}
        parameters |= {"silent_seconds": silent_seconds, "gap_part": self._gap_part}
        (beat,) = clock.fetch(BeatRow, parameters)
        self.parts, self._part, self._longest_silence = beat.parts, beat.part, beat.longest_silence
        return beat

    def end(self) -> None:
        """Say that this worker ends; without a database its silence says so."""
        with suppress(DatabaseError, InterfaceError):
            sql.run("forget_workers", {"id": self.worker_id, "silent_seconds": 0.0})

    def release_strays(self, in_hand: Collection[UUID]) -> None:
        """Give back what was leased by a statement whose answer was lost, for nobody is at work on it."""
        if ids := self.strays.difference(in_hand):
            sql.run("release_strays", {"worker_id": self.worker_id, "endpoint_ids": list(ids)})

    def _asking(self) -> dict[str, object]:
        asking = {"silent_seconds": self._longest_silence, "gap_part": self._gap_part}
        return asking | {"worker_id": self.worker_id, "slow": self.slow}

    @property
    def _gap_part(self) -> float:
        return self._limits.beat_gap / self._limits.silent

    def _lane(self, row: TakeLanesRow, now: float) -> Lane:
        endpoint = leased_endpoint(row)
        kind = BatchLane if endpoint.in_batches else Lane
        return kind(
            endpoint_id=row.endpoint_id,
            customer_id=row.customer_id,
            fence=row.fence,
            worker_id=self.worker_id,
            endpoint=endpoint,
            now=now,
            lease_seconds=self.lease_seconds,
            breaker=Breaker(row.failures, row.opened),
            slow=row.slow,
            crashes=row.crashes,
            suspect_id=row.suspect_id,
            window=row.window,
            tokens=row.tokens,
            tokens_age=row.tokens_age_seconds,
            rest_seconds=row.rest_seconds,
            rest_reason=row.rest_reason,
            limits=self._limits,
        )


def claim_batch(lanes: Sequence[Lane], *, rooms: Sequence[int], now: float, limits: Limits = LIMITS) -> None:
    """Add due deliveries to what each lane has waiting, up to its room; one that got all that is due is empty.

    A retry and a redelivery of the same delivery are never under way together: the later one stays due.
    """
    wanted = {lane.endpoint_id: room for lane, room in zip(lanes, rooms, strict=True)}
    parameters = _ours(lanes) | {
        "rooms": list(rooms),
        "busy": [len(_in_hand(lane)) for lane in lanes],
        "favours": [lane.favour() for lane in lanes],
        "scheduled": [lane.endpoint.enabled and not lane.rest_seconds(now) for lane in lanes],
        "whole_bytes": limits.whole_bytes,
        "timed": is_logged(),
    }
    began_ns = 0 if switch.spans is None else time.time_ns()
    with names.CLAIM_SECONDS.timed():
        rows = sql.fetch(ClaimBatchRow, parameters, days=events_of_today())
    names.CLAIM_DELIVERIES.observe(len(rows))
    claimed: dict[int, list[Claimed]] = {lane.endpoint_id.int: [] for lane in lanes}  # by the number, as in Leases
    for row in rows:
        claimed[row.endpoint_id.int].append(_claimed(row))
    if switch.spans is not None:
        end_claim(switch.spans, chain(*claimed.values()), began_ns=began_ns, lanes=len(lanes))
    for lane in lanes:
        _give(lane, claimed[lane.endpoint_id.int], room=wanted[lane.endpoint_id], now=now)


def event_bodies(event_ids: Iterable[UUID]) -> dict[UUID, EventBodiesRow]:
    """Return types, bodies and traces of these events; one that is gone is left out."""
    return {row.id: row for row in sql.fetch(EventBodiesRow, {"ids": list(event_ids)})}


def configure_lanes(lanes: Sequence[Lane], *, now: float, lease_seconds: float) -> None:
    """Renew the leases of lanes whose slice is over, and let them go on as their endpoints are configured now."""
    rows = {row.endpoint_id: row for row in _renewed(lanes, lease_seconds, configured=True)}
    for lane in lanes:
        if row := rows.get(lane.endpoint_id):
            lane.configure(leased_endpoint(row), now, lease_seconds=lease_seconds)
        else:
            lane.lose()


def renew_leases(lanes: Sequence[Lane], *, now: float, lease_seconds: float) -> None:
    """Prove that the worker of these lanes lives; a lane that is another's by now is lost."""
    kept = {row.endpoint_id for row in _renewed(lanes, lease_seconds, configured=False)}
    for lane in lanes:
        if lane.endpoint_id in kept:
            lane.renew(now, lease_seconds=lease_seconds)
        else:
            lane.lose()


def release_lanes(lanes: Sequence[Lane]) -> None:
    """Give lanes back that have nothing to record."""
    sql.run("release_lanes", _ours(lanes))


def postpone_redeliveries(lane: Lane, *, seconds: float, now: float) -> None:
    """Let what was asked for by hand wait, although it heeds no rest of its lane; what is locked keeps the lane."""
    rows = sql.fetch(PostponeRedeliveriesRow, {"endpoint_id": lane.endpoint_id, "seconds": seconds})
    if rows[0].left_due:
        lane.note_locked(now)


def mark_suspect(lane: Lane, delivery_id: UUID, *, losses: int) -> None:
    """Remember what is sent next and its losses so far, in case the worker does not live to tell."""
    ours = {"worker_id": lane.worker_id, "endpoint_id": lane.endpoint_id, "fence": lane.fence}
    sql.run("mark_suspect", ours | {"delivery_id": delivery_id, "losses": losses})


def events_of_today() -> sql.Days:
    """Return the day of most events that are due; those of others are fetched when they are sent."""
    return (("hookpost_event", today()),)


def _renewed(lanes: Sequence[Lane], lease_seconds: float, *, configured: bool) -> Sequence[RenewLeasesRow]:
    return sql.fetch(RenewLeasesRow, _ours(lanes) | {"lease_seconds": lease_seconds, "configured": configured})


def _ours(lanes: Sequence[Lane]) -> dict[str, object]:
    """Return what says which lanes, and whose: a crash may undo a lease, and another worker then has its fence."""
    return {
        "worker_id": lanes[0].worker_id if lanes else None,
        "endpoint_ids": [lane.endpoint_id for lane in lanes],
        "fences": [lane.fence for lane in lanes],
    }


def _give(lane: Lane, claimed: Sequence[Claimed], *, room: int, now: float) -> None:
    in_hand = _in_hand(lane)
    busy, blocked = {number for number, _ in in_hand}, False
    fresh: dict[int, Claimed] = {}
    for each in claimed:
        number = each.delivery_id.int
        if number in busy or number in fresh:
            blocked |= each.key not in in_hand
        else:
            fresh[number] = each
    lane.add(fresh.values(), emptied=not blocked and len(claimed) < room + len(busy), now=now)


def _in_hand(lane: Lane) -> Collection[Key]:
    """Return what a claim brings once more, because it is still due."""
    return lane.in_hand() if isinstance(lane, BatchLane) else lane.in_flight.keys()


def _claimed(row: Sequence[object]) -> Claimed:
    """Return what a row of a claim, or of a lease, ends with."""
    claimed = Claimed(*row[_OF_CLAIMED])  # type: ignore[arg-type]
    if not claimed.body:  # it is large, or of another day: then its type is not known either
        claimed.type, claimed.body_bytes = claimed.type or "", claimed.body_bytes or UNKNOWN_BYTES
    return claimed
