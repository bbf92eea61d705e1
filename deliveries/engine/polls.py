"""Endpoints that are polled: what is due is taken by whoever asks for it, and answered or given back by time.

A poller is the worker of its endpoint's lane for the moment in which it takes or answers: the lane's own rules say what
it may have (order, rate, rest, how many at once), and what comes of it is recorded like any attempt. Between these
moments the lane is nobody's, and a row of hookpost_poll_lease says what is out. Engines pass such lanes by.
What lives here: taking, answering, and ending what nobody answered. It must not know requests, nor who waits for what.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from deliveries import sql
from deliveries.conf import conf
from deliveries.engine.judge import judge
from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import LeasedEndpoint, leased_endpoint
from deliveries.engine.leases import claim_batch
from deliveries.engine.record_columns import GiveBack
from deliveries.engine.recorder import record_outcomes
from deliveries.engine.work import Claimed, Sent
from deliveries.errors import Conflict, Unavailable
from deliveries.models import Endpoint, PollLease
from deliveries.models import Lane as LaneRow
from deliveries.models.base import new_id
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.polled import POLLED_URL, is_polled, lapsed
from deliveries.services.common import clock
from deliveries.services.common.held_rows import hold_living
from deliveries.services.telling.alerts import note_cannot_send
from deliveries.sql.engine_rows import RenewLeasesRow

MOST = 100  # deliveries of one poll
MOST_TRANSFORMED = 10  # while somebody waits for the answer
MOST_BYTES = 4 * 1024 * 1024  # of the bodies of one poll, the first apart
LAPSES_A_ROUND = 500
SET_BACK = timedelta(minutes=1)  # what was taken so much later than now was so by a clock that was wrong

SENT_TO = f"this endpoint is sent its deliveries; one that is polled has the URL {POLLED_URL}"

_dice = random.SystemRandom()
_worker_id = new_id()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a poller took, and how the endpoint wants its requests made; `moment` is the database's time."""

    endpoint: LeasedEndpoint
    moment: datetime
    pairs: Sequence[tuple[PollLease, Claimed]]


def take_due(endpoint: Endpoint, *, most: int, lease_seconds: int) -> Taken | None:
    """Take up to `most` of what is due, each with a lease of so many seconds.

    None where the lane is held for a move to another cell. Raises Conflict for an endpoint that is sent to, and where
    nothing can be signed; ClockOff.
    """
    if not is_polled(endpoint.url):
        raise Conflict(SENT_TO)
    moment = clock.now()
    with transaction.atomic(), _in_hand(endpoint.id) as lane:
        if lane is None:
            return None
        claimed = [] if lane.endpoint.problem else _claim(lane, most)
        leases = [_lease(endpoint, each, moment=moment, seconds=lease_seconds) for each in claimed]
        PollLease.objects.bulk_create(leases)
    if lane.endpoint.problem:
        _note_problem(endpoint, lane.endpoint.problem)
        raise Conflict(f"nothing can be signed for this endpoint: {lane.endpoint.problem}")
    return Taken(endpoint=lane.endpoint, moment=moment, pairs=tuple(zip(leases, claimed, strict=True)))


def _note_problem(endpoint: Endpoint, problem: str) -> None:
    """Tell the operator; not while the lane is held, which others lock after its endpoint."""
    with transaction.atomic():
        hold_living(endpoint)
        note_cannot_send(endpoint.id, reason=problem)


def answer_leases(endpoint_id: UUID, answers: Mapping[UUID, Answer]) -> set[UUID]:
    """Record what pollers answered for their leases; returns those that are over, for which it came too late."""
    with transaction.atomic(), _in_hand(endpoint_id) as lane:
        if lane is None:
            raise Unavailable("this customer is moving to another cell; try again in a minute")
        return _record_answers(lane, answers)


def _record_answers(lane: Lane, answers: Mapping[UUID, Answer]) -> set[UUID]:
    rows = list(PollLease.objects.select_for_update().filter(endpoint_id=lane.endpoint_id, id__in=list(answers)))
    for row in rows:
        _finish(lane, row, answers[row.id])
    PollLease.objects.filter(id__in=[row.id for row in rows]).delete()
    return answers.keys() - {row.id for row in rows}


def give_back(endpoint_id: UUID, lease_ids: Collection[UUID]) -> None:
    """Leave what was taken as it was before: due, without an attempt. Where the lane is held, it lapses."""
    with transaction.atomic(), _in_hand(endpoint_id) as lane:
        if lane is not None:
            PollLease.objects.filter(endpoint_id=endpoint_id, id__in=lease_ids).delete()


def keep_headers(leases: Mapping[UUID, str]) -> None:
    """Remember with which headers they were handed out, for the log."""
    rows = list(PollLease.objects.filter(id__in=list(leases)))
    for row in rows:
        row.request_headers = leases[row.id]
    PollLease.objects.bulk_update(rows, ["request_headers"])


def end_lapsed() -> int:
    """End leases that nobody answered in time, a bounded number; returns how many.

    A lane that somebody has in hand keeps no other waiting, and has its turn in a later round.
    """
    is_free = Q(endpoint__lane__lease_until=None) | Q(endpoint__lane__lease_until__lt=Now())
    was_set_back = Q(taken_at__gt=Now() + SET_BACK)
    over = PollLease.objects.filter(is_free, Q(until__lt=Now()) | was_set_back, endpoint__customer__moving="")
    by_endpoint: dict[UUID, dict[UUID, Answer]] = {}
    for row in over.order_by("until")[:LAPSES_A_ROUND]:
        by_endpoint.setdefault(row.endpoint_id, {})[row.id] = lapsed()
    return sum(_end_those_of(endpoint_id, answers) for endpoint_id, answers in by_endpoint.items())


def _end_those_of(endpoint_id: UUID, answers: Mapping[UUID, Answer]) -> int:
    with transaction.atomic(), _in_hand(endpoint_id, skip_locked=True) as lane:
        return 0 if lane is None else len(answers) - len(_record_answers(lane, answers))


@contextmanager
def _in_hand(endpoint_id: UUID, *, skip_locked: bool = False) -> Iterator[Lane | None]:
    """Have the endpoint's lane, with what is out in flight, until the transaction ends; None where it is held."""
    row = LaneRow.objects.select_for_update(skip_locked=skip_locked).filter(endpoint_id=endpoint_id).first()
    moment = clock.likely_now()
    if row is None or (row.lease_until is not None and row.lease_until > moment):
        yield None
        return
    row.fence, row.worker_id = row.fence + 1, _worker_id
    row.lease_until = moment + timedelta(seconds=conf.lease_seconds)
    row.save(update_fields=["fence", "worker_id", "lease_until"])
    lane = _lane(row, moment)
    yield lane
    record_outcomes([lane], now=time.monotonic(), give_back={endpoint_id: GiveBack.NOW})


def _lane(row: LaneRow, moment: datetime) -> Lane:
    """Return a lane as its poller has it: no breaker and no window, for whoever asks is there."""
    asked = {"worker_id": _worker_id, "endpoint_ids": [row.endpoint_id], "fences": [row.fence]}
    asked |= {"lease_seconds": float(conf.lease_seconds)}
    endpoint = leased_endpoint(sql.fetch(RenewLeasesRow, asked | {"configured": True})[0])
    rest_until = row.rest_until or moment
    lane = Lane(
        endpoint_id=row.endpoint_id,
        customer_id=row.endpoint.customer_id,
        fence=row.fence,
        worker_id=_worker_id,
        endpoint=endpoint,
        now=time.monotonic(),
        lease_seconds=conf.lease_seconds,
        tokens=row.tokens,
        tokens_age=(moment - row.tokens_at).total_seconds(),
        rest_seconds=(rest_until - moment).total_seconds(),
        rest_reason=row.rest_reason,
    )
    for lease in PollLease.objects.filter(endpoint_id=row.endpoint_id):
        lane.note_sent(Sent(claimed=_claimed(lease), started_at=lease.taken_at, request_headers=lease.request_headers))
    return lane


def _claim(lane: Lane, most: int) -> list[Claimed]:
    """Return what the lane's rules let a poller have now."""
    shaping, size = lane.endpoint.shaping, 0
    room = min(
        most, MOST_TRANSFORMED if shaping and shaping.transformation else MOST, lane.width() - len(lane.in_flight)
    )
    taken: list[Claimed] = []
    if room <= 0:
        return taken
    now = time.monotonic()
    claim_batch([lane], rooms=[lane.claim_limit(room)], now=now)
    while lane.waiting and len(taken) < room and lane.ready_in(now) <= 0:
        if taken and size + lane.waiting[0].body_bytes > MOST_BYTES:
            break
        claimed = lane.take_next(now)
        lane.note_sent(Sent(claimed=claimed, started_at=clock.likely_now()))
        taken.append(claimed)
        size += claimed.body_bytes
    return taken


def _lease(endpoint: Endpoint, claimed: Claimed, *, moment: datetime, seconds: int) -> PollLease:
    return PollLease(
        endpoint=endpoint,
        delivery_id=claimed.delivery_id,
        manual=claimed.manual,
        event_id=claimed.event_id,
        event_type=claimed.type,
        rank=claimed.rank,
        attempts=claimed.attempts,
        actor=claimed.actor,
        reason=claimed.reason,
        taken_at=moment,
        until=moment + timedelta(seconds=seconds),
    )


def _finish(lane: Lane, lease: PollLease, answer: Answer) -> None:
    sent = lane.note_ended(_claimed(lease), time.monotonic())
    milliseconds = int((clock.likely_now() - sent.started_at).total_seconds() * 1000)
    finished = judge(lane, sent, replace(answer, duration_ms=max(0, milliseconds)), rng=_dice)
    lane.finish(finished)
    lane.keep_order(sent.claimed, finished.outcome, time.monotonic())


def _claimed(lease: PollLease) -> Claimed:
    return Claimed(
        delivery_id=lease.delivery_id,
        manual=lease.manual,
        event_id=lease.event_id,
        rank=lease.rank,
        attempts=lease.attempts,
        actor=lease.actor,
        reason=lease.reason,
        type=lease.event_type,
        body_bytes=0,
        body=None,
    )
