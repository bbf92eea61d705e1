"""What is recorded of lanes and attempts, as the lists that sql/record_outcomes.sql takes: one entry for each.

Of one attempt that arrived alone it is single values, for sql/record_arrival.sql.

What lives here: from values to columns. It changes with the statement, and knows neither transactions nor errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from uuid import UUID

from deliveries.engine.lane import Lane
from deliveries.engine.phases import Phase
from deliveries.engine.work import Finished
from deliveries.protocol.answers.answer import without
from deliveries.protocol.answers.outcome import NOT_THEIRS
from deliveries.protocol.when.delivery_states import DeliveryState

Row = tuple[Lane, Finished]

LONGEST_REST_SECONDS = 7 * 86_400.0


class GiveBack(IntEnum):
    """Whether a lane's lease ends with the record."""

    KEEP = 0
    IF_NOTHING_IS_DUE = 1
    NOW = 2


def give_back_of(lane: Lane, now: float) -> GiveBack:
    """Say whether the lease of a lane that is done ends with its record."""
    return GiveBack.IF_NOTHING_IS_DUE if lane.phase is Phase.EMPTY and now < lane.until else GiveBack.NOW


def arrival_values(
    lanes: Sequence[Lane], rows: Sequence[Row], giving: Mapping[UUID, GiveBack], now: float
) -> dict[str, object] | None:
    """Return what is recorded of one lane and its one attempt, by the schedule and arrived; None where that is not all.

    Most events are recorded so, where nothing gathers: lists of one would take twice as long to make.
    """
    if len(lanes) != 1 or len(rows) != 1:
        return None
    lane, finished = rows[0]
    is_last = giving.get(lane.endpoint_id) is GiveBack.IF_NOTHING_IS_DUE and not lane.rest_seconds(now)
    has_arrived = finished.outcome.state == DeliveryState.SUCCEEDED and not finished.outcome.error
    if not is_last or not has_arrived or finished.claimed.manual:
        return None
    return _lane_values(lane, now) | _answer_values(lane, finished) | _request_values(lane, finished)


def _lane_values(lane: Lane, now: float) -> dict[str, object]:
    breaker, bucket = lane.standing.breaker, lane.bucket
    return {
        "lease_seconds": lane.lease_seconds,
        "worker_id": lane.worker_id,
        "lane_ids": lane.endpoint_id,
        "lane_fences": lane.fence,
        "lane_failures": breaker.failures,
        "lane_opened": breaker.opened,
        "lane_tokens": float(bucket.tokens),
        "lane_token_ages": max(0.0, now - bucket.at),
        "lane_windows": lane.standing.window,
        "lane_slows": lane.slow,
    }


def _answer_values(lane: Lane, finished: Finished) -> dict[str, object]:
    answer = without(finished.answer, lane.endpoint.hidden)
    phases = answer.phases
    return {
        "errors": finished.outcome.error,
        "durations": answer.duration_ms,
        "statuses": answer.status,
        "details": answer.detail,
        "addresses": answer.address,
        "headers": "\n".join([f"{name}: {value}" for name, value in answer.headers]),
        "bodies": answer.body,
        "truncated": answer.truncated,
        "dns": phases.dns_ms,
        "connects": phases.connect_ms,
        "tls": phases.tls_ms,
        "first_bytes": phases.first_byte_ms,
    }


def _request_values(lane: Lane, finished: Finished) -> dict[str, object]:
    claimed, sent = finished.claimed, finished.request_headers
    return {
        "attempt_ids": finished.attempt_id,
        "delivery_ids": claimed.delivery_id,
        "numbers": claimed.number,
        "actors": claimed.actor,
        "reasons": claimed.reason,
        "started": finished.started_at,
        "urls": lane.endpoint.url if sent else "",
        "request_headers": sent,
        "signed_with": lane.endpoint.hints if sent else "",
    }


def lane_columns(lanes: Sequence[Lane], giving: Mapping[UUID, GiveBack], now: float) -> dict[str, object]:
    """Return what is recorded of each lane, a list for each column."""
    return {
        "lease_seconds": max((lane.lease_seconds for lane in lanes), default=0.0),
        "worker_id": lanes[0].worker_id if lanes else None,
        "lane_ids": [lane.endpoint_id for lane in lanes],
        "lane_fences": [lane.fence for lane in lanes],
        "lane_failures": [lane.standing.breaker.failures for lane in lanes],
        "lane_opened": [lane.standing.breaker.opened for lane in lanes],
        "lane_rests": [min(lane.rest_seconds(now), LONGEST_REST_SECONDS) for lane in lanes],
        "lane_reasons": [str(lane.rest_reason) for lane in lanes],
        "lane_tokens": [float(lane.bucket.tokens) for lane in lanes],
        "lane_token_ages": [max(0.0, now - lane.bucket.at) for lane in lanes],
        "lane_windows": [lane.standing.window for lane in lanes],
        "lane_slows": [lane.slow for lane in lanes],
        "lane_arrived": [_has_arrived(lane.finished) for lane in lanes],
        "lane_releases": [giving.get(lane.endpoint_id, GiveBack.KEEP) for lane in lanes],
    }


def _has_arrived(finished: Iterable[Finished]) -> bool | None:
    """Say whether a delivery arrived; None when nothing was tried that tells of the endpoint.

    What failed by hand had failed before, and what failed here says nothing of the endpoint.
    """
    told = [f.outcome for f in finished if f.outcome.state == DeliveryState.SUCCEEDED or not f.claimed.manual]
    judged = [outcome.state == DeliveryState.SUCCEEDED for outcome in told if outcome.error not in NOT_THEIRS]
    return any(judged) if judged else None


def attempt_columns(rows: Sequence[Row]) -> dict[str, object]:
    """Return what is recorded of each attempt, a list for each column."""
    return _answer_columns(rows) | _request_columns(rows) | _outcome_columns(rows)


def _answer_columns(rows: Sequence[Row]) -> dict[str, object]:
    answers = [without(finished.answer, lane.endpoint.hidden) for lane, finished in rows]
    return {
        "durations": [answer.duration_ms for answer in answers],
        "statuses": [answer.status for answer in answers],
        "details": [answer.detail for answer in answers],
        "addresses": [answer.address for answer in answers],
        "headers": ["\n".join([f"{name}: {value}" for name, value in answer.headers]) for answer in answers],
        "bodies": [answer.body for answer in answers],
        "truncated": [answer.truncated for answer in answers],
        "dns": [answer.phases.dns_ms for answer in answers],
        "connects": [answer.phases.connect_ms for answer in answers],
        "tls": [answer.phases.tls_ms for answer in answers],
        "first_bytes": [answer.phases.first_byte_ms for answer in answers],
    }


def _request_columns(rows: Sequence[Row]) -> dict[str, object]:
    claims = [finished.claimed for _, finished in rows]
    return {
        "attempt_ids": [finished.attempt_id for _, finished in rows],
        "delivery_ids": [claimed.delivery_id for claimed in claims],
        "endpoint_ids": [lane.endpoint_id for lane, _ in rows],
        "manuals": [claimed.manual for claimed in claims],
        "numbers": [claimed.number for claimed in claims],
        "actors": [claimed.actor for claimed in claims],
        "reasons": [claimed.reason for claimed in claims],
        "started": [finished.started_at for _, finished in rows],
        "urls": [lane.endpoint.url if finished.request_headers else "" for lane, finished in rows],
        "request_headers": [finished.request_headers for _, finished in rows],
        "signed_with": [lane.endpoint.hints if finished.request_headers else "" for lane, finished in rows],
    }


def _outcome_columns(rows: Sequence[Row]) -> dict[str, object]:
    outcomes = [finished.outcome for _, finished in rows]
    claims = [finished.claimed for _, finished in rows]
    in_place = [lane.endpoint.holds_up(finished.claimed) and not finished.claimed.manual for lane, finished in rows]
    retries = [1 if keep else 2 for keep in in_place]
    return {
        "errors": [outcome.error for outcome in outcomes],
        "states": [outcome.state for outcome in outcomes],
        "retries": [outcome.retry_in_seconds or 0.0 for outcome in outcomes],
        "ranks": [x.rank if x.manual else rank for x, rank in zip(claims, retries, strict=True)],
        "in_place": in_place,
    }
