"""Wake-ups: few lanes are named, many are looked for, and messages never pile up, whoever reads them or not."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from uuid import UUID, uuid4

import dramatiq
import pytest
from django.conf import settings

from config.list_broker import LONGEST, ListBroker
from deliveries import actors
from deliveries.actors import LANES_A_MESSAGE, LANES_NAMED, LANES_TOGETHER, MESSAGES_AT_ONCE, WAITING_LIMIT, parts_of
from deliveries.engine.dispatcher import Dispatcher
from deliveries.engine.engines import Engines
from deliveries.engine.unread_hints import MOST, UnreadHints
from tests.engine.steps import an_endpoint, emit
from tests.receiver import Receiver

PATIENCE_SECONDS = 120


@pytest.fixture
def lists(broker: dramatiq.Broker) -> ListBroker:
    """The broker of these tests, where it is one of lists, with a notifier that has noticed nothing yet."""
    if settings.BROKER_URL.startswith("amqp"):
        pytest.skip("looks into Redis and Valkey")
    assert isinstance(broker, ListBroker)
    return broker


def named(broker: ListBroker) -> list[list[str]]:
    """The lanes that each waiting message names."""
    raw = broker.client.lrange(broker.key("deliveries"), 0, -1)
    return [json.loads(each)["args"][0] for each in raw]


def ring(count: int) -> None:
    """Ring for so many lanes in this thread."""
    actors._Notifier().ring_now([(uuid4(), False) for _ in range(count)])


@pytest.mark.parametrize("lanes", [1, LANES_TOGETHER, LANES_TOGETHER + 1, LANES_NAMED, LANES_NAMED + 1, 100_000])
def test_however_many_lanes_there_are_a_few_messages_tell_of_them(lanes: int) -> None:
    parts = list(parts_of([str(number) for number in range(lanes)]))
    assert len(parts) <= MESSAGES_AT_ONCE
    assert all(len(part) <= LANES_A_MESSAGE for part in parts)
    told = [lane for part in parts for lane in part]
    assert told == ([str(number) for number in range(lanes)] if lanes <= LANES_NAMED else [])


def test_who_comes_alone_is_named_though_very_many_are_woken_in_the_same_moment(lists: ListBroker) -> None:
    """Given a fan-out to thousands, which is looked for; who was woken beside it would be found after all of those."""
    notifier, alone = actors._Notifier(), uuid4()
    notifier._thread = threading.current_thread()  # rings below instead of one of its own
    notifier.add([(uuid4(), False) for _ in range(1000)])
    notifier.add([(alone, False)])
    notifier.add([(uuid4(), False) for _ in range(LANES_NAMED)])
    notifier._ring()
    messages = named(lists)
    assert [message for message in messages if message] == [[str(alone)]]
    assert len(messages) == 1 + MESSAGES_AT_ONCE


def test_a_few_lanes_are_named_by_one_message(lists: ListBroker) -> None:
    ring(3)
    (message,) = named(lists)
    assert len(message) == 3


def test_nobody_rings_on_top_of_what_nobody_reads(lists: ListBroker) -> None:
    for _ in range(3 * WAITING_LIMIT):
        ring(1)  # each one like a process of its own, that looks for itself
    assert len(named(lists)) == WAITING_LIMIT


def test_a_list_has_a_longest_length_whoever_puts_into_it(lists: ListBroker) -> None:
    for number in range(LONGEST + 50):
        lists.put("deliveries", str(number).encode())
    assert lists.waiting("deliveries") == LONGEST
    assert lists.take("deliveries") == b"50", "the oldest gave way"


def test_a_hint_is_heeded_by_the_thread_that_takes_it_and_one_that_fails_is_lost(
    lists: ListBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = uuid4()
    told: list[object] = []
    monkeypatch.setattr(
        actors._engines, "of", lambda *, slow: SimpleNamespace(notify=told.append, unread=UnreadHints())
    )
    consumer = lists.consume("deliveries")
    for text in ("no id", str(lane)):
        actors.deliver_due.send([text])
        assert next(consumer) is None, "nothing is left for Dramatiq's own threads"
    assert told == [[lane]]


def test_a_hint_that_comes_to_a_worker_which_begins_no_more_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = uuid4()
    woken: list[tuple[UUID, bool]] = []
    engines = Engines(woken.extend)
    monkeypatch.setattr(actors, "_engines", engines)
    actors.begin_no_more()
    actors.deliver_due.fn([str(lane)])
    actors.deliver_due_slow.fn([str(lane)])
    assert woken == [(lane, False), (lane, True)]
    assert (engines.all(), engines.live()) == ([], True)


def test_whoever_tells_a_busy_engine_waits_until_it_has_read_that_and_takes_no_other_hint_meanwhile() -> None:
    unread, stopped = UnreadHints(), threading.Event()

    def tell() -> None:
        unread.put([uuid4()])
        unread.await_reading(PATIENCE_SECONDS)
        stopped.set()

    teller = threading.Thread(target=tell)
    teller.start()
    while not unread.goes_first():  # twice in a row it does not
        assert teller.is_alive()
    assert not unread.goes_first()
    assert not stopped.is_set()
    assert len(list(unread.read())) == 1
    assert stopped.wait(PATIENCE_SECONDS)
    teller.join()
    unread.is_watched = True
    unread.put([uuid4()])
    before = time.monotonic()
    unread.await_reading(PATIENCE_SECONDS)
    assert time.monotonic() - before < PATIENCE_SECONDS, "an engine that waits for hints is waited for by nobody"


@pytest.mark.django_db(transaction=True)
def test_the_dispatcher_names_few_lanes_and_of_many_says_that_there_are_some(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.engine.dispatcher.LANES_NAMED", 4)
    rung: list[object] = []
    many: list[bool] = []
    dispatcher = Dispatcher(ring=rung.extend, ring_all=lambda *, slow: many.append(slow))
    emit(an_endpoint(receiver.url))
    dispatcher.tick()
    assert (len(rung), many) == (1, [])
    for _ in range(8):
        emit(an_endpoint(receiver.url))
    dispatcher.tick()
    assert (len(rung), many) == (1, [False])


def test_what_came_while_somebody_waited_for_a_busy_engine_is_handed_over_without_waiting_again() -> None:
    unread = UnreadHints(clock=lambda: 1.0)
    unread.put([uuid4()])
    unread.await_reading(0.0)
    for _ in range(20):
        unread.put([uuid4()])
        before = time.monotonic()
        unread.await_reading(PATIENCE_SECONDS)
        assert time.monotonic() - before < PATIENCE_SECONDS
    assert len(list(unread.read())) == 21


def test_an_engine_that_reads_nothing_is_left_a_bounded_number_of_hints_and_then_looks_for_itself() -> None:
    unread, lanes = UnreadHints(), [uuid4() for _ in range(2 * MOST)]
    for lane in lanes:
        unread.put([lane])
    *told, last = unread.read()
    assert told == [[lane] for lane in lanes[: MOST - 1]]
    assert not last, "names nobody: some have work"
    unread.put([lanes[0]])
    assert list(unread.read()) == [[lanes[0]]]
