"""What an engine does about its lanes beside sending: it proves that it lives, renews leases and begins new slices.

What lives here: when each of these is due. It must not know requests, nor what is recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from heapq import nsmallest

from django.db import DatabaseError, InterfaceError, connection

from deliveries.database.limits import answered_within
from deliveries.engine.database_retry import Retry
from deliveries.engine.disabling import Disabling
from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.leases import Leases, configure_lanes, release_lanes, renew_leases
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.locked_rows import for_unlocked
from deliveries.engine.phases import Phase
from deliveries.engine.tokens import give_stored
from deliveries.engine.trouble import has_right_time

RENEW_AT = 0.6  # of a lease that is left
KEEP_SECONDS = 5.0  # a connection to beat over beside
CONNECT_SECONDS = 20.0  # until there is one


class Upkeep:
    """The beat of one engine, and the leases of its lanes; `may_sign`: this host's clock was right at the last beat."""

    def __init__(
        self,
        table: LaneTable,
        leases: Leases,
        *,
        retry: Retry,
        clock: Callable[[], float],
        limits: Limits = LIMITS,
    ) -> None:
        self.may_sign, self.disabling = True, Disabling()
        self._table, self._leases, self._retry, self._clock, self._limits = table, leases, retry, clock, limits
        self._beat_at = self._doubtful_until = -NEVER
        self._renew_at, self._in_doubt = NEVER, False
        self._silence, self._is_unbroken = leases.silence, True
        self._beside, self._beats_beside_since = threading.Event(), -NEVER
        self._has_thread = False

    @property
    def next_at(self) -> float:
        """When there is something to do again."""
        return min(self._beat_due_at(), self._table.sweep_at, self._renew_at)

    def is_sure(self) -> bool:
        """Say whether nobody can have a lane of ours by now: this worker beat lately and renewed what was in doubt."""
        return not self._in_doubt and self._clock() - self._beat_at <= self._silence.sure_seconds

    def doubt(self) -> None:
        """Renew all leases at once, and for a while with each beat: the database or this worker was away."""
        self._in_doubt, self._renew_at = True, self._clock()
        self._doubtful_until = self._renew_at + self._silence.seconds

    def give_back(self, lanes: Sequence[Lane]) -> None:
        """Give back lanes that have nothing to record; where the database does not let that be, a little later."""
        try:
            for_unlocked(release_lanes, lanes, clock=self._clock)
        except (DatabaseError, InterfaceError):
            self._leases.strays.update(lane.endpoint_id for lane in lanes)
            self.doubt()

    def beat_beside(self) -> None:
        """Beat over a connection of its own, while this thread waits for the database: for the disk, or for a row."""
        if self._clock() - self._beat_at < self._limits.beat or self._beside.is_set():
            return
        self._beats_beside_since = self._clock()
        self._beside.set()
        if not self._has_thread:
            self._has_thread = True
            threading.Thread(target=self._beat_apart, name="beat", daemon=True).start()

    def _beat_apart(self) -> None:
        """Beat when told to, over a connection that is kept for a while: to make one takes several answers."""
        try:
            while self._beside.wait(KEEP_SECONDS):
                with answered_within(CONNECT_SECONDS):
                    connection.ensure_connection()
                with answered_within(2 * self._silence.seconds):
                    self._beat_once()
                self._beside.clear()
        except (DatabaseError, InterfaceError):
            self.doubt()  # it may have been heard, and then no later one tells of the silence before
        finally:
            connection.close()
            self._has_thread = False
            self._beside.clear()

    def tend(self) -> None:
        """Beat, and renew what is old, in good time."""
        now = self._clock()
        is_in_doubt = self._in_doubt
        self._renew_doubtful()  # before the beat, after which others take over what is not renewed
        if is_in_doubt or now >= self._beat_due_at():
            self._beat()
        if self._table.sweep(now):
            leased = self._leased(now)
            self._begin_slices(leased, now)
            self._renew(leased, now, doubtful=False)

    def _beat_due_at(self) -> float:
        """When this thread beats; one that is under way beside has a while, for it may be that answers take long."""
        due_at = self._beat_at + self._limits.beat
        return max(due_at, self._beats_beside_since + self._silence.seconds / 4) if self._beside.is_set() else due_at

    def _beat(self) -> None:
        self._retry(self._beat_once)
        self._renew_doubtful()
        self.may_sign = has_right_time(self._retry)
        self._retry(self.disabling.act)

    def _beat_once(self) -> None:
        connection.ensure_connection()  # making one takes many answers
        begun_at = self._clock()  # the answer may be late: how long others wait counts from when it was asked for
        with self._silence.beating(self._clock) as silent_seconds:
            beat = self._leases.beat(silent_seconds=silent_seconds)
        self._is_unbroken = beat.is_unbroken
        if beat.begins_anew or not beat.is_unbroken:
            self.doubt()
        self._beat_at = max(self._beat_at, begun_at)

    def _renew_doubtful(self) -> None:
        """Renew all leases if others may have taken some since the last beat."""
        now = self._clock()
        if -NEVER < self._beat_at < now - self._silence.seconds:
            self.doubt()
        if now >= self._renew_at:
            self._renew_at = now + self._limits.beat if now < self._doubtful_until else NEVER
            self._in_doubt = False  # unless the database goes away meanwhile
            if not self._is_unbroken:
                self._recall()
            self._renew(self._leased(now), now, doubtful=True)
            self._retry(partial(self._leases.release_strays, self._table.lanes.keys()))
            if self._renew_at == NEVER:
                self._leases.strays.clear()  # for so long one of those statements may have come late

    def _recall(self) -> None:
        """Let all that waits be claimed anew: after a crash, or a return to a moment, the database may know better."""
        for lane in self._table.lanes.values():
            lane.recall()

    def _leased(self, now: float) -> list[Lane]:
        lanes = self._table.lanes.values()
        return [lane for lane in lanes if lane.phase is not Phase.LOST and now >= lane.locked_until]

    def _begin_slices(self, leased: Sequence[Lane], now: float) -> None:
        """Configure lanes anew whose slice is over while requests hang, once they may send more."""
        crowded = self._table.in_flight.taken > self._limits.crowd
        over = [lane for lane in leased if lane.wants_refresh(now, crowded=crowded)]
        over = nsmallest(self._limits.renewals_a_step, over, key=lambda lane: lane.until)
        if not over:
            return
        configure = partial(configure_lanes, now=now, lease_seconds=self._leases.lease_seconds)
        self._retry(partial(for_unlocked, configure, over, clock=self._clock))
        if wanting := [lane for lane in over if lane.endpoint.oauth]:
            self._retry(partial(give_stored, wanting))

    def _renew(self, leased: Sequence[Lane], now: float, *, doubtful: bool) -> None:
        """Renew leases that are old, or all where others may have taken some."""
        some, lease_seconds = self._limits.renewals_a_step, self._leases.lease_seconds
        early, renew = lease_seconds * RENEW_AT, partial(renew_leases, now=now, lease_seconds=lease_seconds)
        old = leased if doubtful else [lane for lane in leased if lane.owned_until - now < early][:some]
        for start in range(0, len(old), some):
            if start and self._clock() - self._beat_at >= self._limits.beat:
                self._retry(self._beat_once)
            part = old[start : start + some]
            self._retry(partial(for_unlocked, renew, part, clock=self._clock))
