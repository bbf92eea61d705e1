"""The account of a customer's processor time: who uses up its share waits, while others want some."""

from __future__ import annotations

from deliveries.services.process.budgets import ALONE_SECONDS, DEBT_SECONDS, SAVED_SECONDS, Budgets

FIFTH = 0.2


def with_two_callers(now: float = 0.0) -> Budgets:
    """Accounts of a process that two customers use."""
    budgets = Budgets()
    budgets.note("bob", now)
    budgets.note("alice", now)
    return budgets


def spend(budgets: Budgets, cost: float, *, now: float, customer: str = "alice") -> None:
    """One request that costs so much."""
    drawn = budgets.begin(customer, now, share=FIFTH)
    budgets.end(customer, now, share=FIFTH, drawn=drawn, cost=cost)


def test_a_customer_that_has_not_used_its_share_does_not_wait() -> None:
    budgets = with_two_callers()
    spend(budgets, SAVED_SECONDS / 2, now=0)
    assert budgets.pause("alice", 0, share=FIFTH) == 0


def test_a_customer_that_has_used_its_share_waits_until_it_is_earned_again() -> None:
    budgets = with_two_callers()
    spend(budgets, SAVED_SECONDS + 0.1, now=0)
    pause = budgets.pause("alice", 0, share=FIFTH)
    assert 0.5 < pause < 0.51
    assert budgets.pause("alice", pause + 0.01, share=FIFTH) == 0


def test_another_customers_account_is_not_touched() -> None:
    budgets = with_two_callers()
    spend(budgets, 10, now=0)
    assert budgets.pause("bob", 0, share=FIFTH) == 0


def test_what_requests_under_way_will_cost_is_drawn_before_they_end() -> None:
    budgets = with_two_callers()
    for _ in range(20):
        spend(budgets, SAVED_SECONDS, now=0)
    later = 100.0
    budgets.note("bob", later)
    budgets.begin("alice", later, share=FIFTH)
    budgets.begin("alice", later, share=FIFTH)
    assert budgets.pause("alice", later, share=FIFTH) > 0


def test_a_debt_has_an_end_however_dear_a_request_was() -> None:
    budgets = with_two_callers()
    spend(budgets, 1_000, now=0)
    assert budgets.pause("alice", 0, share=FIFTH) < DEBT_SECONDS / FIFTH + 0.1


def test_who_has_the_process_for_itself_never_waits() -> None:
    budgets = with_two_callers()
    spend(budgets, 10, now=0)
    assert budgets.pause("alice", ALONE_SECONDS + 0.1, share=FIFTH) == 0


def test_the_operators_requests_are_others_too() -> None:
    budgets = Budgets()
    budgets.note("alice", 0)
    budgets.note(None, 5)
    spend(budgets, 10, now=5)
    assert budgets.pause("alice", 5, share=FIFTH) > 0


def test_a_share_of_all_is_no_limit() -> None:
    budgets = with_two_callers()
    spend(budgets, 10, now=0)
    assert budgets.pause("alice", 0, share=1.0) == 0
