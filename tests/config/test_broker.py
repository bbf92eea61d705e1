"""The broker: chosen by URL, never in the way when it is gone, back at work when it returns."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import dramatiq
import pytest
import redis
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import BrokerConnectionError
from structlog.testing import capture_logs

from config.broker import ValkeyBroker, make_broker
from config.embedded import Services
from config.rabbit_broker import RabbitBroker, with_limits
from config.redis_client import TIMEOUT_SECONDS
from deliveries import actors
from deliveries.errors import WrongSetting
from deliveries.management.workers import build_worker
from deliveries.services.common.seldom import Seldom
from tests.config.poison import THREADS, Listening, failing, refused
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
    assert isinstance(make_broker(f"{scheme}://127.0.0.1:1/0"), ValkeyBroker)


def test_amqp_urls_make_a_broker_for_rabbitmq() -> None:
    assert isinstance(make_broker("amqp://guest:guest@127.0.0.1:1"), RabbitmqBroker)


@pytest.mark.parametrize("url", ["redis://:secret@host:port/0", "amqp://u:secret@host:port"])
def test_a_wrong_broker_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"^BROKER_URL: ") as raised:
        make_broker(url)
    assert "secret" not in str(raised.value)


def test_time_limits_in_an_amqp_url_win_over_ours() -> None:
    (url,) = with_limits("amqps://u:p@host/%2F?heartbeat=5")
    assert url.startswith("amqps://u:p@host/%2F?")
    assert "heartbeat=5" in url
    assert "connection_attempts=1" in url


def test_a_url_may_name_several_nodes_of_rabbitmq_and_the_type_of_its_queues() -> None:
    broker = make_broker("amqp://u:p%2Cq@one,two:7/shop?queue_type=quorum&heartbeat=5")
    assert isinstance(broker, RabbitBroker)
    nodes = [(each.host, each.port, each.virtual_host, each.heartbeat) for each in broker.parameters]
    assert nodes == [("one", 5672, "shop", 5), ("two", 7, "shop", 5)]
    assert {each.credentials.password for each in broker.parameters} == {"p,q"}
    assert broker.queue_type == "quorum"
    with pytest.raises(WrongSetting, match="queue_type is classic or quorum"):
        make_broker("amqp://u:secret@one/shop?queue_type=mirrored")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_refuses_is_noticed_at_once(scheme: str) -> None:
    ring, _, _ = ringing(make_broker(f"{scheme}://127.0.0.1:{free_ports(1)[0]}"))
    with pytest.raises(BrokerConnectionError) as raised:
        ring.send(1)
    assert "refused" in f"{raised.value} {raised.value.__cause__}".lower(), "waited instead"


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_never_answers_is_not_waited_for_long(scheme: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        broker = make_broker(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")
        ring, _, _ = ringing(broker)
        with pytest.raises(BrokerConnectionError):
            ring.send(1)
        assert limits_of(broker) == {TIMEOUT_SECONDS}


def limits_of(broker: dramatiq.Broker) -> set[float]:
    """How long a client waits for a connection and for an answer."""
    if isinstance(broker, RabbitBroker):
        (node,) = broker.parameters
        return {node.socket_timeout, node.stack_timeout, node.blocked_connection_timeout}
    told = broker.client.connection_pool.connection_kwargs
    return {told["socket_timeout"], told["socket_connect_timeout"]}


def test_a_worker_goes_on_soon_after_the_broker_is_back(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    ring, heard, changed = ringing(broker)
    worker = build_worker(broker, queues={"bell"}, threads=2)
    worker.start()
    try:
        ring.send(1)
        with changed:
            assert changed.wait_for(lambda: 1 in heard, timeout=60)
        valkey.stop()
        with pytest.raises(BrokerConnectionError):
            ring.send(2)
        valkey.ensure()
        ring.send(3)
        with changed:
            assert changed.wait_for(lambda: 3 in heard, timeout=60)
    finally:
        worker.stop()
    assert heard == {1, 3}


@pytest.mark.parametrize("queue_name", ["bell", "deliveries"])
def test_what_is_no_message_of_ours_is_dropped_with_a_line_and_nobody_waits_for_it(
    valkey: Services, queue_name: str
) -> None:
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, ValkeyBroker)
    listening = Listening(broker, queue_name)
    bodies = refused(listening.ring.message(1))
    for body in [*bodies, *failing(listening.ring.message(1))]:
        broker.put(queue_name, body)
    with capture_logs() as logs:
        listening.worker.start()
        try:
            assert listening.hears(2)
            assert listening.threads_alive() == THREADS
        finally:
            listening.worker.stop()
    assert listening.heard == [2]
    told = [line for line in logs if line["event"] == "message_refused"]
    assert len(told) == len(bodies)
    assert max(len(str(line)) for line in told) < 300, "what came is not repeated"


def test_a_full_broker_is_an_absent_broker(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, ValkeyBroker)
    broker.client.config_set("maxmemory", 1)
    ring, _, _ = ringing(broker)
    with pytest.raises(BrokerConnectionError):
        ring.send(1)


def test_who_rings_in_haste_holds_one_connection_and_makes_another_when_the_server_ended_it(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, ValkeyBroker)
    ring, _, _ = ringing(broker)

    def ring_in_haste(number: int) -> set[object]:
        with broker.in_haste():
            ring.send(number)
        return {each["id"] for each in broker.client.client_list() if each["cmd"] == "rpush"}

    first = ring_in_haste(1)
    assert ring_in_haste(2) == first
    assert len(first) == 1
    broker.client.client_kill_filter(_id=first.copy().pop(), skipme=True)
    again = ring_in_haste(3)
    assert len(again) == 1
    assert again != first
    assert broker.waiting("bell") == 3
    broker.client.config_set("maxmemory", 1)
    with pytest.raises(BrokerConnectionError):
        ring_in_haste(4)
    broker.client.config_set("maxmemory", 0)
    ring_in_haste(5)
    assert broker.waiting("bell") == 4


@pytest.mark.parametrize(("milliseconds", "at_once"), [(60_000, 3), (0, 1)])
def test_hints_are_heeded_one_after_the_other_for_a_while(valkey: Services, milliseconds: int, at_once: int) -> None:
    """Between two of them Dramatiq's thread looks whether it is to end, which costs as much as a hint."""
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, ValkeyBroker)
    listening = Listening(broker, "deliveries")
    consumer = broker.consume("deliveries", timeout=milliseconds)
    for number in range(3):
        listening.ring.send(number)
    assert next(consumer) is None
    assert listening.heard == [*range(at_once)]


def test_a_hint_is_a_message_of_dramatiqs(valkey: Services) -> None:
    """Given processes of an older release, then they read what is written past Dramatiq as what Dramatiq wrote."""
    broker = make_broker(valkey.broker_url)
    assert isinstance(broker, ValkeyBroker)
    heard: list[list[str]] = []
    actor = dramatiq.actor(heard.append, broker=broker, actor_name="hear", queue_name="deliveries", max_retries=0)
    broker.hint("deliveries", actor_name=actor.actor_name, lanes=["first", "second"])
    message = dramatiq.Message.decode(broker.take("deliveries") or b"")
    assert (message.queue_name, message.actor_name) == ("deliveries", actor.actor_name)
    assert message.args == (["first", "second"],)
    assert (message.kwargs, message.options) == ({}, {})
    broker.hint("deliveries", actor_name=actor.actor_name, lanes=["third"])
    assert next(broker.consume("deliveries", timeout=0)) is None
    assert heard == [["third"]]


def test_no_queue_for_delays_is_polled(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    ringing(broker)
    worker = build_worker(broker, queues={"bell"}, threads=1)
    worker.start()
    try:
        assert set(worker.consumers) == {"bell"}
    finally:
        worker.stop()


def with_user(url: str, rights: str) -> str:
    """The URL of the same broker for a user who has these rights and no other."""
    with redis.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "alice", "reset", "on", ">secret", *rights.split())
    return f"{url}&username=alice&password=secret"


def test_a_broker_that_takes_a_message_is_ok(valkey: Services) -> None:
    broker = make_broker(valkey.broker_url)
    assert broker.condition() == "ok"  # type: ignore[attr-defined]
    with redis.Redis.from_url(valkey.broker_url) as client:
        assert not [key for key in client.scan_iter() if b"readyz" in key]


def test_a_broker_that_is_full_is_not_ok(valkey: Services) -> None:
    with redis.Redis.from_url(valkey.broker_url) as client:
        client.config_set("maxmemory", "1")
    with capture_logs() as logs:
        assert make_broker(valkey.broker_url).condition() == "full"  # type: ignore[attr-defined]
    assert "OutOfMemory" in logs[0]["reason"]


@pytest.mark.parametrize("rights", ["~other:* +@all", "~hookpost* +@all -@write", "~hookpost* +@all -rpush"])
def test_a_broker_where_a_right_is_missing_is_not_ok(valkey: Services, rights: str) -> None:
    url = with_user(valkey.broker_url, rights)
    assert make_broker(url).condition() == "not allowed"  # type: ignore[attr-defined]
    assert make_broker(with_user(valkey.broker_url, "~hookpost* +@all")).condition() == "ok"  # type: ignore[attr-defined]


def test_a_broker_that_is_read_only_is_not_ok(valkey: Services) -> None:
    with redis.Redis.from_url(valkey.broker_url) as client:
        client.replicaof("127.0.0.1", 1)
    assert make_broker(valkey.broker_url).condition() == "read-only"  # type: ignore[attr-defined]


def test_a_broker_that_is_gone_or_silent_is_not_ok(valkey: Services) -> None:
    assert valkey.valkey is not None
    broker = make_broker(valkey.broker_url)
    valkey.valkey.send_signal(signal.SIGSTOP)
    try:
        assert broker.condition() == "does not answer"  # type: ignore[attr-defined]
    finally:
        valkey.valkey.send_signal(signal.SIGCONT)
    valkey.stop()
    assert broker.condition() == "unreachable"  # type: ignore[attr-defined]
    assert make_broker("amqp://127.0.0.1:1").condition() == "unreachable"  # type: ignore[attr-defined]


def test_the_log_says_why_nobody_was_woken(valkey: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a broker that is full, then the line names that, and not only the kind of Dramatiq's error."""
    with redis.Redis.from_url(valkey.broker_url) as client:
        client.config_set("maxmemory", "1")
    full, _, _ = ringing(make_broker(valkey.broker_url))
    monkeypatch.setattr(actors.run_job, "broker", full.broker)
    monkeypatch.setattr(actors, "_seldom", Seldom())
    with capture_logs() as logs:
        actors.ring_job(UUID(int=1))
    assert logs[0]["event"] == "broker_notify_failed"
    assert "maxmemory" in logs[0]["error"]


def test_each_reason_why_nobody_was_woken_is_told_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a broker that is away while a thousand events a second are accepted, then the log stays readable."""
    monkeypatch.setattr(actors, "_seldom", Seldom())

    def told(*reasons: str) -> list[str]:
        with capture_logs() as logs:
            for reason in reasons:
                actors.note_broker_away(ConnectionError(reason), lanes=1)
        return [line["error"].split(": ")[-1] for line in logs]

    assert told("gone", "gone", "full", "gone", "full") == ["gone", "full"]
