"""What came of the attempts, written down: the log, the deliveries, the queue and each lane's health.

What lives here: one round trip for a whole batch, and what happens when a row of it cannot be stored.
Decides nothing about answers and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog
from django.db import DataError, IntegrityError, transaction
from psycopg.errors import UniqueViolation

from deliveries import sql
from deliveries.database.failures import first_line, lacks_partition
from deliveries.engine.attempt_log import is_logged, log_attempts
from deliveries.engine.attempt_spans import end_attempts
from deliveries.engine.counts import count_recorded
from deliveries.engine.lane import Lane
from deliveries.engine.locked_rows import for_unlocked
from deliveries.engine.quarantine import cleared
from deliveries.engine.record_columns import GiveBack, Row, arrival_values, attempt_columns, lane_columns
from deliveries.engine.trouble import pause_for_problem
from deliveries.engine.work import Finished, Sent
from deliveries.metrics import names
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.events.event_types import is_ours
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.services.housekeeping.retention import open_partitions
from deliveries.services.telling.alerts import note_exhausted
from deliveries.sql.days import day_of
from deliveries.sql.engine_rows import RecordArrivalRow, RecordOutcomesRow
from deliveries.tracing import switch

log = structlog.get_logger(__name__)

NOT_STORED = "the answer of the endpoint cannot be stored"
HIGHEST_STATUS = 999
LONGEST_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a lane: whether it was given back, and whether more is due for it."""

    released: bool
    more: bool


Recordings = Mapping[UUID, Recorded]


def record_outcomes(
    lanes: Sequence[Lane], *, now: float, give_back: Mapping[UUID, GiveBack] | None = None
) -> Recordings:
    """Store every finished attempt of the lanes and what follows from it, and renew or end their leases.

    Returns what became of each lane. One whose fence was passed on in the meantime is not among them: it keeps its
    attempts in the log, changes nothing else, and is lost.
    """
    giving = give_back or {}
    rows = [(lane, finished) for lane in lanes for finished in lane.finished]
    with names.RECORD_SECONDS.timed():
        try:
            kept = _store(lanes, rows, giving, now)
        except (DataError, IntegrityError):
            kept = _store_one_by_one(lanes, rows, giving, now)
    count_recorded([finished for _, finished in rows])
    _tell(rows, kept=kept.keys(), now=now)
    for lane in lanes:
        lane.note_recorded(now)
        if not lane.in_flight:
            cleared(lane)
        if lane.endpoint_id not in kept:
            lane.lose()
    return kept


def record_unlocked(
    lanes: Sequence[Lane], *, now: float, give_back: Mapping[UUID, GiveBack], clock: Callable[[], float]
) -> tuple[Recordings, Sequence[Lane]]:
    """Record as `record_outcomes` does; returns also the lanes of which nothing could be recorded."""
    parts, left = for_unlocked(lambda some: record_outcomes(some, now=now, give_back=give_back), lanes, clock=clock)
    if len(parts) == 1:
        return parts[0], left
    recorded: dict[UUID, Recorded] = {}
    for part in parts:
        recorded.update(part)
    return recorded, left


def record_cut_off(lanes: Sequence[Lane], *, now: float) -> None:
    """Store of what is in flight that it was sent: its deliveries stay due."""
    sent = [(lane, each) for lane in lanes for request in lane.in_flight.values() for each in request.members]
    if cut_off := [(lane, _cut_off(each)) for lane, each in sent]:
        _store([], cut_off, {}, now)
        count_recorded([finished for _, finished in cut_off])
        _tell(cut_off, kept={lane.endpoint_id for lane, _ in cut_off}, now=now)


def _tell(rows: Sequence[Row], *, kept: Collection[UUID], now: float) -> None:
    """Say in the log and by spans what is recorded, where somebody wants that."""
    if is_logged():
        log_attempts(rows, kept=kept, now=now)
    if switch.spans is not None:
        end_attempts(switch.spans, rows)


def _store(
    lanes: Sequence[Lane], rows: Sequence[Row], giving: Mapping[UUID, GiveBack], now: float
) -> dict[UUID, Recorded]:
    record = partial(_record, lanes, rows, giving, now)
    try:
        return _run(record, rows)
    except IntegrityError as error:
        if not lacks_partition(error):
            raise
        open_partitions()
        return _run(record, rows)


def _run(record: Callable[[], dict[UUID, Recorded]], rows: Sequence[Row]) -> dict[UUID, Recorded]:
    """Store; together with what is given up goes the note that tells of it, which most batches do not need."""
    given_up = [(lane.endpoint_id, finished.claimed.delivery_id) for lane, finished in rows if _is_loss(finished)]
    if not given_up:
        return record()
    with transaction.atomic():
        kept = record()
        note_exhausted([loss for loss in given_up if loss[0] in kept])
    return kept


def _record(
    lanes: Sequence[Lane], rows: Sequence[Row], giving: Mapping[UUID, GiveBack], now: float
) -> dict[UUID, Recorded]:
    days = _days(rows)
    alone = arrival_values(lanes, rows, giving, now)
    kept: Sequence[RecordArrivalRow | RecordOutcomesRow] = ()
    if alone is not None:
        kept = sql.fetch(RecordArrivalRow, alone, days=days)
    if not kept:
        columns = lane_columns(lanes, giving, now) | attempt_columns(rows)
        kept = sql.fetch(RecordOutcomesRow, columns, days=days)
    return {row.endpoint_id: Recorded(released=row.released, more=row.more) for row in kept}


def _days(rows: Sequence[Row]) -> sql.Days:
    """Return the partitions that a batch is about, if it is about one day of each table."""
    named = {
        "hookpost_delivery": day_of([finished.claimed.delivery_id for _, finished in rows]),
        "hookpost_attempt": day_of([finished.attempt_id for _, finished in rows]),
    }
    return tuple((table, day) for table, day in named.items() if day)


def _is_loss(finished: Finished) -> bool:
    claimed = finished.claimed
    return finished.outcome.state == DeliveryState.EXHAUSTED and not claimed.manual and not is_ours(claimed.type)


def _store_one_by_one(
    lanes: Sequence[Lane], rows: Sequence[Row], giving: Mapping[UUID, GiveBack], now: float
) -> dict[UUID, Recorded]:
    """One row that cannot be stored must not keep the others out; of itself, what can be stored is."""
    for lane, finished in rows:
        try:
            _store_alone(lane, finished, now)
        except (DataError, IntegrityError) as error:  # not even that it was sent: not too often, then
            log.warning("attempt_not_storable", delivery_id=str(finished.claimed.delivery_id), error=first_line(error))
            pause_for_problem(lane, now, reason=NOT_STORED)
    return _store(lanes, [], giving, now)


def _store_alone(lane: Lane, finished: Finished, now: float) -> None:
    try:
        _store([lane], [(lane, finished)], {}, now)
    except (DataError, IntegrityError) as error:
        if isinstance(error.__cause__, UniqueViolation):
            return  # it was committed before, and the connection broke before PostgreSQL could say so
        log.warning("answer_not_storable", delivery_id=str(finished.claimed.delivery_id), error=first_line(error))
        storable = replace(finished, answer=_storable(finished.answer), request_headers="")
        _store([lane], [(lane, storable)], {}, now)


def _cut_off(sent: Sent) -> Finished:
    answer = Answer(error="worker_lost", detail="The worker stopped before an answer came.")
    return Finished(
        claimed=sent.claimed,
        started_at=sent.started_at,
        answer=answer,
        outcome=Outcome(state=DeliveryState.PENDING, error=answer.error),
        request_headers=sent.request_headers,
        begun=sent.begun,
    )


def _storable(answer: Answer) -> Answer:
    status = answer.status if 0 <= answer.status <= HIGHEST_STATUS else 0
    duration_ms = max(0, min(answer.duration_ms, LONGEST_MS))
    return Answer(status=status, error=answer.error, detail=NOT_STORED, duration_ms=duration_ms, truncated=True)
