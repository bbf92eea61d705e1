"""What is sent again leaves room for what is new of others, and has an engine that is its own."""

from __future__ import annotations

from uuid import UUID

import pytest

from deliveries.engine.bulk_gaps import BulkGaps
from deliveries.engine.limits import Limits
from deliveries.engine.work import BY_HAND, FIRST
from deliveries.models import DueDelivery

ALICE, BOB, CHARLIE = (UUID(int=number) for number in (1, 2, 3))
RETRY, BULK = 2, 3
LIMITS = Limits(bulk_gap=2.0, bulk_gap_at_most=0.1, beside_seconds=1.0)


def after_a_step(*started: tuple[UUID, int], seconds: float = 0.01) -> BulkGaps:
    """The gaps at moment 0, after a step of so many seconds that started these."""
    gaps = BulkGaps(LIMITS)
    for customer, rank in started:
        gaps.note(customer, rank, 0.0)
    gaps.end_step(0.0, began=-seconds)
    return gaps


def test_the_ranks_are_those_of_the_queue() -> None:
    rank = DueDelivery.Rank
    assert (rank.REDELIVERY, rank.FIRST, rank.RETRY, rank.BULK) == (BY_HAND, FIRST, RETRY, BULK)


@pytest.mark.parametrize("rank", [RETRY, BULK])
def test_beside_what_is_new_of_another_it_waits_longer_than_the_step_took(rank: int) -> None:
    gaps = after_a_step((BOB, FIRST), (ALICE, rank))
    assert gaps.wait_seconds(ALICE, rank, 0.0) == 0.02
    assert gaps.wait_seconds(ALICE, rank, 0.015) == pytest.approx(0.005)
    assert gaps.wait_seconds(ALICE, rank, 0.02) == 0


@pytest.mark.parametrize("rank", [BY_HAND, FIRST])
def test_what_is_new_or_asked_for_by_hand_never_waits(rank: int) -> None:
    gaps = after_a_step((BOB, FIRST), (ALICE, BULK))
    assert gaps.wait_seconds(ALICE, rank, 0.0) == 0


def test_who_is_alone_or_beside_others_bulk_waits_for_nothing() -> None:
    assert after_a_step((ALICE, BULK)).wait_seconds(ALICE, BULK, 0.0) == 0
    assert after_a_step((ALICE, FIRST), (ALICE, BULK)).wait_seconds(ALICE, BULK, 0.0) == 0
    assert after_a_step((BOB, BULK), (ALICE, BULK)).wait_seconds(ALICE, BULK, 0.0) == 0


def test_ones_own_new_deliveries_hide_nobody_elses() -> None:
    """Given something new of another, and then much of one's own, then what one sends again still waits."""
    gaps = after_a_step((BOB, FIRST), (ALICE, FIRST), (ALICE, FIRST), (ALICE, BULK))
    assert gaps.wait_seconds(ALICE, BULK, 0.0) == 0.02
    assert gaps.wait_seconds(CHARLIE, BULK, 0.0) == 0.02


def test_a_moment_after_the_last_of_others_nothing_waits() -> None:
    gaps = BulkGaps(LIMITS)
    gaps.note(BOB, FIRST, 0.0)
    gaps.note(ALICE, BULK, 1.0)
    gaps.end_step(1.0, began=0.5)
    assert gaps.wait_seconds(ALICE, BULK, 1.0) == 0


def test_after_a_step_in_which_the_database_was_away_it_waits_a_moment_only() -> None:
    assert after_a_step((BOB, FIRST), (ALICE, BULK), seconds=30.0).wait_seconds(ALICE, BULK, 0.0) == 0.1


def test_a_step_that_sent_nothing_again_holds_nothing_up() -> None:
    gaps = after_a_step((BOB, FIRST), (ALICE, FIRST), seconds=5.0)
    assert gaps.wait_seconds(ALICE, BULK, 0.0) == 0
