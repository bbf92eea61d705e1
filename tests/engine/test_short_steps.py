"""A step of the engine is short where others have lanes in it: who comes then waits for a step or two."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deliveries.engine.limits import Limits
from deliveries.models import Delivery, Endpoint
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoints import create_endpoint
from tests.engine.steps import PATIENCE_SECONDS, an_endpoint, an_engine, emit, run_until_idle, step_until
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def released() -> threading.Event:
    """Set when receivers that hang shall answer after all."""
    return threading.Event()


@pytest.fixture
def healthy(receiver_ports: list[int]) -> Iterator[Receiver]:
    with Receiver(receiver_ports[2]) as receiver:
        yield receiver


def hanging_of_two_customers(receiver: Receiver, healthy: Receiver, released: threading.Event) -> list[Endpoint]:
    """Eight endpoints of one customer with something due, and one of another, all of which hang."""
    for each in (receiver, healthy):
        each.answer = lambda request: (released.wait(PATIENCE_SECONDS) and 204, {}, b"")
    first, other = an_endpoint(receiver.url), an_endpoint(healthy.url)
    many = [first, *(create_endpoint(first.customer, {"url": receiver.url}, actor="user:alice")[0] for _ in range(7))]
    emit(first)
    emit(other)
    return [*many, other]


@pytest.mark.parametrize(
    ("limits", "started"),
    [
        pytest.param({"starts_beside": 2, "lanes_a_start": 100}, 2, id="few"),
        pytest.param({"starts_beside": 2, "lanes_a_start": 3}, 3, id="one-for-three-lanes"),
        pytest.param({"starts_beside": 2, "lanes_a_start": 1}, 5, id="no-more-than-alone"),
    ],
)
def test_beside_others_a_step_starts_few_requests(
    receiver: Receiver, healthy: Receiver, released: threading.Event, limits: dict[str, int], started: int
) -> None:
    lanes = hanging_of_two_customers(receiver, healthy, released)
    engine, _ = an_engine(*lanes, limits=Limits(slice_seconds=600, starts_a_step=5, **limits))
    engine.step()
    assert engine.outbox.in_flight == started
    assert engine.lanes[lanes[-1].id].in_flight
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == len(lanes)


def test_who_has_the_engine_alone_again_has_all_of_a_step(
    receiver: Receiver, healthy: Receiver, released: threading.Event
) -> None:
    """Given another customer whose lane was given back, then a step starts as much as before it came."""
    *lanes, other = hanging_of_two_customers(receiver, healthy, released)
    released.set()
    engine, _ = an_engine(other, limits=Limits(slice_seconds=600, starts_a_step=5, starts_beside=1, lanes_a_start=100))
    run_until_idle(engine)
    released.clear()
    engine.notify([lane.id for lane in lanes])
    step_until(engine, lambda: engine.outbox.in_flight > 0)
    assert engine.outbox.in_flight == 5
    released.set()
    run_until_idle(engine)


def test_a_step_starts_no_more_bytes_than_are_sent_in_a_moment(receiver: Receiver, released: threading.Event) -> None:
    """Given six events of 30 KB, then those are started that begin within 64 KB, and one even if it is larger."""
    receiver.answer = lambda request: (released.wait(PATIENCE_SECONDS) and 204, {}, b"")
    endpoint = an_endpoint(receiver.url, max_in_flight=100)
    for number in range(6):
        accept_event(EventDraft(type="big", data=b'"%030000d"' % number, customer_id=endpoint.customer_id))
    engine, _ = an_engine(endpoint, limits=Limits(slice_seconds=600, bytes_a_step=64 * 1024))
    engine.step()
    assert engine.outbox.in_flight == 3
    step_until(engine, lambda: engine.outbox.in_flight == 6)
    released.set()
    run_until_idle(engine)
    assert Delivery.objects.filter(state="succeeded").count() == 6
