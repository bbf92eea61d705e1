"""A lane by itself: its moves, its width, its pace. No database, no clock but the numbers given here."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from deliveries.engine.lane import NEVER, Lane
from deliveries.engine.leased_endpoint import LeasedEndpoint
from deliveries.engine.limits import LIMITS
from deliveries.engine.phases import MOVES, Move, Phase, Rest
from deliveries.engine.work import BY_HAND, Claimed, Sent
from deliveries.metrics.names import LEASES_LOST
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.when.breaker import Breaker

DICE = random.Random(7)
NOW = datetime(2026, 1, 31, tzinfo=UTC)
SUCCESS = Outcome(state="succeeded", healthy=True)
DOWN = Outcome(state="pending", error="connect_refused", retry_in_seconds=60.0, down=True)
BUSY = Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0, pause=True)
FAILED = Outcome(state="pending", error="http_5xx", retry_in_seconds=60.0)
SLOWER = Outcome(state="pending", error="rate_limited", retry_in_seconds=60.0, pause=True, told_to_slow_down=True)


def a_lane(*, max_in_flight: int = 10, rate_limit: int | None = None, ordered: bool = False, **given: Any) -> Lane:
    endpoint = LeasedEndpoint(
        url="https://alice.example/",
        signing="standard",
        shaping=None,
        keys=(),
        hints="",
        headers={},
        hidden=(),
        schedule=(0, 60),
        timeout_seconds=15,
        max_in_flight=1 if ordered else max_in_flight,
        rate_limit=rate_limit,
        ordered=ordered,
        enabled=True,
    )
    fixed = {
        "endpoint_id": uuid4(),
        "customer_id": uuid4(),
        "fence": 1,
        "worker_id": uuid4(),
        "now": 0.0,
        "lease_seconds": 20.0,
    }
    return Lane(**fixed | given, endpoint=endpoint)  # type: ignore[arg-type]


def due(*, rank: int = 1, manual: bool = False) -> Claimed:
    return Claimed(
        delivery_id=uuid4(),
        manual=manual,
        event_id=uuid4(),
        rank=rank,
        attempts=0,
        actor="",
        reason="",
        type="invoice.paid",
        body_bytes=2,
        body=b"{}",
    )


def fill(lane: Lane, count: int, *, rank: int = 1) -> None:
    lane.add([due(rank=rank) for _ in range(count)], emptied=False, now=0.0)


def sent(lane: Lane, now: float) -> Claimed:
    claimed = lane.take_next(now)
    lane.note_sent(Sent(claimed=claimed, started_at=datetime.now(UTC), request_headers="a: b"))
    return claimed


def in_phase(phase: Phase) -> Lane:
    lane = a_lane()
    path = {
        Phase.EMPTY: [Move.EMPTY],
        Phase.CLOSING: [Move.CLOSE],
        Phase.LOST: [Move.LOSE],
        Phase.RELEASED: [Move.RELEASE],
    }
    for move in path.get(phase, []):
        lane.move(move)
    return lane


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("move", Move)
def test_a_lane_makes_the_moves_of_its_chart_and_no_others(phase: Phase, move: Move) -> None:
    lane = in_phase(phase)
    if (phase, move) in MOVES:
        lane.move(move)
        assert lane.phase is MOVES[phase, move]
    else:
        with pytest.raises(KeyError):
            lane.move(move)
        assert lane.phase is phase


def test_nothing_leads_out_of_released_and_from_lost_only_release_does() -> None:
    assert not [move for phase, move in MOVES if phase is Phase.RELEASED]
    assert {MOVES[Phase.LOST, move] for move in Move if (Phase.LOST, move) in MOVES} == {Phase.LOST, Phase.RELEASED}


def test_a_lane_that_is_closed_or_lost_has_nothing_waiting() -> None:
    for leave in (lambda lane: lane.close(0.0), lambda lane: lane.lose()):
        lane = a_lane()
        fill(lane, 3)
        leave(lane)
        assert not lane.waiting
        assert lane.ready_in(0.0) == NEVER


def test_a_lane_that_is_lost_counts_once_however_often_that_is_told() -> None:
    lane, ((_, before),) = a_lane(), LEASES_LOST.samples()
    lane.lose()
    lane.lose()
    assert list(LEASES_LOST.samples()) == [("", before + 1)]


@pytest.mark.parametrize(
    ("given", "crowded", "width"),
    [
        ({}, False, 10),
        ({}, True, 1),
        ({"breaker": Breaker(5, 1)}, False, 1),
        ({"crashes": 1}, False, 1),
        ({"window": 3}, False, 3),
        ({"window": 3, "breaker": Breaker(5, 1)}, False, 1),
    ],
)
def test_the_width_of_a_lane(given: dict[str, Any], crowded: bool, width: int) -> None:
    assert a_lane(**given).width(crowded=crowded) == width


def test_a_lane_that_has_answered_uses_all_its_room_in_a_crowd() -> None:
    lane = a_lane()
    fill(lane, 2)
    lane.note_ended(sent(lane, 0.0), 0.1)
    assert lane.width(crowded=True) == 10


def test_requests_that_found_nobody_open_the_breaker_once_however_many_were_in_flight() -> None:
    lane = a_lane(breaker=Breaker(4, 0))
    for _ in range(10):
        lane.note_outcome(due(), DOWN, now=0.0, rng=DICE)
    assert lane.standing.breaker.opened == 1
    assert 3 < lane.rest_seconds(0.0) < 7
    assert (lane.phase, lane.rest_reason) == (Phase.CLOSING, Rest.DOWN)


def test_failures_that_are_answered_never_open_the_breaker() -> None:
    lane = a_lane()
    for number in range(500):
        lane.note_outcome(due(), FAILED, now=60.0 * number, rng=DICE)
        assert lane.width() == 10 or lane.phase is Phase.CLOSING
    assert lane.standing.breaker == Breaker(500, 0)


def test_an_endpoint_that_is_busy_gets_a_short_pause_in_hand_once_for_all_in_flight() -> None:
    lane = a_lane()
    fill(lane, 5)
    for _ in range(5):
        lane.note_outcome(due(), BUSY, now=1.0, rng=DICE)
    assert lane.phase is Phase.OPEN
    assert 0.1 < lane.ready_in(1.0) < 0.4
    assert lane.ready_in(1.5) == 0.0
    assert lane.standing.breaker.failures == 1


def test_a_hundred_rounds_of_failures_pause_the_same_whether_one_or_ten_are_in_flight() -> None:
    alone, together = a_lane(max_in_flight=1), a_lane(max_in_flight=10)
    for number in range(100):
        alone.note_outcome(due(), BUSY, now=60.0 * number, rng=DICE)
        for _ in range(10):
            together.note_outcome(due(), BUSY, now=60.0 * number, rng=DICE)
    assert alone.standing.breaker == together.standing.breaker == Breaker(100, 0)


def test_pauses_grow_while_nothing_but_failures_comes_and_end_with_the_first_success() -> None:
    lane = a_lane(breaker=Breaker(100, 0))
    lane.note_outcome(due(), BUSY, now=0.0, rng=DICE)
    assert (lane.phase, lane.rest_reason) == (Phase.CLOSING, Rest.FAILING)
    assert 5 < lane.rest_seconds(0.0) < 11
    other = a_lane(breaker=Breaker(100, 0))
    other.note_outcome(due(), SUCCESS, now=0.0, rng=DICE)
    assert other.standing.breaker == Breaker()


def test_an_answer_after_a_probe_closes_the_breaker_also_if_it_is_a_500() -> None:
    lane = a_lane(breaker=Breaker(7, 3))
    lane.note_outcome(due(), FAILED, now=0.0, rng=DICE)
    assert lane.standing.breaker.opened == 0


def test_after_a_429_a_lane_starts_with_one_and_grows_with_each_good_answer() -> None:
    lane = a_lane(max_in_flight=4)
    lane.note_outcome(due(), SLOWER, now=0.0, rng=DICE)
    widths = []
    for _ in range(4):
        widths.append(lane.width())
        lane.note_outcome(due(), SUCCESS, now=1.0, rng=DICE)
    assert widths == [1, 2, 3, 4]
    assert lane.standing.window == 0


def test_a_retry_after_rests_the_lane_and_a_long_one_gives_it_back() -> None:
    lane = a_lane()
    fill(lane, 3)
    asked = Outcome(state="pending", error="rate_limited", retry_in_seconds=30.0, rest_seconds=30.0)
    lane.note_outcome(due(), asked, now=0.0, rng=DICE)
    assert (lane.phase, lane.rest_reason, lane.rest_seconds(0.0)) == (Phase.CLOSING, Rest.ASKED, 30.0)


def test_requests_of_a_lane_with_a_rate_limit_are_spaced() -> None:
    lane = a_lane(rate_limit=5)
    fill(lane, 20)
    now, moments = 0.0, []
    while now < 2.0:
        wait = lane.ready_in(now)
        if wait == 0.0:
            claimed = sent(lane, now)
            lane.note_ended(claimed, now)
            moments.append(now)
        now += max(wait, 0.001)
    assert len(moments) <= 11
    assert min(b - a for a, b in itertools.pairwise(moments)) > 0.19


def test_what_somebody_waits_for_heeds_neither_rest_nor_rate() -> None:
    lane = a_lane(rate_limit=1, tokens=0.0, rest_seconds=60.0)
    fill(lane, 1, rank=BY_HAND)
    assert lane.ready_in(0.0) == 0.0


@pytest.mark.parametrize(("seconds", "limits"), [(0.1, [80, 320, 1000]), (0.4, [80, 80, 80])])
def test_a_lane_claims_no_more_than_before_when_it_needed_long_for_that(seconds: float, limits: list[int]) -> None:
    """Given claims so many seconds apart, then only who needs less than a quarter of one has larger ones."""
    lane, claimed = a_lane(), []
    for number in range(3):
        lane.add([], emptied=False, now=number * seconds)
        claimed.append(lane.claim_limit(1000))
    assert claimed == limits


def test_every_rank_has_its_turns_however_small_the_room() -> None:
    for fence in range(8):
        lane = a_lane()
        lane.fence = fence
        ranks = []
        for _ in range(8):
            ranks.append(lane.favour())
            lane.claims += 1
        assert (ranks.count(1), ranks.count(2), ranks.count(3)) == (5, 2, 1)


def test_a_probe_is_the_oldest_retry_in_turn_with_others() -> None:
    leases = [a_lane(breaker=Breaker(5, 1)) for _ in range(8)]
    for number, lane in enumerate(leases):
        lane.fence = number
    assert {lane.favour() for lane in leases} == {1, 2, 3}


def test_a_lane_that_only_waits_is_asleep_until_there_is_an_answer() -> None:
    lane = a_lane(max_in_flight=1)
    fill(lane, 2)
    sent(lane, 0.0)
    assert not lane.only_waits(0.0)
    assert lane.only_waits(LIMITS.still + 0.01)


def test_an_empty_lane_with_room_looks_again_because_its_message_may_have_gone_elsewhere() -> None:
    lane = a_lane()
    lane.add([due()], emptied=True, now=0.0)
    sent(lane, 0.0)
    assert not lane.wants_look(LIMITS.look_again / 2)
    assert lane.wants_look(LIMITS.look_again)


def test_a_lane_with_nothing_in_flight_neither_waits_for_an_answer_nor_looks_again() -> None:
    lane = a_lane()
    assert not lane.only_waits(1e9)
    lane.add([], emptied=True, now=0.0)
    assert not lane.wants_look(1e9)


def test_a_lane_whose_rows_are_locked_claims_nothing_and_is_not_given_back_until_then() -> None:
    lane = a_lane()
    assert lane.is_done(lane.until)
    lane.note_locked(0.0)
    assert not lane.may_claim(lane.locked_until - 0.01)
    assert lane.may_claim(lane.locked_until)
    lane.note_locked(lane.until)
    assert not lane.is_done(lane.until)
    assert lane.is_done(lane.locked_until)


def test_a_lane_is_kept_while_a_request_of_it_is_in_flight_and_claims_meanwhile() -> None:
    lane = a_lane()
    fill(lane, 1)
    sent(lane, 0.0)
    assert not lane.only_waits(LIMITS.still + 0.01), "it has room to claim"
    assert not lane.is_done(lane.until)


def test_what_waits_of_a_lane_whose_rows_are_locked_is_claimed_again_later() -> None:
    lane = a_lane()
    fill(lane, 3)
    lane.note_locked(0.0)
    assert not lane.waiting


def test_a_lane_that_was_resting_when_it_was_leased_rests_on() -> None:
    assert a_lane(now=100.0, rest_seconds=5.0).rest_seconds(101.0) == 4.0


def test_an_ordered_lane_goes_on_after_an_arrival() -> None:
    lane = a_lane(ordered=True)
    lane.note_outcome(due(), SUCCESS, now=0.0, rng=DICE)
    assert lane.phase is Phase.OPEN


def test_a_lane_with_work_goes_on_freshly_configured_a_while_after_its_slice() -> None:
    lane = a_lane()
    fill(lane, 1)
    over = lane.until + LIMITS.slice_seconds / 4
    assert not lane.wants_refresh(over - 0.01)
    assert lane.wants_refresh(over)


@pytest.mark.parametrize("crowded", [False, True])
def test_a_lane_without_room_is_configured_anew_once_it_has_some(*, crowded: bool) -> None:
    lane = a_lane()
    fill(lane, lane.width(crowded=crowded))
    in_flight = [sent(lane, 0.0) for _ in range(lane.width(crowded=crowded))]
    over = lane.until + LIMITS.slice_seconds
    assert not lane.wants_refresh(over, crowded=crowded)
    assert lane.wants_refresh(over) is crowded, "the crowd is gone"
    fill(lane, 1)
    lane.note_ended(in_flight[0], over)
    assert lane.wants_refresh(over, crowded=crowded)


def test_a_lane_without_room_is_configured_anew_while_something_of_it_is_still_to_be_sent() -> None:
    """Given what waits for its transformation or a token: it goes out as the endpoint is configured then."""
    lane = a_lane(max_in_flight=2)
    fill(lane, 2)
    sent(lane, 0.0)
    made = lane.take_next(0.0)
    lane.note_sent(Sent(claimed=made, started_at=datetime.now(UTC)))
    over = lane.until + LIMITS.slice_seconds
    assert lane.wants_refresh(over)
    lane.note_unsent(made)
    lane.note_sent(Sent(claimed=made, started_at=datetime.now(UTC), request_headers="a: b"))
    assert not lane.wants_refresh(over)
    lane.note_ended(made, over)
    assert lane.preparing == 0


@pytest.mark.parametrize(
    ("manual", "outcome", "left"), [(True, SUCCESS, 0.0), (True, FAILED, 60.0), (False, SUCCESS, 60.0)]
)
def test_a_rest_ends_with_a_redelivery_that_arrives_and_with_nothing_else(
    manual: bool, outcome: Outcome, left: float
) -> None:
    lane = a_lane()
    lane.rest_until = 60.0
    lane.note_outcome(due(rank=BY_HAND if manual else 1, manual=manual), outcome, now=0.0, rng=DICE)
    assert lane.rest_seconds(0.0) == left


def test_an_ordered_lane_waits_for_a_retry() -> None:
    lane = a_lane(ordered=True)
    fill(lane, 3)
    lane.note_outcome(due(), FAILED, now=0.0, rng=DICE)
    assert (lane.phase, lane.rest_reason, lane.rest_seconds(0.0)) == (Phase.CLOSING, Rest.ORDER, 60.0)


def test_a_lane_that_answers_late_is_given_to_the_slow_ones() -> None:
    lane = a_lane()
    lane.note_outcome(due(), Outcome(state="succeeded", healthy=True, slow=True), now=0.0, rng=DICE)
    assert (lane.phase, lane.slow) == (Phase.CLOSING, True)
