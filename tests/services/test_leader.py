"""The lead: one process has it, loses it when it says nothing, and hands it over when it ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from deliveries import sql
from deliveries.services.housekeeping import leader
from deliveries.services.housekeeping.leader import Lead, LeadLost

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nobody_leads() -> None:
    """The table is no model's, so that nobody empties it between tests."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE hookpost_leader")


def let_it_run_out() -> None:
    """The leader has said nothing for long, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_leader SET until = now() - interval '1 second'")


def test_one_of_two_leads_and_stays_the_leader() -> None:
    alice, bob = Lead("x"), Lead("x")
    assert [alice.take(), bob.take(), alice.take(), bob.take()] == [True, False, True, False]
    assert Lead("y").take()


def test_of_many_that_begin_at_the_same_moment_one_leads() -> None:
    def take(lead: Lead) -> bool:
        try:
            return lead.take()
        finally:
            connection.close()

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, [Lead("x") for _ in range(8)])) == 1
        let_it_run_out()


def test_a_leader_that_says_nothing_loses_the_lead_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "RENEW_SECONDS", 0)
    alice, bob = Lead("x"), Lead("x")
    assert alice.take()
    alice.keep()
    let_it_run_out()
    assert bob.take()
    with pytest.raises(LeadLost):
        alice.keep()
    assert not alice.take()


def test_a_leader_that_waits_long_for_each_answer_keeps_the_lead_through_its_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given two seconds for each statement, then what comes after the third of a round has its turn too."""
    now, run = [0.0], sql.run

    def pass_by(seconds: float) -> None:
        now[0] += seconds
        with connection.cursor() as cursor:
            cursor.execute("UPDATE hookpost_leader SET until = until - make_interval(secs => %s)", [seconds])

    def slow(name: str, *given: sql.Parameters) -> int:
        pass_by(1.0)
        done = run(name, *given)
        pass_by(1.0)
        return done

    monkeypatch.setattr(sql, "run", slow)
    alice, bob = (Lead("x", clock=lambda: now[0]) for _ in range(2))
    assert alice.take()
    alice.keep()
    for _ in range(3):
        pass_by(4.0)  # two other statements
        assert alice.leads_still()
        monkeypatch.setattr(sql, "run", run)
        assert not bob.take()
        monkeypatch.setattr(sql, "run", slow)
        alice.keep()
    pass_by(leader.LONGEST_SECONDS)
    assert not alice.leads_still()
    assert bob.take()


def test_a_lead_is_never_so_long_that_others_take_it_for_one_of_a_clock_set_back() -> None:
    assert leader.LONGEST_SECONDS < 2 * leader.LEAD_SECONDS


def test_a_lead_from_before_the_databases_clock_was_set_back_is_over() -> None:
    """Given a leader that died while the clock was a day ahead, then nobody waits for that day."""
    alice, bob = Lead("x"), Lead("x")
    assert alice.take()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_leader SET until = until + interval '1 day'")
    assert bob.take()
    assert not alice.take()


def test_a_leader_that_ends_hands_over_at_once_and_never_anothers_lead() -> None:
    alice, bob = Lead("x"), Lead("x")
    assert alice.take()
    bob.give_up()
    assert not bob.take()
    alice.give_up()
    assert bob.take()
    alice.give_up()
    assert not alice.take()


def test_whoever_never_led_keeps_nothing() -> None:
    alice, bob = Lead("x"), Lead("x")
    assert alice.take()
    bob.keep()
    assert alice.take()
