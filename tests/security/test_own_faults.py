"""What goes wrong on our side is not held against an endpoint: no attempt, no failure, no retry is used up."""

from __future__ import annotations

import errno
import gc
import os
from datetime import UTC, datetime

import pytest

from deliveries import sql
from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, Lane
from deliveries.outbound.client import new_transfers
from deliveries.outbound.multi import Transfers
from deliveries.services.resending.redelivery import redeliver
from tests.engine.steps import (
    an_endpoint,
    an_engine,
    attempts_of,
    due_seconds,
    emit,
    let_time_pass,
    rest_seconds,
    run_until_idle,
    step_until_idle,
    take_turn,
    the_delivery,
)
from tests.outbound.few_descriptors import no_more_than
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def take_turn_without_sockets(endpoint: Endpoint) -> None:
    """One turn in a worker that has no descriptor left."""
    sql.prepare_all()
    engine, _ = an_engine(endpoint)
    gc.collect()  # what an older engine left behind must not free a descriptor amid the turn
    with no_more_than(0):
        step_until_idle(engine)
    engine.abandon()
    engine.outbox.close()


def test_without_a_socket_nothing_is_counted(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, max_in_flight=10)
    for number in range(10):
        emit(endpoint, number=number)
    take_turn_without_sockets(endpoint)
    lane = Lane.objects.get(endpoint=endpoint)
    assert (lane.failures, lane.opened, lane.failing_since, lane.slow) == (0, 0, None, False)
    assert not Attempt.objects.exists()
    assert set(Delivery.objects.values_list("attempts", "error", "state")) == {(0, "", "pending")}
    assert receiver.requests == []


def test_a_lane_without_a_socket_rests_for_seconds_and_goes_on(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    emit(endpoint)
    for _ in range(8):
        began = datetime.now(UTC)
        take_turn_without_sockets(endpoint)
        assert rest_seconds(endpoint, since=began) > 1
        assert rest_seconds(endpoint) < 10
        let_time_pass(endpoint)
    take_turn(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
    assert len(attempts_of(the_delivery(endpoint))) == 1


def test_an_engine_that_starts_anew_without_a_descriptor_waits_for_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def scarce() -> Transfers:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return new_transfers()

    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    engine, _ = an_engine(endpoint)
    monkeypatch.setattr(engine.outbox, "_new", scarce)
    engine.abandon()
    assert len(tries) == 3
    engine.notify([endpoint.id])
    run_until_idle(engine)
    assert the_delivery(endpoint).state == "succeeded"


def test_a_redelivery_without_a_socket_waits_as_well(receiver: Receiver) -> None:
    endpoint = an_endpoint(receiver.url)
    emit(endpoint)
    take_turn(endpoint)
    redeliver(the_delivery(endpoint), actor="user:carol")
    take_turn_without_sockets(endpoint)
    assert DueDelivery.objects.count() == 1
    assert due_seconds(the_delivery(endpoint), manual=True) > 1
    assert len(attempts_of(the_delivery(endpoint))) == 1
