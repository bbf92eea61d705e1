"""The broker: chosen by URL, never in the way when it is gone, back at work when it returns."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dramatiq
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import BrokerConnectionError

from config.broker import LaneBroker, make_broker, with_limits
from config.embedded import Services
from config.workers import build_worker
from deliveries.errors import WrongSetting
from tests.ports import free_ports


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Services]:
    """A broker of our own that may be stopped."""
    with Services(tmp_path, database=False) as services:
        yield services


def ringing(broker: dramatiq.Broker) -> tuple[dramatiq.Actor[[int], None], set[int], threading.Condition]:
    """An actor that remembers what it was sent."""
    heard: set[int] = set()
    changed = threading.Condition()

    @dramatiq.actor(broker=broker, queue_name="bell", max_retries=0)
    def ring(number: int) -> None:
        with changed:
            heard.add(number)
            changed.notify_all()

    return ring, heard, changed


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_redis_urls_make_a_broker_for_redis(scheme: str) -> None:
    assert isinstance(make_broker(f"{scheme}://127.0.0.1:1/0"), LaneBroker)


def test_amqp_urls_make_a_broker_for_rabbitmq() -> None:
    assert isinstance(make_broker("amqp://guest:guest@127.0.0.1:1"), RabbitmqBroker)


@pytest.mark.parametrize("url", ["redis://:secret@host:port/0", "amqp://u:secret@host:port"])
def test_a_wrong_broker_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"^BROKER_URL: ") as raised:
        make_broker(url)
    assert "secret" not in str(raised.value)


def test_time_limits_in_an_amqp_url_win_over_ours() -> None:
    url = with_limits("amqps://u:p@host/%2F?heartbeat=5")
    assert url.startswith("amqps://u:p@host/%2F?")
    assert "heartbeat=5" in url
    assert "connection_attempts=1" in url


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_refuses_is_noticed_at_once(scheme: str) -> None:
    ring, _, _ = ringing(make_broker(f"{scheme}://127.0.0.1:{free_ports(1)[0]}"))
    started = time.monotonic()
    with pytest.raises(BrokerConnectionError):
        ring.send(1)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_never_answers_costs_about_two_seconds(scheme: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        ring, _, _ = ringing(make_broker(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"))
        started = time.monotonic()
        with pytest.raises(BrokerConnectionError):
            ring.send(1)
        assert time.monotonic() - started < 3


def test_a_worker_goes_on_soon_after_the_broker_is_back(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    ring, heard, changed = ringing(broker)
    worker = build_worker(broker, queues={"bell"}, threads=2)
    worker.start()
    try:
        ring.send(1)
        with changed:
            assert changed.wait_for(lambda: 1 in heard, timeout=10)
        valkey.stop()
        with pytest.raises(BrokerConnectionError):
            ring.send(2)
        valkey.ensure()
        ring.send(3)
        with changed:
            assert changed.wait_for(lambda: 3 in heard, timeout=10)
    finally:
        worker.stop()
    assert heard == {1, 3}


def test_a_full_broker_is_an_absent_broker(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, LaneBroker)
    broker.client.config_set("maxmemory", 1)
    ring, _, _ = ringing(broker)
    with pytest.raises(BrokerConnectionError):
        ring.send(1)


def test_no_queue_for_delays_is_polled(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    ringing(broker)
    worker = build_worker(broker, queues={"bell"}, threads=1)
    worker.start()
    try:
        assert set(worker.consumers) == {"bell"}
    finally:
        worker.stop()
