"""The dispatcher: one leader that once a second finds what no message told of.

    wake due lanes, also those of lost workers | hold and release backlogs | partitions, keys, failing endpoints
    tell of what failed: operational events in the round, mail on a thread of its own

Every worker deployment runs it; a row in PostgreSQL makes one of them the leader.
Knows no broker: `ring`, `ring_all` and `ring_job` come in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog
from django.db import InterfaceError, InternalError, NotSupportedError, OperationalError, connection

from deliveries import sql
from deliveries.conf import conf
from deliveries.database.failures import first_line, is_locked
from deliveries.engine import polls
from deliveries.engine.agenda import ZERO
from deliveries.engine.backlogs import Leftovers, hold_backlogs, release_backlogs
from deliveries.engine.leases import Leases
from deliveries.errors import ClockOff
from deliveries.metrics import names
from deliveries.models import Endpoint
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.protocol.writing.stored_sentences import not_arrived
from deliveries.services import challenge_rounds, delivery_windows, endpoints, purge, retests
from deliveries.services.accepting import fan_out
from deliveries.services.common import clock
from deliveries.services.housekeeping import retention, rollup
from deliveries.services.housekeeping.leader import Lead, LeadLost
from deliveries.services.housekeeping.rounds import act_alone, held_as_seen
from deliveries.services.reading import endpoint_health
from deliveries.services.resending import backlog, jobs
from deliveries.services.telling import alert_mail, alerts
from deliveries.sql.rows import RoundsDueRow

log = structlog.get_logger(__name__)

Ring = Callable[[Iterable[tuple[UUID, bool]]], None]
RingJob = Callable[[UUID], None]


class RingAll(Protocol):
    """Rings for more lanes than can be named."""

    def __call__(self, *, slow: bool) -> None:
        """Send a message that some lanes have work, whichever they are; never fails."""


TICK_SECONDS = 1.0
STAND_BACK_SECONDS = 3.0  # long enough for another one to take the lead; where there is none, the rounds go on
LANES_NAMED = 128
PROBES = 2000  # lanes looked at in one round
JOB_BELLS = 2  # as many as a worker has threads for jobs
JOB_QUIET_SECONDS = 0.8  # less than a tick: a job that waited for room goes on with the next one
LEFTOVER_TICKS = 10
ROLL_UP_TICKS = 15  # it counts what is three quarters of a minute old
LAPSE_TICKS = 2
WINDOW_TICKS = 5
HOUSEKEEPING_TICKS = 60
FORGET_SECONDS = 3600.0
EVERYTHING = RoundsDueRow(*[True] * len(RoundsDueRow._fields))


@dataclass(slots=True)
class Dispatcher:
    """The leader's loop; `tick` is one round."""

    ring: Ring
    ring_all: RingAll
    ring_job: RingJob = lambda job_id: None
    is_heard: Callable[[], bool] = lambda: True
    _lead: Lead = field(default_factory=lambda: Lead("dispatcher"))
    _leases: Leases = field(default_factory=Leases)
    _leftovers: Leftovers = field(default_factory=Leftovers)
    _after: UUID = ZERO
    _ticks: int = 0
    _is_behind: bool = True
    _has_orphans: bool = False
    _due: RoundsDueRow = EVERYTHING
    _jobs_rung_at: float = float("-inf")
    _stands_back_until: float = float("-inf")
    _mail_thread: threading.Thread | None = None

    def run_forever(self, stop: threading.Event) -> None:
        """Tick once a second while this process leads; go on after every error, also of telling an error."""
        names.LEADER.read = self._lead.leads_still
        sql.wait_for_no_long_lock()
        while not stop.is_set():
            started = time.monotonic()
            try:
                self._tick_if_leader()
            except LeadLost:
                log.warning("dispatcher_lead_lost")
            except (OperationalError, InterfaceError, InternalError, NotSupportedError) as error:  # away, or a standby
                log.warning("dispatcher_without_database", error=first_line(error))
                connection.close()
            except Exception:
                names.ROUND_FAILURES.add()
                log.exception("dispatcher_failed")
                connection.close()
            stop.wait(max(0.05, TICK_SECONDS - (time.monotonic() - started)))
        self._lead.give_up()
        connection.close()

    def _tick_if_leader(self) -> None:
        try:
            clock.now()  # whose clock is off does not lead: it would open, drop and disable by it
        except ClockOff as error:
            self._lead.give_up()
            alerts.tell_clock_off(error, part="dispatcher")
            return
        if not self._stands_back() and self._lead.take():
            with names.ROUND_SECONDS.timed():
                self.tick()

    def _stands_back(self) -> bool:
        """Leave the lead to a dispatcher that has an engine beside it, while what this one rings for is not heard."""
        now = time.monotonic()
        if self._lead.leads_still() and not self.is_heard():
            self._lead.give_up()
            self._stands_back_until = now + STAND_BACK_SECONDS
            log.warning("dispatcher_stands_back")
        return now < self._stands_back_until

    def tick(self) -> None:
        """Go once around."""
        ticks, self._ticks = self._ticks, self._ticks + 1  # first, so that what fails is not tried again each second
        self._due = EVERYTHING
        do_each(self._rounds(ticks), before_each=self._lead.keep)

    def _rounds(self, ticks: int) -> Iterator[Callable[[], object]]:
        """Yield what is to be done, one after the other; what `_look` sees decides about those after it."""
        yield self._look
        if self._due.holding:
            yield hold_backlogs
        if ticks % LEFTOVER_TICKS == 0:
            yield self._find_leftovers
        if self._due.releasing:
            yield release_backlogs
        yield self._wake_due
        yield from self._rounds_of_some()
        yield self._roll_up
        if self._has_orphans or ticks % HOUSEKEEPING_TICKS == 0:
            yield self._cancel_orphans
        if ticks % LAPSE_TICKS == 0:
            yield from self._lapses()
        if ticks % WINDOW_TICKS == 0:
            yield delivery_windows.keep_windows
        if ticks % HOUSEKEEPING_TICKS == 0:
            yield housekeeping

    def _rounds_of_some(self) -> Iterator[Callable[[], object]]:
        if self._due.jobs:
            yield self._ring_jobs
        if self._due.fan_outs:
            yield partial(fan_out.take_over_fan_outs, self.ring)
        if self._due.untold:
            yield alerts.tell_customers
        if self._due.mail:
            yield self._post_alerts

    def _lapses(self) -> Iterator[Callable[[], object]]:
        if self._due.polls:
            yield polls.end_lapsed
        if self._due.challenges:
            yield challenge_rounds.run_challenges

    def _look(self) -> None:
        """See which rounds have something to do; where that cannot be seen, all of them are taken."""
        self._due = sql.fetch(RoundsDueRow, {})[0]

    def _find_leftovers(self) -> None:
        """Find what drains and nobody knows of; most often nothing, and releasing is planned each time."""
        if self._leftovers.find():
            self._due = self._due._replace(releasing=True)

    def _roll_up(self) -> None:
        """Count the attempts of the last seconds; while it is behind, a stretch in each round."""
        if self._is_behind or self._ticks % ROLL_UP_TICKS == 0:
            self._is_behind = rollup.roll_up()

    def _cancel_orphans(self) -> None:
        """Cancel what waits for deleted endpoints; while there may be more, a batch in each round."""
        self._has_orphans = backlog.cancel_orphans() >= backlog.CANCEL_BATCH

    def _ring_jobs(self) -> None:
        """Ring for jobs that nobody serves: a bell that was heard rings on by itself while there is work."""
        now = time.monotonic()
        wanting = jobs.unserved(jobs.tend_jobs(), seconds=JOB_QUIET_SECONDS)
        if wanting and now - self._jobs_rung_at >= JOB_QUIET_SECONDS:
            self._jobs_rung_at = now
            for job_id in wanting[:JOB_BELLS]:
                self.ring_job(job_id)

    def _post_alerts(self) -> None:
        """Let alerts be mailed beside the rounds: a mail server may hang."""
        if (self._mail_thread is None or not self._mail_thread.is_alive()) and alert_mail.is_mail_due():
            self._mail_thread = threading.Thread(target=alert_mail.run_mail_thread, name="mail", daemon=True)
            self._mail_thread.start()

    def _wake_due(self) -> None:
        """Ring for lanes that have something due and nobody at work; of very many, only that there are some."""
        self._leases.beat()
        rows = self._leases.find(after=self._after, probes=PROBES, limit=LANES_NAMED + 1, slow=None)
        cut = bool(rows) and (len(rows) > LANES_NAMED or rows[-1].cut)
        self._after = rows[-1].endpoint_id if cut else ZERO
        due = [row for row in rows if row.due]
        for slow in {row.slow for row in due}:
            lanes = [row for row in due if row.slow is slow]
            if len(lanes) > LANES_NAMED // 2:
                self.ring_all(slow=slow)
            else:
                self.ring((row.endpoint_id, slow) for row in lanes)


def housekeeping() -> None:
    """Open partitions ahead, drop old days, forget old keys, note and disable what fails, end what was left over."""
    do_each(
        [
            retention.open_partitions,
            retention.drop_partitions,
            retention.purge_idempotency_keys,
            alerts.note_failing,
            alerts.note_warnings,
            disable_failing,
            retests.retest_disabled,
            delivery_windows.end_windows,
            alerts.purge_alerts,
            rollup.purge_hours,
            purge.purge_rows,
            forget_workers,
        ]
    )


def forget_workers() -> None:
    """Forget workers that have been silent for an hour."""
    sql.run("forget_workers", {"id": None, "silent_seconds": FORGET_SECONDS})


def do_each(work: Iterable[Callable[[], object]], *, before_each: Callable[[], object] = lambda: None) -> None:
    """Do one after the other, the next ones also when one fails; raises only if the connection or the lead is lost."""
    for act in work:
        before_each()
        try:
            act()
        except InterfaceError:
            raise
        except Exception as error:
            names.ROUND_FAILURES.add()
            if is_locked(error):
                log.warning("row_locked", error=first_line(error))
                continue
            log.exception("dispatcher_failed", error=type(error).__name__)
            if connection.connection is None or not connection.is_usable():
                raise


def disable_failing() -> int:
    """Disable endpoints where nothing has arrived for the days of the setting; returns how many."""
    if not conf.disable_after_days:
        return 0
    lanes = endpoint_health.long_failing(timedelta(days=conf.disable_after_days)).select_related("endpoint")[:100]
    return sum(
        act_alone(partial(_disable_failing, each.endpoint), each.endpoint, event="not_disabled") for each in lanes
    )


def _disable_failing(endpoint: Endpoint) -> None:
    reason = not_arrived(conf.disable_after_days)
    with held_as_seen(endpoint):
        endpoints.disable_endpoint(endpoint, actor=SYSTEM, reason=reason)
        retests.begin_retesting(endpoint)
