"""Hints that are heard by a thread which waits for sockets anyway: as they come, and none is lost on the way.

What lives here: a list, its watcher and a broker of its own; ways to it that are secured or broken.
"""

from __future__ import annotations

import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from urllib.parse import urlsplit

import dramatiq
import pytest
import redis
import trustme
from dramatiq.errors import ConnectionClosed

from config import watched_list
from config.broker import ValkeyBroker, make_broker
from config.embedded import Services
from config.list_broker import ListConsumer
from config.watched_list import AT_ONCE, WatchedList
from deliveries.outbound.client import new_transfers
from tests.config.test_broker import with_user
from tests.ports import free_ports

PATIENCE_SECONDS = 30
QUEUE = "deliveries"  # one of hints


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Services]:
    """A broker of our own that may be stopped."""
    with Services(tmp_path, database=False) as services:
        yield services


class Watcher:
    """A thread that waits for requests, of which there are none, and hears hints."""

    def __init__(self, url: str) -> None:
        broker = make_broker(url)
        assert isinstance(broker, ValkeyBroker)
        self.broker, self.heard, self.threads = broker, list[str](), set[str]()
        self.may_ask = True
        self._changed, self._stopping = threading.Condition(), False
        dramatiq.actor(self._note, broker=broker, queue_name=QUEUE, actor_name="note", max_retries=0)
        self._transfers = new_transfers()
        self._thread = threading.Thread(target=self._wait, name="watcher")
        broker.have_watched(QUEUE, self.watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._transfers.interrupt()
        self._thread.join()
        self._transfers.close()

    def watch(self, queue: WatchedList) -> None:
        self._transfers.hear(queue, may_ask=lambda: self.may_ask)

    def ring(self, text: str) -> None:
        self.broker.enqueue(self.broker.get_actor("note").message(text))

    def hears(self, *texts: str) -> bool:
        """Say whether exactly these were heard, in this order, within half a minute."""
        with self._changed:
            return self._changed.wait_for(lambda: self.heard == [*texts], timeout=PATIENCE_SECONDS)

    def consumer(self) -> ListConsumer:
        """Return a consumer whose list is watched."""
        consumer = self.broker.consume(QUEUE)
        assert next(consumer) is None
        return consumer

    def _note(self, text: str) -> None:
        with self._changed:
            self.heard.append(text)
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()

    def _wait(self) -> None:
        while not self._stopping:
            self._transfers.finish(wait_seconds=1.0, idle_too=True)


def failed(consumer: ListConsumer) -> bool:
    """Say whether a consumer tells that its connection failed."""
    try:
        while True:
            next(consumer)
    except ConnectionClosed:
        return True


def test_hints_are_heeded_by_the_thread_that_watches_and_in_their_order(valkey: Services) -> None:
    with Watcher(valkey.broker_url) as watcher:
        watcher.ring("first")
        consumer = watcher.consumer()
        assert watcher.hears("first")
        for text in ("second", "third"):
            watcher.ring(text)
        assert watcher.hears("first", "second", "third")
        assert watcher.threads == {"watcher"}
        consumer.close()


def test_what_comes_while_nobody_may_ask_waits_in_the_list_for_others(valkey: Services) -> None:
    with Watcher(valkey.broker_url) as watcher:
        watcher.may_ask = False
        consumer = watcher.consumer()
        watcher.ring("one")
        next(consumer)
        assert watcher.broker.waiting(QUEUE) == 1
        watcher.may_ask = True
        assert watcher.hears("one")
        consumer.close()


def test_one_who_is_busy_takes_some_that_wait_and_does_not_wait_for_more(valkey: Services) -> None:
    watcher = Watcher(valkey.broker_url)
    for number in range(AT_ONCE + 1):
        watcher.ring(str(number))
    taken: list[bytes] = []
    queue = watcher.broker.watched(QUEUE, heed=taken.append)
    for _ in range(2):
        queue.ask(busy=True)
        while queue._is_asked:
            queue.read()
    assert len(taken) == AT_ONCE + 1
    queue.ask(busy=True)
    while queue._is_asked:
        queue.read()
    assert len(taken) == AT_ONCE + 1
    assert not queue.ended.is_set()
    queue.stop()
    queue.ask(busy=True)
    assert queue.ended.is_set()
    watcher._transfers.close()


def test_after_a_stop_nothing_more_is_taken(valkey: Services) -> None:
    with Watcher(valkey.broker_url) as watcher:
        consumer = watcher.consumer()
        consumer.close()
        watcher.ring("late")
        assert watcher.broker.waiting(QUEUE) == 1
        assert watcher.heard == []
        listed = watcher.broker.client.client_list()
        assert {each["cmd"] for each in listed}.isdisjoint({"blpop", "lpop"}), "its connection is closed"


def test_a_server_that_goes_is_told_at_once_and_heard_again_when_it_is_back(valkey: Services) -> None:
    with Watcher(valkey.broker_url) as watcher:
        consumer = watcher.consumer()
        valkey.stop()
        assert failed(consumer)
        with pytest.raises(ConnectionClosed):
            watcher.consumer()
        valkey.ensure()
        again = watcher.consumer()
        watcher.ring("again")
        assert watcher.hears("again")
        again.close()


def test_a_server_that_says_nothing_is_given_up(valkey: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_list, "SILENT_SECONDS", 0.0)
    assert valkey.valkey is not None
    with Watcher(valkey.broker_url) as watcher:
        watcher.may_ask = False
        consumer = watcher.consumer()
        valkey.valkey.send_signal(signal.SIGSTOP)
        try:
            watcher.may_ask = True
            assert failed(consumer)
        finally:
            valkey.valkey.send_signal(signal.SIGCONT)


def test_a_connection_that_the_server_ended_is_made_again_at_once(valkey: Services) -> None:
    with Watcher(valkey.broker_url) as watcher:
        watcher.ring("one")
        consumer = watcher.consumer()
        assert watcher.hears("one")
        watcher.broker.client.client_kill_filter(_type="normal", skipme=True)
        watcher.ring("two")
        while watcher.heard == ["one"]:
            assert next(consumer) is None
        assert watcher.hears("one", "two")
        consumer.close()


def test_a_mistake_in_what_hears_ends_the_watch_and_not_the_watcher(valkey: Services) -> None:
    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    watcher = Watcher(valkey.broker_url)
    queue = watcher.broker.watched(QUEUE, heed=fail)
    watcher.watch(queue)
    watcher.ring("one")
    with watcher:
        assert queue.ended.wait(PATIENCE_SECONDS)
        assert isinstance(queue.error, ZeroDivisionError)
        consumer = watcher.consumer()
        watcher.ring("two")
        assert watcher.hears("two")
        consumer.close()


def test_what_is_not_allowed_is_told(valkey: Services) -> None:
    with Watcher(with_user(valkey.broker_url, "~hookpost* +@all -blpop")) as watcher:
        assert failed(watcher.broker.consume(QUEUE))


def test_a_user_with_a_password_hears(valkey: Services) -> None:
    with Watcher(with_user(valkey.broker_url, "~hookpost* +@all")) as watcher:
        consumer = watcher.consumer()
        watcher.ring("one")
        assert watcher.hears("one")
        consumer.close()


@contextmanager
def tls_in_front(port: int, folder: Path) -> Iterator[str]:
    """A server that speaks TLS, takes one connection after the other apart, and hands on what it says; its URL."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_take, args=(server, context, port), daemon=True)
        thread.start()
        yield f"rediss://127.0.0.1:{server.getsockname()[1]}/0?ssl_ca_certs={folder / 'ca.pem'}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_SECONDS)


def _take(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):  # the server was closed
        while True:
            taken, _ = server.accept()
            threading.Thread(target=_hand_on, args=(taken, context, port), daemon=True).start()


def _hand_on(taken: socket.socket, context: ssl.SSLContext, port: int) -> None:
    behind, selector = socket.create_connection(("127.0.0.1", port)), DefaultSelector()
    with suppress(OSError), behind, selector, context.wrap_socket(taken, server_side=True) as caller:
        selector.register(caller, EVENT_READ, behind)
        selector.register(behind, EVENT_READ, caller)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                if not (data := key.fileobj.recv(65_536)):
                    return
                for start in range(0, len(data), 7):  # an answer comes in pieces
                    key.data.sendall(data[start : start + 7])


def tcp(services: Services) -> int:
    """Have the broker listen on a port too; returns it."""
    (port,) = free_ports(1)
    with redis.Redis.from_url(services.broker_url) as client:
        client.config_set("port", port)
    return port


def test_an_answer_in_pieces_and_over_tls_is_heard_as_a_whole(valkey: Services, tmp_path: Path) -> None:
    assert urlsplit(valkey.broker_url).scheme == "unix"
    with tls_in_front(tcp(valkey), tmp_path) as url, Watcher(url) as watcher:
        consumer = watcher.consumer()
        text = "x" * 20_000
        watcher.ring(text)
        assert watcher.hears(text)
        consumer.close()
