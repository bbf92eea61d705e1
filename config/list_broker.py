"""A Dramatiq broker of one list in Redis or Valkey for each queue: put at its end, taken from its head, and no more.

What lives here: what a message that is only a hint needs. It is not acknowledged, retried or kept for a worker that
died with it: PostgreSQL knows what is due, and the dispatcher rings again. So a message costs one command to send and
one to take, where Dramatiq's own broker for Redis takes five, and wakes one waiting worker, where it has to wake all.
A list holds so many messages at most; the oldest give way. A queue of hints is heeded by whoever takes them: handing a
message to a worker's thread costs more than what the hint asks for. It must not know an actor.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeVar, cast

import dramatiq
import orjson
import redis
import structlog
from dramatiq.common import current_millis
from dramatiq.errors import ConnectionClosed, QueueJoinTimeout

from config.messages import is_ours, tell_refused

log = structlog.get_logger(__name__)

LISTEN_SECONDS = 0.7  # less than the limit for an answer
LISTEN = b"%.1f" % LISTEN_SECONDS
LONGEST = 1000  # messages of a queue; who rings stops long before
NAMELESS = {"message_id": "", "message_timestamp": 0}  # of a hint nobody asks for these; without them they are made up

Reply = TypeVar("Reply")


class ListConsumer(dramatiq.Consumer):
    """Takes messages of one queue, waiting inside the server for the next."""

    def __init__(self, broker: ListBroker, queue_name: str, *, prefetch: int, timeout_seconds: float) -> None:
        self._broker, self._queue_name = broker, queue_name
        self._prefetch, self._timeout_seconds = prefetch, timeout_seconds
        self._outstanding = 0

    def __next__(self) -> dramatiq.MessageProxy | None:
        """Return a message, or None after a hint or a while without anything."""
        if self._queue_name in self._broker.hints:
            self._heed_some()
            return None
        if self._outstanding >= self._prefetch:
            time.sleep(self._timeout_seconds)
            return None
        message = self._take()
        if message is None:
            return None
        self._outstanding += 1
        return dramatiq.MessageProxy(message)

    def _heed_some(self) -> None:
        """Heed hints for a while, or until none comes: what Dramatiq looks after between two of them costs as much."""
        until = time.monotonic() + self._timeout_seconds
        while (message := self._take()) is not None:
            self._broker.heed(message)
            if time.monotonic() >= until:
                return

    def _take(self) -> dramatiq.Message[object] | None:
        data = self._broker.take(self._queue_name)
        return None if data is None else self._read(data)

    def _read(self, data: bytes) -> dramatiq.Message[object] | None:
        """Return a message, or None in place of what is none of ours, which is dropped."""
        try:
            message: dramatiq.Message[object] = dramatiq.Message.decode(data)
        except dramatiq.DecodeError as error:
            tell_refused(self._queue_name, str(error.__cause__))
            return None
        return message if is_ours(message, broker=self._broker, queue_name=self._queue_name) else None

    def ack(self, message: dramatiq.MessageProxy) -> None:
        """Note that a message was dealt with."""
        self._outstanding -= 1

    def nack(self, message: dramatiq.MessageProxy) -> None:
        """Note that a message failed: what it was for is found again without it."""
        self._outstanding -= 1

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        """Put messages back that this worker has no time for any more."""
        for message in messages:
            self._broker.put(message.queue_name, message.encode())


class HeldConnections:
    """Connections of a client that are held between two commands: borrowing one costs twice the command itself."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._idle: list[redis.Connection] = []
        os.register_at_fork(after_in_child=self._idle.clear)

    def ask(self, *words: bytes) -> object:
        """Send a command and return its answer; raises what the client would, and holds what failed no longer.

        Where the server has closed a connection meanwhile it is sent once more: no command may mind being sent twice.
        """
        command, is_held = packed(*words), bool(self._idle)
        try:
            return self._ask(command)
        except redis.ConnectionError:
            if not is_held:
                raise
            self._disconnect_idle()
            return self._ask(command)

    def _ask(self, command: bytes) -> object:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._pool.get_connection()
        try:
            connection.send_packed_command([command])
            answer: object = connection.read_response()
        except BaseException:
            connection.disconnect()
            self._pool.release(connection)
            raise
        self._idle.append(connection)
        return answer

    def _disconnect_idle(self) -> None:
        """Give up the others too: the server that closed one has gone."""
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                connection.disconnect()
                self._pool.release(connection)


def packed(*words: bytes) -> bytes:
    """Return a command as the protocol has it: an array of strings, each with its length."""
    return b"*%d\r\n%b" % (len(words), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words]))


class _Haste(threading.local):
    """Whether this thread gives up soon; as a block, it does inside."""

    is_on = False

    def __enter__(self) -> None:
        self.is_on = True

    def __exit__(self, *raised: object) -> None:
        self.is_on = False


class ListBroker(dramatiq.Broker):
    """See above; raises `dramatiq.errors.ConnectionClosed` for whatever ails the server.

    `hints` names queues whose actors return at once and need nothing of what middleware does around a message.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        hasty: redis.Redis,
        namespace: str,
        middleware: list[dramatiq.Middleware],
        hints: Collection[str] = (),
    ) -> None:
        super().__init__(middleware=middleware)
        self.client, self.namespace, self.hints = client, namespace, frozenset(hints)
        self._hasty, self._haste, self._held = hasty, _Haste(), HeldConnections(hasty)
        self._listening = HeldConnections(client)

    def in_haste(self) -> AbstractContextManager[None]:
        """Inside, give up sending after a tenth of a second in this thread: somebody waits for it."""
        return self._haste

    @property
    def _sender(self) -> redis.Redis:
        return self._hasty if self._haste.is_on else self.client

    def key(self, queue_name: str) -> str:
        """Return the name of a queue's list."""
        return f"{self.namespace}:list:{queue_name}"

    def declare_queue(self, queue_name: str) -> None:
        """Note a queue; its list comes into being with its first message."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[object], *, delay: int | None = None) -> dramatiq.Message[object]:
        """Send a message now; moments to come live in PostgreSQL."""
        if delay is not None:
            raise ValueError("this broker keeps no message for later")
        if message.queue_name in self.hints:
            self.put(message.queue_name, message.encode())
            return message
        self.emit_before("enqueue", message, delay)
        self.put(message.queue_name, message.encode())
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> ListConsumer:
        """Return a consumer of a queue; the timeout is in milliseconds."""
        return ListConsumer(self, queue_name, prefetch=prefetch, timeout_seconds=timeout / 1000)

    def get_declared_queues(self) -> set[str]:
        """Return the names of all queues."""
        return set(self.queues)

    def get_declared_delay_queues(self) -> set[str]:
        """Return none: there are no delays."""
        return set()

    def flush(self, queue_name: str) -> None:
        """Drop all messages of a queue."""
        self._ask(lambda: self.client.delete(self.key(queue_name)))

    def flush_all(self) -> None:
        """Drop all messages."""
        for queue_name in self.queues:
            self.flush(queue_name)

    def join(self, queue_name: str, *, timeout: int | None = None) -> None:
        """Wait until nothing waits in a queue; the timeout is in milliseconds."""
        deadline = timeout and current_millis() + timeout
        while self.waiting(queue_name):
            if deadline and current_millis() >= deadline:
                raise QueueJoinTimeout(queue_name)
            time.sleep(0.05)

    def waiting(self, queue_name: str) -> int:
        """Return how many messages of a queue no worker has taken."""
        client = self._sender
        return self._ask(lambda: client.llen(self.key(queue_name)))

    def hint(self, queue_name: str, *, actor_name: str, lanes: Sequence[str]) -> None:
        """Put a hint, as Dramatiq writes the message for it: making that message costs more than sending it."""
        message = {"queue_name": queue_name, "actor_name": actor_name, "args": [lanes], "kwargs": {}, "options": {}}
        self.put(queue_name, orjson.dumps(message | NAMELESS))

    def put(self, queue_name: str, data: bytes) -> None:
        """Put a message at the end; beyond the longest list the oldest give way."""
        key = self.key(queue_name)
        client = self._sender
        if self._ask(lambda: self._push(key, data)) > LONGEST:
            self._ask(lambda: client.ltrim(key, -LONGEST, -1))

    def _push(self, key: str, data: bytes) -> int:
        if self._sender is self._hasty:
            return cast(int, self._held.ask(b"RPUSH", key.encode(), data))
        return self.client.rpush(key, data)

    def take(self, queue_name: str) -> bytes | None:
        """Take the first message, waiting for one for a moment."""
        found = self._ask(lambda: self._pop(self.key(queue_name)))
        return cast(tuple[bytes, bytes], found)[1] if found else None

    def _pop(self, key: str) -> object:
        try:
            return self._listening.ask(b"BLPOP", key.encode(), LISTEN)
        except (redis.ConnectionError, redis.TimeoutError):  # it died meanwhile: once more, over a new one
            return self.client.blpop([key], LISTEN_SECONDS)

    def heed(self, message: dramatiq.Message[object]) -> None:
        """Do what a hint asks for, in this thread; one that fails is lost, as any hint may be."""
        try:
            self.get_actor(message.actor_name).fn(*message.args, **message.kwargs)
        except Exception:
            log.exception("hint_failed", actor=message.actor_name)

    def _ask(self, act: Callable[[], Reply]) -> Reply:
        try:
            return act()
        except redis.RedisError as error:
            raise ConnectionClosed(error) from error
