"""What customers share: one alone has half, whoever comes new finds something free."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deliveries.engine.agenda import Agenda
from deliveries.engine.limits import LIMITS, Limits
from deliveries.engine.shares import Shares

ALICE, BOB, CHARLIE = (UUID(int=number) for number in (1, 2, 3))


def take_all(shares: Shares, customer_id: UUID) -> int:
    """Take as much as a customer may have."""
    while shares.may_take(customer_id):
        shares.take(customer_id)
    return shares.of(customer_id)


def test_one_customer_alone_has_half_and_the_next_ones_find_something() -> None:
    shares = Shares(1200)
    assert take_all(shares, ALICE) == 600
    assert take_all(shares, BOB) == 300
    assert take_all(shares, CHARLIE) == 150


def test_who_has_much_gets_no_more_while_others_come() -> None:
    shares = Shares(1200)
    take_all(shares, ALICE)
    take_all(shares, BOB)
    shares.give_back(ALICE, 100)
    assert not shares.may_take(ALICE)
    assert shares.may_take(BOB)


def test_the_first_of_a_customer_may_be_larger_than_what_is_free() -> None:
    shares = Shares(100)
    shares.take(ALICE, 60)
    assert shares.may_take(BOB, 1000)
    assert not shares.may_take(ALICE, 50)


def test_where_nothing_is_free_nobody_gets_a_first_one_either() -> None:
    shares = Shares(10)
    shares.take(ALICE, 10)
    assert not shares.may_take(BOB)


def test_what_was_given_back_or_forgotten_is_had_by_nobody() -> None:
    shares = Shares(101)
    assert take_all(shares, ALICE) == 51
    shares.give_back(ALICE, 11)
    assert (shares.of(ALICE), shares.taken) == (40, 40)
    shares.give_back(ALICE, 40)
    assert (shares.of(ALICE), shares.taken, shares.may_take(ALICE, 1000)) == (0, 0, True)
    shares.take(BOB, 7)
    shares.clear()
    assert (shares.of(BOB), shares.taken) == (0, 0)


@example(taken=[0, 235, 0, 1], takers=[0, 1, 1, 1, 1, 1])
@given(
    taken=st.lists(st.integers(0, 300), min_size=4, max_size=4),
    takers=st.lists(st.integers(0, 3), min_size=1, max_size=64),
)
def test_what_many_take_at_once_leaves_as_much_free_as_each_then_has(taken: list[int], takers: list[int]) -> None:
    shares = Shares(3000)
    for number, amount in enumerate(taken):
        if amount:
            shares.take(UUID(int=number), amount)
    for number, room in zip(takers, shares.rooms(takers), strict=True):
        shares.take(UUID(int=number), room)
    free = shares.total - shares.taken
    assert all(shares.of(UUID(int=number)) <= max(free, taken[number] + takers.count(number)) for number in takers)
    assert free > 0


def test_much_is_taken_at_once_only_for_who_has_little() -> None:
    shares = Shares(1000)
    shares.take(ALICE, 200)
    assert (shares.has_little(ALICE), shares.has_little(BOB)) == (True, True)
    shares.take(ALICE, 1)
    assert (shares.has_little(ALICE), shares.has_little(BOB)) == (False, True)
    shares.take(CHARLIE, 799)
    assert not shares.has_little(BOB), "nothing is free"


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 30)), max_size=200))
def test_with_unit_amounts_the_total_is_never_passed(steps: list[tuple[int, int]]) -> None:
    shares = Shares(100)
    for customer, wanted in steps:
        for _ in range(wanted):
            if shares.may_take(UUID(int=customer)):
                shares.take(UUID(int=customer))
    assert shares.taken == sum(shares.of(UUID(int=number)) for number in range(41)) <= 100


def anybody(customer_id: UUID) -> bool:
    return True


def test_lanes_that_were_found_are_served_one_customer_after_the_other() -> None:
    agenda = Agenda()
    many = [uuid4() for _ in range(10)]
    few = uuid4()
    for lane in many:
        agenda.find(ALICE, lane)
    agenda.find(BOB, few)
    assert few in agenda.next(2, now=0.0, may_take=anybody)


def test_one_customer_cannot_fill_what_was_found() -> None:
    agenda = Agenda()
    found = sum(agenda.find(ALICE, uuid4()) for _ in range(10 * LIMITS.found))
    assert found <= LIMITS.found // 2
    assert agenda.find(BOB, uuid4())


def test_a_hint_waits_for_one_lane_of_each_other_customer_however_many_those_have() -> None:
    """Given as many hints of one customer as are remembered, then another's lane is the second that is handed out."""
    agenda, few = Agenda(Limits(hints=64)), uuid4()
    many = [uuid4() for _ in range(100)]
    for lane in many:
        agenda.know(lane, ALICE)
    agenda.know(few, BOB)
    agenda.hint(many)
    agenda.hint([few])
    assert agenda.look, "who has most makes room, and its lane is looked for"
    assert agenda.next(2, now=0.0, may_take=anybody)[1] == few
    assert len(agenda.next(100, now=0.0, may_take=anybody)) == 62


def test_hints_are_bounded_and_what_does_not_fit_is_looked_for() -> None:
    agenda = Agenda(Limits(hints=8))
    agenda.look = False
    agenda.hint([uuid4() for _ in range(20)])
    assert agenda.look
    assert len(agenda.next(100, now=0.0, may_take=anybody)) == 8


def test_a_lane_in_other_hands_is_tried_again_a_few_times() -> None:
    agenda, lane, now, tries = Agenda(), uuid4(), 0.0, 0
    agenda.hint([lane])
    while now < 10.0:
        if agenda.next(10, now=now, may_take=anybody) == [lane]:
            tries += 1
            agenda.busy([lane], now)
        now += 0.005
    assert tries == 1 + LIMITS.tries


def test_a_hint_for_a_customer_that_may_have_no_more_gives_way_to_looking() -> None:
    agenda, lane = Agenda(), uuid4()
    agenda.look = False
    agenda.know(lane, ALICE)
    agenda.hint([lane])
    assert agenda.next(10, now=0.0, may_take=lambda customer_id: False) == []
    assert agenda.look


def test_a_lane_to_come_is_there_at_its_moment() -> None:
    agenda, lane = Agenda(), uuid4()
    agenda.later(lane, 5.0)
    assert agenda.next(10, now=4.9, may_take=anybody) == []
    assert agenda.next_at == 5.0
    assert agenda.next(10, now=5.0, may_take=anybody) == [lane]


def test_the_limits_fit_together_and_others_that_do_not_are_refused() -> None:
    LIMITS.check()
    with pytest.raises(AssertionError, match="one late beat is no silence"):
        Limits(beat=5.0).check()


def test_many_retries_of_one_lane_take_one_place_among_the_lanes_to_come() -> None:
    agenda, lane, other = Agenda(Limits(hints=4)), uuid4(), uuid4()
    for number in range(100):
        agenda.later(lane, 5.0 + number)
    agenda.later(other, 6.0)
    assert set(agenda.next(10, now=10.0, may_take=anybody)) == {lane, other}
