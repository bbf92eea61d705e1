"""What is told once a minute."""

from __future__ import annotations

from deliveries.services.common.seldom import EVERY_SECONDS, MOST, Seldom


def test_each_thing_is_told_once_a_minute() -> None:
    seldom = Seldom()
    assert [seldom.lets(what, now=5.0) for what in ("gone", "gone", "full", "gone", "full")] == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert not seldom.lets("gone", now=4.9 + EVERY_SECONDS)
    assert seldom.lets("gone", now=5.0 + EVERY_SECONDS)
    assert not seldom.lets("gone", now=5.0 + EVERY_SECONDS)


def test_by_the_clock_of_the_process_it_is_the_same() -> None:
    seldom = Seldom()
    assert (seldom.lets(), seldom.lets()) == (True, False)


def test_of_an_endless_number_of_things_few_are_remembered() -> None:
    seldom = Seldom()
    assert all(seldom.lets(str(number), now=0.0) for number in range(1000))
    assert len(seldom._told) <= MOST
