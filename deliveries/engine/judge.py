"""What an answer means for its delivery: the decision of protocol/answers/outcome.py, whatever the answer was.

What lives here: two functions, for a delivery that went alone and for those that went together. They change nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import structlog

from deliveries.engine.lane import Lane
from deliveries.engine.leased_endpoint import schedule_of
from deliveries.engine.work import Finished, Sent
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import at_once, decide
from deliveries.protocol.sending.batching import PARTLY, is_refused_as_whole, read_partly
from deliveries.protocol.writing import ids

log = structlog.get_logger(__name__)

NOT_JUDGED = "the answer could not be judged; the worker's log says why"


def judge(lane: Lane, sent: Sent, answer: Answer, *, rng: random.Random) -> Finished:
    """Return the attempt with what follows from its answer; one that nobody can judge has failed."""
    claimed = sent.claimed
    schedule = schedule_of(claimed, lane.endpoint)
    done, now = claimed.attempts + 1, sent.started_at
    try:
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=now, rng=rng)
    except Exception:
        log.exception("answer_not_judged", delivery_id=str(claimed.delivery_id))
        answer = Answer(error="protocol_error", detail=NOT_JUDGED, duration_ms=answer.duration_ms)
        outcome = decide(answer, schedule=schedule, attempts_done=done, now=now, rng=rng)
    return Finished(claimed, now, answer, outcome, sent.request_headers, sent.begun)


def judge_members(lane: Lane, sent: Sent, answer: Answer, *, again: bool, rng: random.Random) -> list[Finished]:
    """Return the attempt of each delivery of a batch, which may be a batch of one; `again`: all are sent again at once.

    So are those that were refused as a whole, in smaller batches (protocol.sending.batching.largest_batch): what one
    event did must cost the others no time, nor the last of their tries.
    """
    members = sent.members
    answers: Sequence[Answer] = [answer] * len(members)
    if answer.status == PARTLY and not answer.error:
        answers = _single_answers(lane, members, answer)
    elif len(members) > 1:
        again = again or is_refused_as_whole(answer)
    found = [judge(lane, member, its, rng=rng) for member, its in zip(members, answers, strict=True)]
    for finished in found:
        claimed = finished.claimed
        if again and claimed.attempts < len(schedule_of(claimed, lane.endpoint)):
            finished.outcome = at_once(finished.outcome)
    for finished in found[1:]:
        if finished.outcome.disable_reason:  # one of them is enough
            finished.outcome = replace(finished.outcome, disable_reason="")
    return found


def _single_answers(lane: Lane, members: Sequence[Sent], answer: Answer) -> Sequence[Answer]:
    """Return what a 207 says of each; one that does not say whom it means takes none of them."""
    names = [ids.encode_id(ids.EVENT, member.claimed.event_id) for member in members]
    try:
        partly = read_partly(answer, set(names))
    except ValueError as error:
        log.warning("batch_answer_unreadable", endpoint_id=str(lane.endpoint_id), reason=str(error))
        return [replace(answer, error="batch_unreadable", detail=f"what came with the 207: {error}")] * len(members)
    if partly.odd:
        log.warning("batch_answer_odd", endpoint_id=str(lane.endpoint_id), reason=partly.odd)
    taken = replace(answer, detail=partly.odd)
    return [
        replace(answer, error="batch_member_failed", detail=partly.failed[name]) if name in partly.failed else taken
        for name in names
    ]
