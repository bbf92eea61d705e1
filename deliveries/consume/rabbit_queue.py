"""A queue of RabbitMQ.

What lives here: one consumer with a bounded prefetch. A message is known again by its `message_id`, for RabbitMQ gives
it no name of its own. What is refused goes to `<queue>.refused`, with its reason, before it is acknowledged. What has
to wait stays with this reader, unacknowledged: when its connection or its process ends, RabbitMQ gives it to the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from deliveries.consume.source import TRACE, Message, SourceAway
from deliveries.protocol.writing.amqp_urls import each_host

WAIT_SECONDS = 1.0
PREFETCH = 1000  # two batches: one is being accepted, one is on its way
ANSWER_SECONDS = 30
NO_SUCH_QUEUE = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage(Message):
    """A message and its number on this connection, by which it is answered for."""

    tag: int


class RabbitQueue:
    """One reader of a queue; several may read it."""

    def __init__(self, url: str, queue: str) -> None:
        """Raises ValueError for what is no URL of RabbitMQ."""
        self.nodes, self.queue = [pika.URLParameters(each) for each in each_host(url)], queue
        for node in self.nodes:
            node.blocked_connection_timeout = node.socket_timeout = ANSWER_SECONDS
        self._channel: BlockingChannel | None = None
        self._unanswered: list[QueuedMessage] = []  # taken, and finished by nobody yet

    def take(self, limit: int) -> Sequence[Message]:
        """Return what had to wait, and behind it what has come since: who waits hinders no other."""
        with self._open() as channel:
            channel.connection.process_data_events(time_limit=0)  # heartbeats, while the database is away
            if (room := limit - len(self._unanswered)) > 0:
                wait_seconds = 0.0 if self._unanswered else WAIT_SECONDS
                self._unanswered = [*self._unanswered, *self._arriving(channel, room, wait_seconds)]
        return self._unanswered

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        """Acknowledge messages; those that are refused are stored in the other queue first."""
        settled = {id(message) for message in (*done, *(each for each, _ in refused))}
        if not self._is_open():
            raise SourceAway("the connection was lost: what was not acknowledged comes again")
        with self._open() as channel:
            for message, reason in refused:
                self._set_aside(channel, message, reason)
            self._acknowledge(channel, settled)
        self._unanswered = [message for message in self._unanswered if id(message) not in settled]

    def _acknowledge(self, channel: BlockingChannel, settled: Collection[int]) -> None:
        """Acknowledge all up to the first that has to wait by one frame, and those behind it one by one."""
        first = list(takewhile(lambda message: id(message) in settled, self._unanswered))
        if first:
            channel.basic_ack(first[-1].tag, multiple=True)
        for message in self._unanswered[len(first) :]:
            if id(message) in settled:
                channel.basic_ack(message.tag)

    def close(self) -> None:
        """End the connection: RabbitMQ gives what is not acknowledged to another reader."""
        if self._channel is not None and self._channel.connection.is_open:
            self._channel.connection.close()
        self._forget()

    def _is_open(self) -> bool:
        return self._channel is not None and bool(self._channel.is_open)

    def _arriving(self, channel: BlockingChannel, limit: int, wait_seconds: float) -> Iterator[QueuedMessage]:
        """Wait for the first message, and take what is there already then."""
        for method, properties, body in channel.consume(self.queue, inactivity_timeout=wait_seconds):
            if method is None:
                return
            name = properties.message_id
            key = f"{self.queue}:{name}" if name else ""
            yield QueuedMessage(key=key, raw=body, tag=method.delivery_tag, **_trace_of(properties.headers or {}))
            limit -= 1
            if not channel.get_waiting_message_count():
                channel.connection.process_data_events(time_limit=0)
            if limit < 1 or not channel.get_waiting_message_count():
                return

    def _set_aside(self, channel: BlockingChannel, message: Message, reason: str) -> None:
        stored = pika.BasicProperties(
            delivery_mode=pika.DeliveryMode.Persistent,
            message_id=message.key.removeprefix(f"{self.queue}:") or None,
            headers={"reason": reason},
        )
        channel.basic_publish("", f"{self.queue}.refused", message.raw, properties=stored, mandatory=True)

    @contextmanager
    def _open(self) -> Iterator[BlockingChannel]:
        try:
            if not self._is_open():
                self._forget()
                self._channel = self._connect()
            yield self._channel
        except (AMQPError, OSError) as error:
            self._forget()
            raise SourceAway(f"{type(error).__name__} {error}".strip()) from error

    def _forget(self) -> None:
        """Begin anew: what was taken on a connection that is gone comes again on another."""
        self._channel = None
        self._unanswered = []

    def _connect(self) -> BlockingChannel:
        connection = pika.BlockingConnection(self.nodes)
        try:
            for name in (self.queue, f"{self.queue}.refused"):
                _ensure_queue(connection, name)
        except AMQPError:  # a right is missing: no connection is left behind by each try
            connection.close()
            raise
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=PREFETCH)
        return channel


def _trace_of(headers: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name in TRACE if isinstance(value := headers.get(name), str)}


def _ensure_queue(connection: pika.BlockingConnection, name: str) -> None:
    """Make a durable queue, unless there is one of this name, of whatever kind."""
    channel = connection.channel()
    try:
        channel.queue_declare(name, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != NO_SUCH_QUEUE:
            raise
        connection.channel().queue_declare(name, durable=True)
    else:
        channel.close()
