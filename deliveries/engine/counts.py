"""What the engine counts of attempts: once for each batch, never for each request.

What lives here: from recorded attempts to numbers. It must not know lanes or who is asked for the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deliveries.engine.work import Finished
from deliveries.metrics import names
from deliveries.protocol.when.delivery_states import DeliveryState

MS = 1000.0


def count_recorded(batch: Sequence[Finished]) -> None:
    """Count the attempts of a batch that is stored."""
    if not batch:
        return
    names.RECORD_ATTEMPTS.observe(len(batch))
    first = batch[0]
    if len(batch) == 1 and not first.outcome.error and not first.claimed.manual:
        _count_arrival(first)
        return
    errors = Counter([each.outcome.error for each in batch])
    names.ATTEMPTS.add_each({error or names.SUCCEEDED: number for error, number in errors.items()})
    names.DELIVERIES_ENDED.add_each(_ends_of(batch) if errors.keys() - {""} else {DeliveryState.SUCCEEDED: len(batch)})
    names.ATTEMPT_SECONDS.observe_all([each.answer.duration_ms / MS for each in batch])
    _count_latencies([each for each in batch if not each.claimed.manual])


def _count_arrival(each: Finished) -> None:
    """Count what comes alone and arrives, as nearly everything does where nothing gathers."""
    names.ATTEMPTS.add(1, names.SUCCEEDED)
    names.DELIVERIES_ENDED.add(1, DeliveryState.SUCCEEDED)
    seconds, age = each.answer.duration_ms / MS, _age(each)
    names.ATTEMPT_SECONDS.observe(max(0.0, seconds))
    if not each.claimed.attempts:
        names.FIRST_ATTEMPT_SECONDS.observe(max(0.0, age - seconds))
    names.DELIVERY_SECONDS.observe(max(0.0, age))


def _age(each: Finished) -> float:
    """Return the seconds from a delivery to the end of an attempt.

    The ids tell: a delivery's holds when it was made, an attempt's when it ended, both by the database's clock.
    """
    return (each.attempt_id.int - each.claimed.delivery_id.int >> 80) / MS


def _ends_of(batch: Sequence[Finished]) -> Counter[str]:
    """Count deliveries that go no further; a redelivery by hand that fails changes nothing."""
    states = [each.outcome.state for each in batch if not each.outcome.error or not each.claimed.manual]
    ended: Counter[str] = Counter(states)
    del ended[DeliveryState.PENDING]
    return ended


def _count_latencies(batch: Sequence[Finished]) -> None:
    """Count how late first attempts began and how late deliveries arrived."""
    ages = [_age(each) for each in batch]
    pairs = list(zip(batch, ages, strict=True))
    names.FIRST_ATTEMPT_SECONDS.observe_all(
        [age - each.answer.duration_ms / MS for each, age in pairs if not each.claimed.attempts]
    )
    names.DELIVERY_SECONDS.observe_all([age for each, age in pairs if not each.outcome.error])
