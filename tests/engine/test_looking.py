"""Looking for lanes that nobody named, which goes after what messages name, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import pytest

from deliveries.engine.agenda import ZERO, Agenda
from deliveries.engine.intake import Intake
from deliveries.engine.lane import Lane
from deliveries.engine.lane_table import LaneTable
from deliveries.engine.leases import Found, Leases
from deliveries.engine.limits import LIMITS
from deliveries.models import Endpoint
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import an_endpoint, emit
from tests.receiver import Receiver

ALICE = UUID(int=1)
MANY = 20_000

Result = TypeVar("Result")


class NothingFound(Leases):
    """Leases that find nothing and lease nothing; counts how often they look, and remembers what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.looks, self.asked = 0, list[UUID]()

    def find(self, *, after: UUID, probes: int, limit: int, slow: bool | None) -> list[Found]:
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
