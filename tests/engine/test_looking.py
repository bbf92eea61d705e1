"""Looking for lanes that nobody named, which goes after what messages name, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from django.utils import timezone

from deliveries.engine.agenda import ZERO, Agenda
from deliveries.engine.intake import Intake
from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.leases import Found, Leases
from deliveries.engine.limits import LIMITS
from deliveries.engine.loop import Engine
from deliveries.models import Endpoint, Worker
from deliveries.models.base import new_id
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import an_endpoint, emit
from tests.engine.test_lane import a_lane
from tests.receiver import Receiver

ALICE = UUID(int=1)
MANY = 20_000
THREE_THOUSAND = [UUID(int=number) for number in range(1, 3001)]
EVEN = [each for each in THREE_THOUSAND if each.int % 2 == 0]

Result = TypeVar("Result")


class NothingFound(Leases):
    """Leases that find nothing and lease nothing; counts how often they look, and remembers what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.looks, self.asked = 0, list[UUID]()

    def find(self, *, after: UUID, probes: int, limit: int, slow: bool | None, own_part: bool = False) -> list[Found]:
        """Find nothing."""
        self.looks += 1
        return []

    def take(self, endpoint_ids: Sequence[UUID], *, room: int, now: float) -> tuple[list[Lane], list[UUID]]:
        """Lease nothing."""
        self.asked += endpoint_ids
        return [], []


def at_once(act: Callable[[], Result]) -> Result:
    return act()


def test_what_a_message_named_is_leased_before_a_look_and_the_next_time_after_one() -> None:
    leases, named = NothingFound(), [UUID(int=MANY + number) for number in range(1, 3)]
    intake = Intake(LaneTable(LIMITS), leases, retry=at_once)
    intake.note(named[:1])
    intake.take(1.0)
    assert (leases.looks, leases.asked) == (0, named[:1])
    intake.note(named[1:])
    intake.take(1.0)
    assert leases.looks == 1


def test_a_hint_that_comes_while_found_lanes_are_leased_is_next() -> None:
    agenda = Agenda()
    for place in range(100):
        agenda.find(ALICE, UUID(int=place))
    turns = [agenda.next(4, now=0.0, may_take=lambda _customer: True)]
    agenda.hint([UUID(int=MANY)])
    turns += [agenda.next(4, now=0.0, may_take=lambda _customer: True)]
    assert turns == [[UUID(int=place) for place in range(4)], [UUID(int=MANY)]]


def test_found_lanes_have_every_second_turn_however_many_are_named() -> None:
    agenda = Agenda()
    for place in range(100):
        agenda.find(ALICE, UUID(int=place))
        agenda.hint([UUID(int=MANY + place)])
    turns = [agenda.next(4, now=0.0, may_take=lambda _customer: True) for _ in range(6)]
    assert [turn[0].int >= MANY for turn in turns] == [True, False] * 3


class ManyDue(NothingFound):
    """One engine's leases beside others', of many lanes of one customer with one delivery each: `due` are left."""

    def __init__(self, due: set[UUID], *, parts: int = 1, part: int = 0) -> None:
        super().__init__()
        self.due, self.parts, self._part, self.found = due, parts, part, 0

    def find(self, *, after: UUID, probes: int, limit: int, slow: bool | None, own_part: bool = False) -> list[Found]:
        """Find the next ones."""
        self.looks += 1
        mine = self.due if not own_part else {each for each in self.due if each.int % self.parts == self._part}
        found = sorted(each for each in mine if each > after)[:limit]
        self.found += len(found)
        return [Found(endpoint_id=each, customer_id=ALICE, slow=False) for each in found]

    def take(self, endpoint_ids: Sequence[UUID], *, room: int, now: float) -> tuple[list[Lane], list[UUID]]:
        """Lease those that are still due; they are sent and given back at once."""
        self.asked += endpoint_ids
        taken = [each for each in endpoint_ids if each in self.due]
        self.due.difference_update(taken)
        return [a_lane(endpoint_id=each, customer_id=ALICE) for each in taken], []


class ForgetfulTable(LaneTable):
    """Lanes that are given back as soon as they are leased."""

    def add(self, lane: Lane) -> None:
        """Have it no longer."""


def engines_on(lanes: Iterable[UUID], *, number: int) -> list[tuple[Intake, ManyDue]]:
    """So many engines, which know of nothing yet."""
    due = set(lanes)
    leases = [ManyDue(due, parts=number, part=part) for part in range(number)]
    return [(Intake(ForgetfulTable(LIMITS), each, retry=at_once), each) for each in leases]


def step_until_taken(intakes: Sequence[Intake], due: set[UUID]) -> int:
    """Let each take what it is to lease next, a hundred times a second; returns how often each did."""
    for takes in range(1000):
        if not due:
            return takes
        for intake in intakes:
            intake.take(1.0 + takes / 100)
    raise AssertionError(f"{len(due)} lanes were left")


def test_what_was_found_is_leased_before_the_next_look() -> None:
    """Given 3,000 lanes, then an engine looks as often as it has to, and finds few of them twice."""
    ((intake, leases),) = engines_on(THREE_THOUSAND, number=1)
    takes = step_until_taken([intake], leases.due)
    assert leases.looks <= 3000 // LIMITS.look + 4
    assert takes <= 3000 // LIMITS.lanes_a_take + leases.looks
    assert leases.found <= 3000 * 3 // 2


def test_two_engines_that_look_at_the_same_time_lease_different_lanes() -> None:
    """Given 3,000 lanes, then each looks at its part of them, and at the end nothing is left and little asked twice."""
    engines = engines_on(THREE_THOUSAND, number=2)
    step_until_taken([intake for intake, _ in engines], engines[0][1].due)
    assert sum(len(leases.asked) for _, leases in engines) <= 3000 + 4 * LIMITS.lanes_a_take
    assert sum(leases.found for _, leases in engines) <= 3000 * 3 // 2


def test_an_engine_with_little_left_in_its_part_looks_at_the_others_too() -> None:
    """Given lanes that are all in the part of an engine that takes none, then another one takes them."""
    intake, leases = engines_on(EVEN, number=2)[1]
    step_until_taken([intake], leases.due)
    assert sorted(leases.asked) == EVEN


class OwnPartNeverEmpty(ManyDue):
    """Leases of an engine in whose part as much is due again as it took."""

    def take(self, endpoint_ids: Sequence[UUID], *, room: int, now: float) -> tuple[list[Lane], list[UUID]]:
        """Lease, and have what is in its own part become due again."""
        taken = super().take(endpoint_ids, room=room, now=now)
        self.due.update(each for each in endpoint_ids if each.int % self.parts == self._part)
        return taken


def test_a_part_of_which_nobody_takes_anything_is_looked_at_though_ones_own_is_never_empty() -> None:
    """Given a dispatcher alone, or an engine that is full, and a flood in the other part, then its lanes come too."""
    others = [each for each in THREE_THOUSAND if each not in set(EVEN)][:10]
    leases = OwnPartNeverEmpty({*EVEN, *others}, parts=2)
    intake = Intake(ForgetfulTable(LIMITS), leases, retry=at_once)
    for takes in range(300):
        intake.take(1.0 + takes / 10)
    assert leases.due == set(EVEN)
    assert set(others) <= set(leases.asked)


@pytest.mark.parametrize("good", ["waiting", "in_flight"])
def test_an_engine_waits_and_looks_now_and_then_while_a_customer_may_have_no_more_of_what_was_found(good: str) -> None:
    ((intake, leases),) = engines_on(THREE_THOUSAND, number=1)
    intake.take(1.0)
    shares = getattr(intake._table, good)
    shares.take(ALICE, shares.total // 2 + 1)
    intake.take(1.0)
    assert leases.looks == 1
    assert intake.next_at(1.0) == 1.0 + LIMITS.look_on
    intake.take(1.0 + LIMITS.look_on)
    assert leases.looks == 2


def test_a_found_lane_that_another_worker_leased_first_is_left_to_it() -> None:
    agenda, lane = Agenda(), UUID(int=MANY)
    agenda.find(ALICE, lane)
    assert agenda.next(10, now=0.0, may_take=lambda _customer: True) == [lane]
    agenda.busy([lane], 0.0)
    assert agenda.next_at == NEVER


@pytest.mark.django_db(transaction=True)
def test_what_is_named_while_found_lanes_are_leased_is_leased_in_the_same_step(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, named, engine = an_endpoint(receiver.url), an_endpoint(receiver.url), Engine(wake=list)
    take, asked = engine._leases.take, list[list[UUID]]()

    def take_while_a_message_comes(endpoint_ids: Sequence[UUID], *, room: int, now: float) -> object:
        if not asked:
            emit(named)
            engine.notify([named.id])
        asked.append([*endpoint_ids])
        return take(endpoint_ids, room=room, now=now)

    monkeypatch.setattr(engine._leases, "take", take_while_a_message_comes)
    emit(found)
    engine.notify([])
    engine.step()
    engine.abandon()
    assert asked == [[found.id], [named.id]]


@pytest.mark.django_db(transaction=True)
def test_engines_that_beat_look_at_different_parts_which_are_all_together(receiver: Receiver) -> None:
    """Given a worker that was lost, one for slow lanes and a dispatcher beside an engine, then those count for none."""
    first = an_endpoint(receiver.url)
    ids = {first.id, *(create_endpoint(first.customer, {"url": receiver.url}, actor="system")[0].id for _ in range(7))}
    emit(first)
    one, beside, other, now = Leases(), Leases(), Leases(), timezone.now()
    beside.beat()
    Worker.objects.create(id=new_id(), host="a", pid=1, since=now, beat_at=now - timedelta(minutes=1))
    Worker.objects.create(id=new_id(), host="b", pid=1, since=now, beat_at=now, slow=True)
    one.beat()
    assert one.parts == 1
    Worker.objects.create(id=other.worker_id, host="", pid=1, since=now, beat_at=now)
    one.beat()
    other.parts = one.parts
    assert (one.parts, one._part, other._part) == (2, 1, 0)
    found = [
        {each.endpoint_id for each in leases.find(after=ZERO, probes=100, limit=100, slow=None, own_part=True)}
        for leases in (one, other)
    ]
    assert found[0] | found[1] == ids
    assert not found[0] & found[1]


@pytest.mark.django_db(transaction=True)
def test_looking_says_where_it_stopped_also_at_a_lane_with_something_due(receiver: Receiver) -> None:
    first = an_endpoint(receiver.url)
    for _ in range(2):
        create_endpoint(first.customer, {"url": receiver.url}, actor="system")
    emit(first)
    ids = sorted(Endpoint.objects.values_list("id", flat=True))
    found = Leases().find(after=ZERO, probes=2, limit=100, slow=None)
    assert [(each.endpoint_id, each.due, each.cut) for each in found] == [(ids[0], True, False), (ids[1], True, True)]
    assert not Leases().find(after=ids[1], probes=2, limit=100, slow=None)[0].cut
