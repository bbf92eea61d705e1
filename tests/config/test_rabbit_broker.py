"""RabbitMQ as the broker: connections that end while nobody rings, and queues of another type."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pytest

from config.broker import make_broker
from config.rabbit_broker import RabbitBroker
from tests.faults.brokers import Rabbit

pytestmark = pytest.mark.skipif(
    shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin") is None, reason="no rabbitmq-server"
)


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """A server of our own."""
    server = Rabbit(Path(tmp_path_factory.mktemp("rabbit")))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def broker_at(url: str) -> tuple[RabbitBroker, dramatiq.Actor[[int], None]]:
    """A broker and an actor of it, in the queue `bell`."""
    broker = make_broker(url)
    assert isinstance(broker, RabbitBroker)

    @dramatiq.actor(broker=broker, queue_name="bell", max_retries=0)
    def ring(number: int) -> None: ...

    return broker, ring


def cut(broker: RabbitBroker) -> None:
    """End the connections below pika, as a server does that has missed heartbeats."""
    for each in broker.connections:
        each._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def test_who_rings_seldom_looks_and_rings_again_after_the_server_ended_the_connection(rabbit: Rabbit) -> None:
    """Given a thread whose heartbeats the server missed, then neither a look nor a message fails from then on."""
    broker, ring = broker_at(rabbit.url)
    ring.send(1)
    cut(broker)
    assert broker.waiting("bell") in (0, 1)  # the message, or that it was on its way still
    cut(broker)
    ring.send(2)  # over a connection that is gone: lost, like any message may be
    ring.send(3)
    cut(broker)
    assert broker.waiting("bell") >= 0
    assert broker.condition() == "ok"
    broker.close()


def test_queues_of_another_type_are_refused_at_start_with_what_to_do(rabbit: Rabbit) -> None:
    broker, ring = broker_at(rabbit.url)
    ring.send(1)
    assert (broker.condition(), broker.refusal()) == ("ok", "")
    quorum, _ = broker_at(f"{rabbit.url}?queue_type=quorum")
    assert "name another vhost" in quorum.refusal()
    other, ring = broker_at(f"amqp://guest:guest@127.0.0.1:1,127.0.0.1:{rabbit.port}?queue_type=quorum")
    other.queues = {"of_quorum"}
    assert (other.condition(), other.refusal()) == ("ok", "")
    for each in (broker, quorum, other):
        each.close()
