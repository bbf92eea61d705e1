"""How work comes into an engine: lanes that messages name or that it finds, leased with the first of what is due.

What lives here: what to lease and to claim next, and how much of it. It must not know requests or answers.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from deliveries.conf import conf
from deliveries.engine.agenda import ZERO, Agenda
from deliveries.engine.database_retry import Retry
from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.leases import Found, Leases, claim_batch
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.tokens import give_stored

_dice = random.SystemRandom()


class Intake:
    """What comes into one engine."""

    def __init__(self, table: LaneTable, leases: Leases, *, retry: Retry, limits: Limits = LIMITS) -> None:
        self.agenda = Agenda(limits)
        self._table, self._leases, self._retry, self._limits = table, leases, retry, limits
        self._claim_at = NEVER
        self._look_at = 0.0
        self._looked_at = -NEVER
        self._is_put_off = False  # a look, by what messages named
        self._may_lease = True  # of the customers whose lanes are known, one may have more
        self._after = ZERO  # where the last look ended
        self._found = 0  # since the first endpoint
        self._own_part = True  # what the next look is at
        self._body_bytes = 1024  # of one body, as the last claim had them on average

    def note_all(self, messages: Iterable[Iterable[UUID]]) -> None:
        """Heed messages."""
        for endpoint_ids in messages:
            self.note(endpoint_ids)

    def note(self, endpoint_ids: Iterable[UUID]) -> None:
        """Heed a message: lanes in hand look for work again, others are to be leased."""
        named = list(endpoint_ids)
        if (free := self._not_in_hand(named)) or not named:
            self.agenda.hint(free)

    def next_at(self, now: float) -> float:
        """Return when there is something to do here, if nothing happens before."""
        if self.agenda and self._may_lease and self._table.waiting.taken < self._table.waiting.total // 2:
            return now
        return min(self._claim_at, self.agenda.next_at, max(self._next_look(), now))

    def _next_look(self) -> float:
        """Return when to look; it waits a little while enough lanes are found that can be leased first."""
        if not self.agenda.look or (self._may_lease and not self.agenda.has_room):
            return NEVER  # where nothing known may be leased others may have work
        return self._look_at if self.agenda.is_low else max(self._look_at, self._looked_at + self._limits.look_on)

    def _is_time_to_look(self, now: float) -> bool:
        """Say whether to look before anything is leased; what messages named goes before a look, once."""
        wants = now >= self._next_look()
        self._is_put_off = wants and self.agenda.has_hints and not self._is_put_off
        return wants and not self._is_put_off

    def take(self, now: float) -> bool:
        """Look for lanes if there may be some that nobody named, and lease what is to be leased next.

        Returns whether lanes were leased that messages named: somebody waits for those.
        """
        if self._is_time_to_look(now):
            self._look(now)
        table = self._table
        ids = self.agenda.next(
            self._limits.lanes_a_take, now=now, may_take=table.may_have_more, may_take_many=table.may_have_many
        )
        self._may_lease = bool(ids)
        if free := self._not_in_hand(ids):
            room = self._room_of_leases(free)
            lanes, busy = self._retry(lambda: self._leases.take(free, room=room, now=now))
            if wanting := [lane for lane in lanes if lane.endpoint.oauth]:
                self._retry(partial(give_stored, wanting))
            for lane in lanes:
                self._table.add(lane)
                self.agenda.know(lane.endpoint_id, lane.customer_id)
            self.agenda.busy(busy, now)
            self.agenda.note_leased((lane.endpoint_id for lane in lanes), of=free)
            self._weigh(lanes)
        return bool(free) and self.agenda.named_last

    def to_claim(self, now: float) -> list[Lane]:
        """Return the lanes to claim for now; few of many wait a moment for others."""
        active = self._table.active
        for lane in active:
            if lane.wants_look(now):
                lane.wake()
        lanes = [x for x in active if x.wants_claim(now) and self._table.may_have_more(x.customer_id)]
        self._claim_at = min(self._claim_at, now + self._limits.claim_after) if lanes else NEVER
        if not lanes or (2 * len(lanes) < len(active) and now < self._claim_at):
            return []
        self._claim_at = NEVER
        return lanes

    def claim(self, lanes: Sequence[Lane], now: float) -> None:
        """Fetch more of what is due for lanes in hand."""
        most = self._room(len(lanes))
        rooms = self._table.waiting.rooms([lane.customer_id.int for lane in lanes])
        wanted = [lane.claim_limit(min(most, room)) for lane, room in zip(lanes, rooms, strict=True)]
        self._retry(lambda: claim_batch(lanes, rooms=wanted, now=now, limits=self._limits))
        for lane in lanes:
            self._table.count(lane)
        self._weigh(lanes)

    def _not_in_hand(self, endpoint_ids: Iterable[UUID]) -> list[UUID]:
        """Return the lanes that are to be leased; those in hand look for work again."""
        free = []
        for endpoint_id in endpoint_ids:
            if lane := self._table.lanes.get(endpoint_id):
                lane.wake()
                self._table.activate(lane)
            else:
                free.append(endpoint_id)
        return free

    def _look(self, now: float) -> None:
        limits, agenda = self._limits, self.agenda
        self._looked_at = now
        if not agenda.has_room:
            agenda.forget_found()
        rows = self._retry(
            lambda: self._leases.find(
                after=self._after,
                probes=limits.probes,
                limit=limits.look,
                slow=self._leases.slow,
                own_part=self._own_part,
            )
        )
        self._found += sum(agenda.find(row.customer_id, row.endpoint_id) for row in _turned(rows) if row.due)
        if rows and (len(rows) == limits.look or rows[-1].cut):
            self._after = rows[-1].endpoint_id
            self._look_at = now
            return
        # That was the last endpoint. What was found once around can be leased at once, unless it is very much; a
        # message names what comes later. After its part an engine looks at all: who has another part may take nothing.
        is_much = self._found > self._limits.lanes_a_take
        was_part = self._own_part and self._leases.parts > 1
        self._own_part = is_much and not was_part
        agenda.look = is_much or was_part
        self._after, self._found = ZERO, 0
        self._look_at = now if was_part and not is_much else now + limits.look_pause

    def _room_of_leases(self, endpoint_ids: Sequence[UUID]) -> int:
        """Return how many deliveries may come with each lease: what is in memory must be little, and be sent soon."""
        shared = min(self._table.waiting.rooms(self.agenda.customers_of(endpoint_ids)))
        room = min(self._room(len(endpoint_ids)), shared)
        return min(room, self._limits.crowd_claim) if self._table.in_flight.taken > self._limits.crowd else room

    def _room(self, lanes: int) -> int:
        room = max(2 * conf.batch_size // lanes, self._limits.claim_at_least)
        return max(1, min(room, self._limits.claim_bytes // (self._body_bytes * lanes)))

    def _weigh(self, lanes: Iterable[Lane]) -> None:
        sizes = [len(claimed.body or b"") for lane in lanes for claimed in lane.waiting]
        self._body_bytes = max(1024, sum(sizes) // (len(sizes) or 1))


def _turned(rows: Sequence[Found]) -> Sequence[Found]:
    """Return what was found from some place on: another engine may have found the same, and begins elsewhere."""
    start = _dice.randrange(len(rows)) if rows else 0
    return [*rows[start:], *rows[:start]]
