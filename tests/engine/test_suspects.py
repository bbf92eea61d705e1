"""Who ends its worker is found and given up, and nobody else in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deliveries.engine import quarantine
from deliveries.engine.loop import Engine
from deliveries.models import Delivery, Endpoint, Lane
from tests.engine.steps import Overlap, an_endpoint, emit, expire_lease, lease, run_until_idle, the_delivery
from tests.receiver import Answer, Receiver, Request

pytestmark = pytest.mark.django_db(transaction=True)


class Lost(BaseException):
    """The end of a worker: nothing is caught, recorded or given back."""


@pytest.fixture
def quick(receiver_ports: list[int]) -> Iterator[Receiver]:
    with Receiver(receiver_ports[1]) as quick:
        yield quick


def a_worker(*endpoints: Endpoint, poison: str) -> bool:
    """Let a worker serve the lanes; returns whether it lived to the end."""
    engine = Engine(wake=lambda lanes: None)
    engine.agenda.look = False
    start = engine.outbox._transfers.start

    def start_or_die(request: object, **given: object) -> None:
        if poison.encode() in getattr(request, "body", b""):
            raise Lost
        start(request, **given)  # type: ignore[arg-type]

    engine.outbox._transfers.start = start_or_die  # type: ignore[method-assign, assignment]
    for endpoint in endpoints:
        engine.notify([endpoint.id])
    try:
        run_until_idle(engine)
    except Lost:
        lanes = list(engine.lanes.values())
        engine.outbox.close()
        for lane in lanes:
            quarantine.cleared(lane)  # as it is for another process
        for endpoint in endpoints:
            if Lane.objects.get(endpoint=endpoint).lease_until is not None:
                expire_lease(endpoint)
        return False
    return True


def test_what_is_in_flight_each_time_another_delivery_ends_the_worker_is_not_given_up(
    receiver: Receiver, quick: Receiver
) -> None:
    release = threading.Event()

    def hang(request: Request) -> Answer:
        release.wait(2)
        return 200, {}, b""

    receiver.answer = hang
    slow, sick = an_endpoint(receiver.url), an_endpoint(quick.url)
    emit(slow)
    for number in range(4):
        emit(sick, number=number)
    poison = emit(sick, name="poison.pill")
    emit(sick, number=5)
    losses = 0
    while not a_worker(slow, sick, poison="poison.pill"):
        losses += 1
        release.set() if losses >= 4 else None
    release.set()
    assert losses <= 8
    assert the_delivery(slow).state == "succeeded"
    buried = Delivery.objects.exclude(state="succeeded").get()
    assert (buried.event_id, buried.state, buried.error) == (poison.event_id, "exhausted", "worker_lost")


def test_a_lane_whose_worker_was_lost_goes_on_one_by_one_for_a_while(receiver: Receiver) -> None:
    receiver.answer = overlap = Overlap()
    endpoint = an_endpoint(receiver.url, max_in_flight=3)
    for number in range(6):
        emit(endpoint, number=number)
    Lane.objects.update(crashes=1)
    assert a_worker(endpoint, poison="poison.pill")
    assert (len(receiver.requests), overlap.most) == (6, 1)
    lane = Lane.objects.get()
    assert (lane.crashes, lane.suspect_id, lane.lease_until) == (0, None, None)


def test_what_only_waited_in_a_worker_has_no_part_in_its_loss(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    Lane.objects.update(crashes=3, suspect_id=the_delivery(endpoint).id)
    for _ in range(3):
        lease(endpoint)
        expire_lease(endpoint)
    assert a_worker(endpoint, poison="poison.pill")
    assert the_delivery(endpoint).state == "succeeded"
