"""Turns of the evaluator: one customer after the other, however many of one ask at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from deliveries.evaluator.turns import Turns, asking_for
from deliveries.services.process.shares import requests_and_pages

LONG_SECONDS = 120.0

Within = Callable[[Any], AbstractContextManager[None]]


def ask(turns: Turns, asker: Any, order: list[Hashable], *, within: Within = asking_for) -> threading.Thread:
    """Have somebody ask in a thread, and return once they stand in line."""

    def wait_and_note() -> None:
        with within(asker), turns.turn(wait_seconds=LONG_SECONDS):
            order.append(asker)

    before, deadline = turns.waiting(), time.monotonic() + LONG_SECONDS
    thread = threading.Thread(target=wait_and_note)
    thread.start()
    while turns.waiting() == before:
        assert time.monotonic() < deadline
    return thread


def test_who_asks_often_has_one_turn_for_each_turn_of_others() -> None:
    turns = Turns()
    order: list[Hashable] = []
    with turns.turn(wait_seconds=0.0) as is_mine:
        assert is_mine
        threads = [ask(turns, asker, order) for asker in ("often", "often", "often", "seldom", "often", None)]
    for thread in threads:
        thread.join()
    assert order == ["often", "seldom", None, "often", "often", "often"]


def test_who_waits_in_vain_leaves_the_line() -> None:
    turns = Turns()
    order: list[Hashable] = []
    with turns.turn(wait_seconds=0.0), turns.turn(wait_seconds=0.0) as came:
        assert not came
        assert turns.waiting() == 0
        thread = ask(turns, "later", order)
    thread.join()
    assert order == ["later"]


def test_a_request_asks_in_its_customers_line() -> None:
    turns = Turns()
    order: list[Hashable] = []
    often, seldom = uuid4(), uuid4()
    with turns.turn(wait_seconds=0.0):
        askers = (often, often, seldom, None)
        threads = [ask(turns, asker, order, within=requests_and_pages.place) for asker in askers]
    for thread in threads:
        thread.join()
    assert order == [often, seldom, None, often]
