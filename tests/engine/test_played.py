"""Engines that are played beside each other: nothing forgotten, nothing twice, nobody kept waiting by another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from deliveries.engine.limits import LIMITS, Limits
from deliveries.protocol.answers.answer import Answer
from tests.engine.playing import Play
from tests.engine.simulated import Lane

ALICE, BOB, CHARLIE, DAVE = range(1, 5)
A_MOMENT = 0.25  # for some ten steps, and others' statements
SMALL = Limits(in_flight=600, crowd=200, found=256, look=64, probes=250, lanes_a_take=16)  # a tenth or so of all


def at_once(now: float, before: int) -> tuple[float, Answer]:
    return 0.01, Answer(status=200)


def late(now: float, before: int) -> tuple[float, Answer]:
    return 2.5, Answer(status=200)


def very_late(now: float, before: int) -> tuple[float, Answer]:
    return 26.0, Answer(status=200)


def at_first_ill(now: float, before: int) -> tuple[float, Answer]:
    return 0.05, Answer(status=500 if before < 3 else 200)


def at_first_away(now: float, before: int) -> tuple[float, Answer]:
    return (0.0, Answer(error="connect_refused")) if before < 3 else (0.02, Answer(status=200))


def never_answers_at_first(now: float, before: int) -> tuple[float, Answer]:
    return (1000.0, Answer(status=200)) if before < 2 else (0.02, Answer(status=200))


def longest_wait(play: Play, lane: Lane, *, events: int, every: float) -> float:
    """Have events come, one after the other, and return how long the slowest waited until it was sent."""
    for _ in range(events):
        play.accept([lane])
        play.run_for(every)
    return play.longest_wait([lane])


@pytest.mark.parametrize("others", [(BOB,), (BOB, CHARLIE)], ids=["one_other", "two_others"])
@pytest.mark.parametrize(
    "endpoint",
    [{"answers": at_once, "rate_limit": 1.0}, {"answers": late, "ordered": True, "max_in_flight": 1}],
    ids=["limited_rate", "one_at_a_time"],
)
def test_what_waits_for_others_endpoints_in_memory_leaves_room_for_who_has_little(
    others: Sequence[int], endpoint: dict[str, object]
) -> None:
    """Given backlogs of endpoints that take little at a time, then an event of somebody else is sent in a moment."""
    play = Play()
    with play.running(1):
        for customer in others:
            play.accept([play.add_lane(customer, **endpoint) for _ in range(150)], each=30)
        play.run_for(1.0)
        waited = longest_wait(play, play.add_lane(ALICE, answers=at_once), events=8, every=0.5)
    assert waited <= A_MOMENT


def test_each_of_many_endpoints_with_a_rate_is_sent_to_at_its_rate() -> None:
    """Given a backlog for each of 150, then all are in hand at the same time."""
    play = Play()
    with play.running(1):
        play.accept([play.add_lane(BOB, answers=at_once, rate_limit=1.0) for _ in range(150)], each=30)
        play.run_for(10.0)
    assert len(play.seen.sent) >= 150 * 9


def test_what_nobody_named_is_found_though_two_customers_may_have_no_more() -> None:
    """Given two customers whose endpoints all hang, then a third one's is found long before they answer."""
    play = Play(limits=SMALL)
    with play.running(1):
        for customer in (BOB, CHARLIE):
            play.accept([play.add_lane(customer, answers=very_late) for _ in range(500)])
        play.run_for(2.0)
        lane = play.add_lane(ALICE, answers=at_once)
        play.accept([lane], told=False)
        play.run_for(12.0)
    assert play.longest_wait([lane]) <= 12.0


@pytest.mark.parametrize("is_of_today", [True, False])
def test_large_events_are_in_flight_as_far_as_the_budget_of_bytes_allows(is_of_today: bool) -> None:
    """Given events that came with no claim, and of which not even the size did, then they are as large as they are."""
    play, large = Play(), b"{}" * 400_000
    with play.running(1):
        lanes = [play.add_lane(BOB, answers=late) for _ in range(100)]
        play.accept(lanes, size=len(large))
        for due in [due for lane in lanes for due in lane.queue.values()]:
            due.is_of_today, play.database.bodies[due.delivery_id] = is_of_today, large
        while not play.seen.sent:
            play.step()
        play.run_for(2.0)
        in_flight = play.played[0].transfers.in_flight
        assert 30 < in_flight <= LIMITS.bytes_in_flight // 2 // len(large) + 1
        play.run(seconds=60.0)
        assert all(play.holds_nothing(each) for each in play.played)
    assert len(play.database.attempts) == len(lanes) == len(play.seen.sent)


KINDS: Sequence[dict[str, object]] = (
    {"answers": at_once},
    {"answers": late},
    {"answers": at_first_ill},
    {"answers": at_first_away},
    {"answers": never_answers_at_first, "timeout_seconds": 5},
    {"answers": at_once, "rate_limit": 5.0},
    {"answers": at_first_ill, "ordered": True, "max_in_flight": 1},
    {"answers": late, "max_in_flight": 2},
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Endpoints of one customer that are alike, and how much is due for each."""

    customer: int
    kind: int
    endpoints: int
    events: int
    size: int


GROUPS = st.lists(
    st.builds(
        Group,
        customer=st.integers(ALICE, DAVE),
        kind=st.integers(0, len(KINDS) - 1),
        endpoints=st.integers(1, 12),
        events=st.integers(1, 12),
        size=st.sampled_from([33, 33, 20_000, 900_000]),
    ),
    min_size=1,
    max_size=4,
)
# A play takes a second or two: none is played again and again to find a smaller one.
FEW = settings(max_examples=8, phases=[Phase.explicit, Phase.generate])


def populate(play: Play, groups: Iterable[Group]) -> None:
    """Add what the groups say."""
    for group in groups:
        lanes = [play.add_lane(group.customer, **KINDS[group.kind]) for _ in range(group.endpoints)]
        play.accept(lanes, each=group.events, size=group.size)


@FEW
@given(groups=GROUPS, engines=st.integers(1, 3), lost=st.sampled_from([0.0, 0.5, 0.9]), seed=st.integers(0, 1000))
def test_everything_is_sent_once_and_nothing_is_left_in_memory(
    groups: Sequence[Group], engines: int, lost: float, seed: int
) -> None:
    """Given any customers, engines and lost messages, then each request is recorded, none is made twice at a time."""
    play = Play(seed=seed, lost_messages=lost)
    with play.running(engines):
        populate(play, groups)
        play.run(seconds=600.0)
        assert not play.database.is_busy()
        assert all(play.holds_nothing(each) for each in play.played)
    assert play.seen.doubled == 0
    assert len(play.database.attempts) == sum(play.seen.sent.values())


@FEW
@given(
    groups=GROUPS,
    at=st.floats(0.0, 3.0),
    seconds=st.sampled_from([2.0, 6.0, 1e9]),
    engines=st.integers(2, 3),
    seed=st.integers(0, 1000),
)
def test_what_a_frozen_or_lost_engine_had_is_sent_by_others(
    groups: Sequence[Group], at: float, seconds: float, engines: int, seed: int
) -> None:
    """Given an engine that stands still, then all arrives, and at most what it had in flight is sent once more."""
    play = Play(seed=seed)
    with play.running(engines):
        populate(play, groups)
        play.run_for(at)
        frozen = play.played[0]
        had = frozen.transfers.in_flight + play.unrecorded(frozen)
        frozen.away_until = play.now + seconds
        play.run(seconds=600.0)
        assert not play.database.is_busy()
        assert all(play.holds_nothing(each) for each in play.played if each.away_until <= play.now)
    assert play.seen.doubled <= had


@FEW
@given(groups=GROUPS, seed=st.integers(0, 1000))
def test_no_customer_ever_has_more_than_its_share(groups: Sequence[Group], seed: int) -> None:
    play = Play(seed=seed)
    with play.running(1):
        populate(play, groups)
        for _ in range(1500):
            play.step()
            for each in play.played:
                table = each.engine._table
                assert table.waiting.taken <= LIMITS.waiting + len(table.lanes)
                assert table.in_flight.taken <= LIMITS.in_flight
