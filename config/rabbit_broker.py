"""RabbitMQ as the broker: one node or several, classic queues or quorum queues.

What lives here: reading the URL, time limits, and telling queues of another kind. It must not know an actor.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dramatiq
import pika
from dramatiq.brokers import rabbitmq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.common import dq_name, xq_name
from dramatiq.errors import ConnectionClosed
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPChannelError, AMQPConnectionError, AMQPError, ChannelClosedByBroker

from config.broker_state import declare, rabbit_word
from config.messages import is_ours
from config.redis_client import TIMEOUT_SECONDS
from deliveries.errors import WrongSetting
from deliveries.protocol.writing.amqp_urls import each_host

HEARTBEAT_SECONDS = 60
QUEUE_TYPES = ("", "classic", "quorum")
PRECONDITION_FAILED = 406
RENEW_SECONDS = 5.0  # of a connection to a cluster

rabbitmq.MAX_ENQUEUE_ATTEMPTS = 2  # two tries of one second; Dramatiq has no option for it


def rabbit_broker(url: str, *, middleware: list[dramatiq.Middleware]) -> RabbitBroker:
    """The broker of a URL, not yet connected; ValueError for a URL that cannot be read.

    `amqp://user:password@one:5672,two:5672/vhost?queue_type=quorum`: the first host that answers is used.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    queue_type = options.pop("queue_type", "")
    if queue_type not in QUEUE_TYPES:
        raise WrongSetting("BROKER_URL: queue_type is classic or quorum")
    plain = urlunsplit(parts._replace(query=urlencode(options)))
    return RabbitBroker(with_limits(plain), queue_type=queue_type, middleware=middleware)


def with_limits(url: str) -> list[str]:
    """The URL of each node with our time limits, except those that it sets itself."""
    parts = urlsplit(url)
    limits = {
        "connection_attempts": "1",
        "socket_timeout": str(TIMEOUT_SECONDS),
        "stack_timeout": str(TIMEOUT_SECONDS),
        "blocked_connection_timeout": str(TIMEOUT_SECONDS),
        "heartbeat": str(HEARTBEAT_SECONDS),
    }
    return each_host(urlunsplit(parts._replace(query=urlencode(limits | dict(parse_qsl(parts.query))))))


CONNECTION: property = vars(RabbitmqBroker)["connection"]


def connect(broker: RabbitmqBroker) -> object:
    """The connection of this thread; a server that accepts and then says nothing counts as one that is away."""
    try:
        return CONNECTION.__get__(broker)
    except AMQPConnectorException as error:
        raise AMQPConnectionError(str(error)) from error


class RabbitConsumer(dramatiq.Consumer):
    """Dramatiq's consumer, which hands on only messages of ours; others go to the queue of dead messages."""

    def __init__(self, broker: RabbitBroker, queue_name: str, *, inner: dramatiq.Consumer) -> None:
        self._broker, self._queue_name, self._inner = broker, queue_name, inner

    def __next__(self) -> dramatiq.MessageProxy | None:
        """Return a message, or None after a while without any, or in place of one that is refused."""
        message = next(self._inner)
        if message is None or is_ours(message, broker=self._broker, queue_name=self._queue_name):
            return message
        self._inner.nack(message)
        return None

    def ack(self, message: dramatiq.MessageProxy) -> None:
        """Note that a message was dealt with."""
        self._inner.ack(message)

    def nack(self, message: dramatiq.MessageProxy) -> None:
        """Have a message set aside."""
        self._inner.nack(message)

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        """Put messages back that this worker has no time for any more."""
        self._inner.requeue(messages)

    def close(self) -> None:
        """Hang up."""
        self._inner.close()


class RabbitBroker(RabbitmqBroker):
    """Dramatiq's broker for RabbitMQ, which knows no quorum queues and overlooks one way of failing to connect."""

    connection = CONNECTION.getter(connect)

    def __init__(self, urls: list[str], *, queue_type: str, middleware: list[dramatiq.Middleware]) -> None:
        super().__init__(url=urls, middleware=middleware)
        self.queue_type = queue_type

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        """Return a consumer of a queue; the timeout is in milliseconds."""
        return RabbitConsumer(self, queue_name, inner=super().consume(queue_name, prefetch, timeout))

    def flush(self, queue_name: str) -> None:
        """Drop all messages of a queue, over a connection that is new if the old one was lost while it was idle."""
        try:
            super().flush(queue_name)
        except AMQPConnectionError:
            del self.connection
            super().flush(queue_name)

    def condition(self) -> str:
        """Say in a word whether messages can be sent: `ok`, or what is wrong."""
        return rabbit_word(self, self.declarations())

    def declarations(self) -> dict[str, dict[str, object]]:
        """Return the arguments of each queue in the server: Dramatiq makes three of one."""
        found: dict[str, dict[str, object]] = {}
        for name in sorted(self.queues):
            found[name] = found[dq_name(name)] = self._build_queue_arguments(name)
            found[xq_name(name)] = self._dead_arguments()
        return found

    def refusal(self) -> str:
        """Say why no process may start with this broker: its queues are there and of another type."""
        try:
            with closing(pika.BlockingConnection(self.parameters)) as connection:
                declare(connection.channel(), self.declarations())
        except ChannelClosedByBroker as error:
            return queues_differ(error.reply_text) if error.reply_code == PRECONDITION_FAILED else ""
        except (AMQPError, AMQPConnectorException, OSError):
            return ""  # away, or not for us to use: readiness says so
        return ""

    def waiting(self, queue_name: str) -> int:
        """How many messages of a queue no worker has read; asks again, as a connection may be lost while it is idle."""
        self._renew_connection()
        try:
            return self._ready(queue_name)
        except ConnectionClosed:
            return self._ready(queue_name)

    def _renew_connection(self) -> None:
        """Connect anew now and then: a channel that was opened while nodes were chosen loses all messages, silently."""
        now = time.monotonic()
        if self.queue_type == "quorum" and now - getattr(self.state, "connected_at", 0.0) > RENEW_SECONDS:
            del self.connection
            self.state.connected_at = now

    def _ready(self, queue_name: str) -> int:
        try:
            return int(RabbitmqBroker._declare_queue(self, queue_name).method.message_count)
        except (AMQPConnectionError, AMQPChannelError) as error:
            del self.connection  # Dramatiq leaves it: every later question of this thread would fail
            raise ConnectionClosed(error) from error

    def _build_queue_arguments(self, queue_name: str) -> dict[str, object]:
        told: dict[str, object] = RabbitmqBroker._build_queue_arguments(self, queue_name)
        return told | self._kind()

    def _declare_xq_queue(self, queue_name: str) -> object:
        """Let the queue of dead messages live on several nodes too, or no process starts while its node is away."""
        return self.channel.queue_declare(xq_name(queue_name), durable=True, arguments=self._dead_arguments())

    def _dead_arguments(self) -> dict[str, object]:
        return {"x-message-ttl": rabbitmq.DEAD_MESSAGE_TTL} | self._kind()

    def _kind(self) -> dict[str, object]:
        return {"x-queue-type": self.queue_type} if self.queue_type else {}


def queues_differ(reason: str) -> str:
    """Say what to do about queues that an earlier setting made."""
    return (
        f"BROKER_URL: RabbitMQ has our queues already, of another type ({reason});"
        " name another vhost, or delete them: they hold nothing that is not in PostgreSQL"
    )
