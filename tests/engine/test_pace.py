"""Many endpoints that hang at the same time leave room for those that do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from deliveries.engine import lane_table, pace
from deliveries.engine import loop as engine_module
from deliveries.engine.leases import lease_lanes
from deliveries.engine.loop import Engine
from deliveries.engine.turns import take_turn
from deliveries.models import Delivery, Endpoint, Lane
from tests.engine.steps import an_endpoint, an_engine, emit, run_until_idle
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)

HANGING = 6
BACKLOG = 3


@pytest.fixture
def released() -> threading.Event:
    """Set when receivers that hang shall answer after all."""
    return threading.Event()


@pytest.fixture
def hanging(receiver: Receiver, released: threading.Event) -> list[Endpoint]:
    """Endpoints that hang, with more due than they may have in flight."""

    def hang(request: Request) -> Answer:
        released.wait(20)
        return 204, {}, b""

    receiver.answer = hang
    endpoints = [an_endpoint(receiver.url, max_in_flight=2) for _ in range(HANGING)]
    for endpoint in endpoints:
        for number in range(BACKLOG):
            emit(endpoint, number=number)
    return endpoints


@pytest.fixture
def healthy(receiver_ports: list[int]) -> Iterator[Receiver]:
    with Receiver(receiver_ports[2]) as receiver:
        yield receiver


def step_until(engine: Engine, condition: Callable[[], object], *, seconds: float = 10) -> None:
    """Step until something holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        engine.step()


def test_lanes_that_only_wait_for_an_answer_leave_room_for_others(
    hanging: list[Endpoint], healthy: Receiver, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_table, "BUSY_LANES_LIMIT", HANGING)
    engine, _ = an_engine(*hanging)
    step_until(engine, lambda: engine._transfers.in_flight == 2 * HANGING)
    assert all(lane.waiting for lane in engine.lanes.values())
    step_until(engine, engine._hands.have_room)
    quick = an_endpoint(healthy.url)
    emit(quick)
    take_turn([quick.id], engine=engine)
    step_until(engine, lambda: Delivery.objects.get(endpoint=quick).state == "succeeded")
    assert set(engine.lanes) == {endpoint.id for endpoint in hanging}
    released.set()
    run_until_idle(engine, seconds=10)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"succeeded"}


def test_in_a_crowd_a_lane_has_one_request_in_flight_until_its_first_answer(
    hanging: list[Endpoint], released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CROWDED", 3)
    engine, _ = an_engine(*hanging)
    step_until(engine, lambda: len(engine.lanes) == HANGING and not engine._hands.awake)
    # Four requests of the first two lanes make the crowd.
    assert sorted(len(lane.in_flight) for lane in engine.lanes.values()) == [1, 1, 1, 1, 2, 2]
    released.set()
    run_until_idle(engine, seconds=10)
    assert Delivery.objects.filter(state="succeeded").count() == HANGING * BACKLOG


def test_a_lane_that_has_answered_uses_all_its_room_in_a_crowd(hanging: list[Endpoint]) -> None:
    (lane,) = lease_lanes([hanging[0].id], slow=False)
    crowd = pace.CROWDED + 1
    lane.in_flight = dict.fromkeys([(hanging[0].id, False)])  # type: ignore[assignment]
    assert not pace.has_room(lane, in_flight=crowd)
    lane.answers = 1
    assert pace.has_room(lane, in_flight=crowd)


def test_a_lane_in_hand_that_is_woken_sends_what_came_meanwhile_without_being_given_back(
    receiver: Receiver, hanging: list[Endpoint], released: threading.Event
) -> None:
    engine, _ = an_engine(hanging[0])
    step_until(engine, lambda: engine.lanes and not engine._hands.awake)
    fence = engine.lanes[hanging[0].id].fence
    emit(hanging[0], number=99)
    take_turn([hanging[0].id], engine=engine)
    assert not engine._hands._inbox, "leased a second time"
    released.set()
    run_until_idle(engine, seconds=10)
    assert Lane.objects.get(endpoint=hanging[0]).fence == fence
    assert Delivery.objects.filter(endpoint=hanging[0], state="succeeded").count() == BACKLOG + 1


def test_a_step_starts_few_requests_and_the_next_one_begins_with_the_lanes_that_got_none(
    hanging: list[Endpoint], released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "STARTS_AT_ONCE", 1)
    engine, _ = an_engine(*hanging)
    for started in range(1, HANGING + 1):
        engine.step()
        assert engine._transfers.in_flight == started
    assert [len(lane.in_flight) for lane in engine.lanes.values()] == [1] * HANGING
    released.set()
    run_until_idle(engine, seconds=10)
    assert Delivery.objects.filter(state="succeeded").count() == HANGING * BACKLOG


def test_a_lane_whose_time_is_over_is_looked_at_although_no_answer_comes(
    hanging: list[Endpoint], released: threading.Event
) -> None:
    engine, _ = an_engine(hanging[0])
    step_until(engine, lambda: engine.lanes and not engine._hands.awake)
    (lane,) = engine.lanes.values()
    assert (len(lane.in_flight), len(lane.waiting)) == (2, 1)
    lane.until = time.monotonic() - 10
    step_until(engine, lambda: lane.stopped)
    assert not lane.waiting
    released.set()
    run_until_idle(engine, seconds=10)
    assert Delivery.objects.filter(endpoint=hanging[0], state="succeeded").count() == 2
