"""Transformations in the engine: what was made is sent, and one that takes long or grows harms no other lane."""

from __future__ import annotations

import errno
import itertools
import socket
import threading
import time
from collections.abc import Sequence

import orjson
import pytest

from deliveries.engine import transforms
from deliveries.engine.limits import LIMITS
from deliveries.engine.phases import Phase
from deliveries.engine.transforms import Transforms
from deliveries.evaluator.process import Evaluator
from deliveries.models import Delivery, Endpoint, Lane
from deliveries.protocol.events.api_versions import MappingStep
from deliveries.services.endpoints import pause_endpoint
from tests.engine.steps import an_endpoint, an_engine, attempts_of, emit, let_time_pass, take_turn, the_delivery
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

GROWS = "data|" + "|".join(["to_string([@,@])"] * 60)


def test_what_was_made_is_sent_in_order_and_a_failure_is_tried_again_as_it_is_set_then(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, transformation="{n: data.number}", ordered=True)
    for number in range(4):
        emit(endpoint, number=number)
    take_turn(endpoint)
    assert [orjson.loads(request.body) for request in receiver.requests] == [{"n": n} for n in range(4)]
    Endpoint.objects.update(transformation="data.nothing", ordered=False, retry_schedule=[0, 60])
    emit(endpoint, number=9)
    take_turn(endpoint)
    delivery = Delivery.objects.get(state="pending")
    (attempt,) = attempts_of(delivery)
    assert (attempt.error, attempt.detail) == ("transformation_failed", "the transformation makes null of this event")
    assert len(receiver.requests) == 4
    Endpoint.objects.update(transformation="data.number")
    let_time_pass(endpoint)
    take_turn(endpoint)
    assert receiver.requests[4].body == b"9"
    delivery.refresh_from_db()
    assert delivery.state == "succeeded"


def test_others_are_sent_while_a_transformation_grows_which_ends_as_an_attempt_with_a_name(receiver: Receiver) -> None:
    """Given a hostile endpoint with as much as it may have in flight, then a plain one's events do not wait for it."""
    hostile = an_endpoint(f"{receiver.url}/hostile", transformation=GROWS, retry_schedule=[0], max_in_flight=50)
    plain = an_endpoint(f"{receiver.url}/plain")
    for number in range(5):  # each ends a process
        emit(hostile, number=number)
        emit(plain, number=number)
    engine, woken = an_engine(hostile, plain)
    deadline = time.monotonic() + 120
    while Delivery.objects.filter(endpoint=plain, state="succeeded").count() < 5:
        assert time.monotonic() < deadline
        engine.step()
    ended = Delivery.objects.filter(endpoint=hostile).exclude(error="")
    waited_for = ended.count()
    while engine.lanes:
        assert time.monotonic() < deadline
        engine.step()
    engine.abandon()
    assert waited_for < 5, "the plain events waited for all the hostile ones"
    assert {each.error for each in ended} <= {"transformation_too_large", "transformation_timeout"}
    assert ended.count() >= 1
    assert Lane.objects.get(endpoint=hostile).slow, "the rest is served apart"
    assert (hostile.id, True) in woken
    assert {request.path for request in receiver.requests} == {"/plain"}


def test_a_worker_that_stops_leaves_what_it_had_transformed_due(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, transformation="data")
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    engine.step()
    engine.abandon()
    let_time_pass(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"


class Held:
    """Evaluators that answer when they are let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        transform = Evaluator.transform

        def held(evaluator: Evaluator, text: str, event: bytes, *, steps: Sequence[MappingStep] = ()) -> bytes:
            self.asked.set()
            self.let.wait(300)
            return transform(evaluator, text, event, steps=steps)

        monkeypatch.setattr(Evaluator, "transform", held)


def test_an_endpoint_that_is_paused_while_its_event_is_transformed_gets_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a lane that has no room beside it, then it is looked at anew all the same."""
    held, endpoint = Held(monkeypatch), an_endpoint(receiver.url, transformation="data", max_in_flight=1)
    emit(endpoint)
    now = [time.monotonic()]
    engine, _ = an_engine(endpoint, limits=LIMITS, clock=lambda: now[0])
    deadline = time.monotonic() + 240
    while not held.asked.is_set():
        assert time.monotonic() < deadline
        engine.step()
    (lane,) = engine.lanes.values()
    pause_endpoint(endpoint, actor="user:alice")
    while lane.phase is not Phase.CLOSING:
        assert time.monotonic() < deadline
        now[0] += 0.1
        engine.step()
    held.let.set()
    while engine.lanes:
        assert time.monotonic() < deadline
        now[0] += 0.1
        engine.step()
    engine.abandon()
    assert receiver.requests == []
    assert the_delivery(endpoint).state in ("held", "pending")


def test_a_worker_that_is_to_end_sends_nothing_whose_transformation_ends_then(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, endpoint = Held(monkeypatch), an_endpoint(receiver.url, transformation="data")
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    deadline = time.monotonic() + 240
    while not held.asked.is_set():
        assert time.monotonic() < deadline
        engine.step()
    (lane,) = engine.lanes.values()
    held.let.set()
    while lane.in_flight:
        assert time.monotonic() < deadline
        engine.step(sending=False)
    engine.abandon()
    assert receiver.requests == []
    assert the_delivery(endpoint).state == "pending"


def test_what_this_machine_lacks_ends_no_attempt_and_is_waited_for(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a process that cannot be started twice, then the event is evaluated at the third try."""
    endpoint, tries = an_endpoint(receiver.url, transformation="{n: data.number}"), itertools.count(1)
    start = Evaluator._start

    def fail_twice(self: Evaluator) -> socket.socket:
        if next(tries) < 3:
            raise OSError(errno.EAGAIN, "no process")
        return start(self)

    monkeypatch.setattr(Evaluator, "_start", fail_twice)
    monkeypatch.setattr(transforms, "PAUSE_SECONDS", 0.0)
    emit(endpoint, number=7)
    take_turn(endpoint)
    assert [orjson.loads(request.body) for request in receiver.requests] == [{"n": 7}]
    (attempt,) = attempts_of(the_delivery(endpoint))
    assert (attempt.error, attempt.number) == ("", 1)


def test_customers_take_turns_in_having_their_events_transformed() -> None:
    """Given one customer with many and another with one that comes later, then it is not the last."""
    first, second = (an_endpoint("https://93.184.216.34/").customer_id for _ in range(2))
    told: list[None] = []
    made: Transforms[str] = Transforms(lambda: told.append(None))
    event = b'{"type":"a.b","data":[%b]}' % b",".join([b"1"] * 20_000)
    with made._changed:  # nothing is begun before all have come
        for number in range(20):
            made.put(first, f"first {number}", text="sort(data)", event=event)
        made.put(second, "second", text="type", event=event)
    deadline, order = time.monotonic() + 120, []
    while len(order) < 21:
        assert time.monotonic() < deadline
        order += [tag for tag, _ in made.fetch()]
    made.close()
    assert order.index("second") == 1
    assert (len(told), made.waiting) == (21, 0)
