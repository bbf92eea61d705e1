"""The broker by its URL: Redis and Valkey, or RabbitMQ.

What lives here: the choice, its time limits, and Django's connections around a message. It must not
know an actor. The broker is a doorbell: when it is away a caller learns so within two seconds, as
`dramatiq.errors.BrokerConnectionError`, and goes on.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import dramatiq
from django.db import close_old_connections, connections
from dramatiq.brokers import rabbitmq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPConnectionError

from config.broker_state import rabbit_word, redis_word
from config.list_broker import ListBroker
from config.redis_client import TIMEOUT_SECONDS, is_cluster, redis_client
from deliveries.database.sharing import share_connections
from deliveries.errors import WrongSetting

NAMESPACE = "hookpost"
HASTY_SECONDS = 0.1  # for whoever is waited for by callers
HEARTBEAT_SECONDS = 60
A_CLUSTER = (
    "BROKER_URL: this server is part of a Redis Cluster, which Hookpost does not use;"
    " name a single server, or Sentinel: redis+sentinel://host:26379,host:26379/service/0"
)

rabbitmq.MAX_ENQUEUE_ATTEMPTS = 2  # two tries of one second; Dramatiq has no option for it


def make_broker(url: str) -> dramatiq.Broker:
    """The broker of a URL, not yet connected; wrong URLs raise WrongSetting."""
    try:
        if urlsplit(url).scheme in ("amqp", "amqps"):
            return RabbitBroker(url=with_limits(url), middleware=middleware())
        return ValkeyBroker(
            redis_client(url),
            hasty=redis_client(url, timeout_seconds=HASTY_SECONDS, tries=0),
            namespace=NAMESPACE,
            middleware=middleware(),
        )
    except ValueError:
        raise WrongSetting("BROKER_URL: not a URL of Redis, Valkey or RabbitMQ") from None  # it may hold a password


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
    return [DatabaseConnections(), NoRetries()]


class ValkeyBroker(ListBroker):
    """The broker for Redis and Valkey, which can say how it is."""

    def condition(self) -> str:
        """Say in a word whether messages can be sent: `ok`, or what is wrong."""
        return redis_word(self)

    def refusal(self) -> str:
        """Say why no process may start with this broker; empty when one may, also while it is away."""
        return A_CLUSTER if is_cluster(self.client) else ""


CONNECTION: property = vars(RabbitmqBroker)["connection"]


def connect(broker: RabbitmqBroker) -> object:
    """The connection of this thread; a server that accepts and then says nothing counts as one that is away."""
    try:
        return CONNECTION.__get__(broker)
    except AMQPConnectorException as error:
        raise AMQPConnectionError(str(error)) from error


class RabbitBroker(RabbitmqBroker):
    """Dramatiq's broker for RabbitMQ, which overlooks one way of failing to connect."""

    connection = CONNECTION.getter(connect)

    def condition(self) -> str:
        """Say in a word whether messages can be sent: `ok`, or what is wrong."""
        return rabbit_word(self)

    def waiting(self, queue_name: str) -> int:
        """How many messages of a queue no worker has read."""
        ready, _, _ = self.get_queue_message_counts(queue_name)
        return int(ready)


class DatabaseConnections(dramatiq.Middleware):
    """What Django does around a request, around a message: connections that broke are not used again."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """Let this thread borrow its connections, and drop a broken one."""
        share_connections()
        close_old_connections()

    def after_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy, **outcome: object) -> None:
        """Give back what was borrowed."""
        close_old_connections()

    def before_worker_thread_shutdown(self, broker: dramatiq.Broker, thread: object) -> None:
        """Close the connections of a thread that ends."""
        connections.close_all()


class NoRetries(dramatiq.Middleware):
    """Lets actors say `max_retries=0` and `time_limit`: promises kept by the absence of Dramatiq's own middleware."""

    @property
    def actor_options(self) -> set[str]:
        """The options of an actor that are known, and need nothing done."""
        return {"max_retries", "time_limit"}
