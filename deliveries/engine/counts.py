"""What the engine counts of attempts: once for each batch, never for each request.

What lives here: from recorded attempts to numbers. It must not know lanes or who is asked for the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deliveries.engine.work import Finished
from deliveries.metrics import names

MS = 1000.0
SUCCEEDED = "succeeded"  # as a state


def count_recorded(batch: Sequence[Finished]) -> None:
    """Count the attempts of a batch that is stored."""
    if not batch:
        return
    names.RECORD_ATTEMPTS.observe(len(batch))
    names.ATTEMPTS.add_each(Counter([each.outcome.error or names.SUCCEEDED for each in batch]))
    names.ATTEMPT_SECONDS.observe_all([each.answer.duration_ms / MS for each in batch])
    _count_ends(batch)
    _count_latencies([each for each in batch if not each.claimed.manual])


def _count_ends(batch: Sequence[Finished]) -> None:
    """Count deliveries that go no further; a redelivery by hand that fails changes nothing."""
    ended: Counter[str] = Counter(
        [each.outcome.state for each in batch if each.outcome.state == SUCCEEDED or not each.claimed.manual]
    )
    del ended["pending"]
    names.DELIVERIES_ENDED.add_each(ended)


def _count_latencies(batch: Sequence[Finished]) -> None:
    """Count how late first attempts began and how late deliveries arrived; a delivery's id has its own moment."""
    waits = [each.started_at.timestamp() - (each.claimed.delivery_id.int >> 80) / MS for each in batch]
    pairs = list(zip(batch, waits, strict=True))
    names.FIRST_ATTEMPT_SECONDS.observe_all([wait for each, wait in pairs if not each.claimed.attempts])
    names.DELIVERY_SECONDS.observe_all(
        [wait + each.answer.duration_ms / MS for each, wait in pairs if each.outcome.state == SUCCEEDED]
    )
