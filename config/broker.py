"""The broker by its URL: Redis and Valkey, or RabbitMQ.

What lives here: the choice, its time limits, and Django's connections around a message. It must not
know an actor. The broker is a doorbell: when it is away a caller learns so within two seconds, as
`dramatiq.errors.BrokerConnectionError`, and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dramatiq
import redis
from django.db import close_old_connections, connections
from dramatiq.brokers import rabbitmq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPConnectionError
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.broker_state import rabbit_word, redis_word
from deliveries.database.sharing import share_connections
from deliveries.errors import WrongSetting

NAMESPACE = "hookpost"
TIMEOUT_SECONDS = 1.0
HEARTBEAT_SECONDS = 60
LISTEN_SECONDS = 0.3  # less than the limit for an answer

rabbitmq.MAX_ENQUEUE_ATTEMPTS = 2  # two tries of one second; Dramatiq has no option for it


def make_broker(url: str) -> dramatiq.Broker:
    """The broker of a URL, not yet connected; wrong URLs raise WrongSetting."""
    try:
        if urlsplit(url).scheme in ("amqp", "amqps"):
            return BellBroker(url=with_limits(url), middleware=middleware())
        return LaneBroker(client=redis_client(url), namespace=NAMESPACE, middleware=middleware())  # type: ignore[no-untyped-call]
    except ValueError:
        raise WrongSetting("BROKER_URL: not a URL of Redis, Valkey or RabbitMQ") from None  # it may hold a password


def redis_client(url: str) -> redis.Redis:
    """A client which gives up after one more try: the first may have met a connection that died meanwhile."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def with_limits(url: str) -> str:
    """The URL of RabbitMQ with our time limits, except those that it sets itself."""
    parts = urlsplit(url)
    limits = {
        "connection_attempts": "1",
        "socket_timeout": str(TIMEOUT_SECONDS),
        "stack_timeout": str(TIMEOUT_SECONDS),
        "blocked_connection_timeout": str(TIMEOUT_SECONDS),
        "heartbeat": str(HEARTBEAT_SECONDS),
    }
    return urlunsplit(parts._replace(query=urlencode(limits | dict(parse_qsl(parts.query)))))


def middleware() -> list[dramatiq.Middleware]:
    """All that happens around a message; what Dramatiq adds by default costs more than a message does."""
    return [DatabaseConnections(), NothingTwice()]


class LaneConsumer(_RedisConsumer):
    """Waits inside the server for the next message, where Dramatiq's own polls for it, up to 50 ms too late."""

    def __init__(self, broker: LaneBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout=0)  # type: ignore[no-untyped-call]
        self._pause_seconds = timeout / 1000

    def __next__(self) -> Any:
        """Return a message, or None after a while without one."""
        if not self.message_cache:
            self._wait()
        return super().__next__()  # type: ignore[no-untyped-call]

    def _wait(self) -> None:
        if self.outstanding_message_count >= self.prefetch:
            time.sleep(self._pause_seconds)
            return
        key = f"{self.broker.namespace}:{self.queue_name}"
        try:
            # Moves the first one to its own place: nothing changes, but the server answers when there is one.
            self.broker.client.blmove(key, key, LISTEN_SECONDS, "LEFT", "LEFT")
        except redis.RedisError as error:
            raise ConnectionClosed(error) from error


class LaneBroker(RedisBroker):
    """Dramatiq's broker for Redis, without delay queues and with one error for whatever ails the server.

    Delays live in PostgreSQL. Dramatiq itself handles lost connections only: after a timeout, or an
    answer such as "out of memory", it would give up a message that it could acknowledge a second later.
    """

    @property
    def consumer_class(self) -> type[LaneConsumer]:
        """What listens to a queue."""
        return LaneConsumer

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, without its twin for delays that a worker would poll for nothing."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def condition(self) -> str:
        """Say in a word whether messages can be sent: `ok`, or what is wrong."""
        return redis_word(self)

    def _dispatch(self, command: str) -> Callable[..., Any]:
        dispatch = super()._dispatch(command)  # type: ignore[no-untyped-call]

        def dispatch_or_say_why(*args: Any) -> Any:
            try:
                return dispatch(*args)
            except redis.RedisError as error:
                raise ConnectionClosed(error) from error

        return dispatch_or_say_why


CONNECTION: property = vars(RabbitmqBroker)["connection"]


def connect(broker: RabbitmqBroker) -> Any:
    """The connection of this thread; a server that accepts and then says nothing counts as one that is away."""
    try:
        return CONNECTION.__get__(broker)
    except AMQPConnectorException as error:
        raise AMQPConnectionError(str(error)) from error


class BellBroker(RabbitmqBroker):
    """Dramatiq's broker for RabbitMQ, which overlooks one way of failing to connect."""

    connection = CONNECTION.getter(connect)

    def condition(self) -> str:
        """Say in a word whether messages can be sent: `ok`, or what is wrong."""
        return rabbit_word(self)


class DatabaseConnections(dramatiq.Middleware):
    """What Django does around a request, around a message: connections that broke are not used again."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """Let this thread borrow its connections, and drop a broken one."""
        share_connections()
        close_old_connections()

    def after_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy, **outcome: Any) -> None:
        """Give back what was borrowed."""
        close_old_connections()

    def before_worker_thread_shutdown(self, broker: dramatiq.Broker, thread: Any) -> None:
        """Close the connections of a thread that ends."""
        connections.close_all()


class NothingTwice(dramatiq.Middleware):
    """Lets actors say `max_retries=0` and `time_limit`: promises kept by the absence of Dramatiq's own middleware."""

    @property
    def actor_options(self) -> set[str]:
        """The options of an actor that are known, and need nothing done."""
        return {"max_retries", "time_limit"}
