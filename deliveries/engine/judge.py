"""What an answer means for its delivery: the decision of protocol/outcome.py, whatever the answer was.

What lives here: one function. It changes nothing.
"""

from __future__ import annotations

import random

import structlog

from deliveries.engine.lane import Lane
from deliveries.engine.work import Finished, Sent
from deliveries.protocol.answer import Answer
from deliveries.protocol.outcome import decide

log = structlog.get_logger(__name__)

ONLY_ONCE = (0,)
NOT_JUDGED = "the answer could not be judged; the worker's log says why"


def judge(lane: Lane, sent: Sent, answer: Answer, *, rng: random.Random) -> Finished:
    """Return the attempt with what follows from its answer; one that nobody can judge has failed."""
    claimed = sent.claimed
    schedule = ONLY_ONCE if claimed.manual else lane.target.schedule
    done, now = claimed.attempts + 1, sent.started_at
    try:
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=now, rng=rng)
    except Exception:
        log.exception("answer_not_judged", delivery_id=str(claimed.delivery_id))
        answer = Answer(error="protocol_error", detail=NOT_JUDGED, duration_ms=answer.duration_ms)
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=now, rng=rng)
    return Finished(
        claimed=claimed,
        started_at=now,
        answer=answer,
        outcome=outcome,
        request_headers=sent.request_headers,
        begun=sent.begun,
    )
