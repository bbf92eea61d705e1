"""Moving a customer to another cell, step by step. Stopped or killed anywhere, the same call goes on from there.

What lives here: the order of steps. Nothing is sent twice, because what waits is handed over in the one transaction
of the destination in which it begins to send; nothing is lost, because the source is closed before, emptied after it.
It must not know the terminal, nor how a router is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliveries.cells import stages
from deliveries.cells.agreement import differing_versions
from deliveries.cells.belongings import bring_belongings, bring_lanes, names_taken
from deliveries.cells.cell import Link, value_of
from deliveries.cells.copying import bring, merge
from deliveries.cells.history import LogSpan, bring_changes, bring_keys, bring_log
from deliveries.cells.moved_tables import DUE, LAST
from deliveries.cells.partitions import open_days
from deliveries.cells.stages import stage_of
from deliveries.errors import CannotDecrypt, Conflict
from deliveries.models import Job
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.ids import floor_of
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.erase import erase_what_moved

QUICK_SECONDS = 1.0  # a pass that takes no longer leaves little for the pause
PASSES = 5
NOW = "SELECT clock_timestamp()"
# What was due here before the destination accepted anything goes before all that it accepted, whatever the clocks say.
IN_ORDER = """
UPDATE incoming_due_delivery
SET job_id = NULL, due_at = CASE WHEN due_at <= %(now)s THEN least(due_at, %(admitted)s) ELSE due_at END
"""
# While nothing waited there the destination took draining for over; where order counts the newer go behind the held.
DRAINING = """
UPDATE hookpost_endpoint e SET draining = true
WHERE e.customer_id = %(customer)s AND e.state = 'enabled' AND EXISTS (
    SELECT FROM hookpost_due_delivery q
    WHERE q.endpoint_id = e.id AND q.due_at IS NULL AND q.rank IN (1, 2) AND NOT q.manual
)
"""
HELD_BEHIND = """
WITH newer AS (
    UPDATE hookpost_due_delivery q SET due_at = NULL
    FROM hookpost_endpoint e
    WHERE e.id = q.endpoint_id AND e.customer_id = %(customer)s AND e.ordered AND e.draining
      AND NOT q.manual AND q.rank = 1 AND q.due_at <= now()
      AND NOT EXISTS (SELECT FROM incoming_due_delivery i WHERE i.delivery_id = q.delivery_id)
    RETURNING q.delivery_id
)
UPDATE hookpost_delivery d SET state = 'held', next_attempt_at = NULL
FROM newer WHERE d.id = newer.delivery_id
"""


@dataclass(frozen=True, slots=True)
class MoveStep:
    """What has been done, and how many rows it was."""

    name: str
    rows: int = 0


@dataclass(slots=True)
class Pause:
    """How long nothing was sent, in seconds; 0 before it has ended."""

    began: float = 0.0
    seconds: float = 0.0

    def begin(self) -> None:
        """Note that from now on nothing is sent."""
        self.began = time.monotonic()

    def end(self, *, since: datetime | None) -> None:
        """Note that it is sent again; `since` is when the destination began to accept, where that was not seen."""
        if self.began:
            self.seconds = time.monotonic() - self.began
        elif since is not None:
            self.seconds = (clock.likely_now() - since).total_seconds()


def refuse(link: Link) -> None:
    """Raise Conflict with the reason why this customer cannot move now."""
    here, there = stage_of(link.source, link.customer_id), stage_of(link.destination, link.customer_id)
    if here.moved_to not in ("", link.name):
        raise Conflict(f"it has moved to {here.moved_to}, or is on its way there")
    if not here.is_open and not there.is_open:
        raise Conflict(f"it has moved to {here.moved_to} and is not there any more")
    if here.is_open and there.is_open and here.moving != stages.Moving.FROZEN:
        raise Conflict(f"{link.name} has a customer of this id that is not on its way")
    if taken := names_taken(link):
        raise Conflict(f"{link.name} has already: {', '.join(taken)}")
    if here.is_open:
        _refuse_jobs(link)
        if differing := differing_versions(link):
            raise Conflict(f"{differing}: declare them alike first")


def _refuse_jobs(link: Link) -> None:
    open_states = (Job.State.PENDING, Job.State.RUNNING, Job.State.HELD)
    if Job.objects.filter(customer_id=link.customer_id, state__in=open_states).exists():
        raise Conflict("jobs of it are under way: let them end, or cancel them")


def move(
    link: Link, *, log_days: int, switch: Callable[[], None], actor: str, pause: Pause
) -> Generator[MoveStep, None, None]:
    """Move the customer, and yield after each step; `switch` has the router send its requests to the destination.

    Raises Conflict where something does not end in time: then the same call goes on later.
    """
    refuse(link)
    stages.claim(link)
    if _is_handed_over(link):
        yield from _leave(link, actor)
        return
    since: datetime | None = None
    if not stage_of(link.destination, link.customer_id).is_open:
        # Whoever is frozen was prepared before, and is sent nothing meanwhile: what changed comes with the hand-over.
        if stage_of(link.source, link.customer_id).moving != stages.Moving.FROZEN:
            yield from _prepare(link, log_days)
            since = _now(link)
            yield MoveStep("changes", _bring_changes(link, _since(link)))
        yield from _freeze(link, pause)
    if stage_of(link.source, link.customer_id).is_open:
        switch()
        yield MoveStep("router switched")
        stages.close(link)
        yield MoveStep("source closed")
    admitted = stage_of(link.destination, link.customer_id).since
    number = _hand_over(link, since or _since(link))
    pause.end(since=admitted)
    yield MoveStep("handed over", number)
    yield from _leave(link, actor)


def _is_handed_over(link: Link) -> bool:
    here, there = stage_of(link.source, link.customer_id), stage_of(link.destination, link.customer_id)
    return not here.is_open and there.moving == stages.Moving.NO


def _prepare(link: Link, log_days: int) -> Iterator[MoveStep]:
    """Bring what there is while everything goes on: settings, then the log, then what changed meanwhile."""
    again = stage_of(link.source, link.customer_id).since is not None
    stages.mark(link, stage_of(link.source, link.customer_id).moving)
    began = _since(link)
    yield MoveStep("days opened", open_days(link, since=began - timedelta(days=log_days)))
    yield MoveStep("settings", _bring_settings(link))
    with link.destination.transaction():
        stages.check_claim(link)
        keys = bring_keys(link)
    yield MoveStep("idempotency keys", keys)
    span = LogSpan(floor_of(began - timedelta(days=log_days)), floor_of(began))
    for name, number in bring_log(link, span, again=again):
        yield MoveStep(name, number)
    for _ in range(PASSES):
        started = time.monotonic()
        yield MoveStep("changes", _bring_changes(link, began))
        if time.monotonic() - started < QUICK_SECONDS:
            break


def _freeze(link: Link, pause: Pause) -> Iterator[MoveStep]:
    stages.freeze(link)
    try:
        _refuse_jobs(link)  # somebody may have started one while the log was copied
    except Conflict:
        stages.take_back(link)
        raise
    yield MoveStep("settings frozen", _bring_settings(link))
    pause.begin()
    stages.freeze_lanes(link)
    yield MoveStep("sending stopped")
    stages.admit(link)
    yield MoveStep("destination accepts")


def _bring_settings(link: Link) -> int:
    try:
        with link.destination.transaction():
            stages.check_claim(link)
            return bring_belongings(link)
    except CannotDecrypt as error:
        raise Conflict(f"a secret cannot be opened with the keys of this cell: {error}") from error


def _bring_changes(link: Link, since: datetime) -> int:
    with link.destination.transaction():
        stages.check_claim(link)
        return bring_changes(link, since=since)


def _hand_over(link: Link, since: datetime) -> int:
    """Bring the last changes and all that waits, and begin to send, in one transaction of the destination."""
    admitted = stage_of(link.destination, link.customer_id).since
    with link.destination.transaction():
        stages.check_claim(link)
        bring_keys(link, since=since - timedelta(minutes=1))
        bring_changes(link, since=since)
        number = bring(link, DUE)
        link.destination.execute(IN_ORDER, {"now": _now(link), "admitted": admitted})
        merge(link, DUE)
        for statement in (DRAINING, HELD_BEHIND):
            link.destination.execute(statement, {"customer": link.customer_id})
        for table in LAST:
            bring(link, table)
            merge(link, table)
        bring_lanes(link, frozen_until=None)
        stages.begin_sending(link)
    return number


def _leave(link: Link, actor: str) -> Iterator[MoveStep]:
    """Take out of the source what has moved; its row stays, and says where to."""
    for number in erase_what_moved(link.customer_id):
        yield MoveStep("left behind, deleted", number)
    record_act(
        actor,
        "customer.move",
        object_id=ids.encode_id(ids.CUSTOMER, link.customer_id),
        detail={"cell": link.name},
    )
    yield MoveStep("done")


def _since(link: Link) -> datetime:
    since = stage_of(link.source, link.customer_id).since
    assert since is not None
    return since


def _now(link: Link) -> datetime:
    now = value_of(link.source, NOW)
    assert isinstance(now, datetime)
    return now
