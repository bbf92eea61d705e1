"""The broker by its URL: Redis and Valkey, or RabbitMQ.

What lives here: the choice, its time limits, and Django's connections around a message. It must not
know an actor. The broker is a doorbell: when it is away a caller learns so within two seconds, as
`dramatiq.errors.BrokerConnectionError`, and goes on.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import dramatiq
from django.db import close_old_connections, connections

from config.broker_state import redis_word
from config.database import ESCAPES
from config.list_broker import ListBroker
from config.messages import ShortJson
from config.rabbit_broker import rabbit_broker
from config.redis_client import is_cluster, redis_client
from deliveries.database.sharing import share_connections
from deliveries.errors import WrongSetting
from deliveries.protocol.writing.url_options import misread_option

NAMESPACE = "hookpost"
HINTS = ("deliveries", "deliveries_slow")  # of actors.py: they name lanes, and an engine's own thread does the rest
PAGE = "docs/operations.md"
HASTY_SECONDS = 0.1  # for whoever is waited for by callers
A_CLUSTER = (
    "BROKER_URL: this server is part of a Redis Cluster, which Hookpost does not use;"
    " name a single server, or Sentinel: redis+sentinel://host:26379,host:26379/service/0"
)


def make_broker(url: str) -> dramatiq.Broker:
    """The broker of a URL, not yet connected; wrong URLs raise WrongSetting."""
    dramatiq.set_encoder(ShortJson())
    try:
        return _read(url)
    except (TypeError, ValueError):  # the first is pika's for a user without a password
        raise WrongSetting(_sentence_of(url)) from None  # what was wrong may be a part of a password


def _read(url: str) -> dramatiq.Broker:
    if urlsplit(url).scheme in ("amqp", "amqps"):
        return rabbit_broker(url, middleware=middleware())
    return ValkeyBroker(
        redis_client(url),
        hasty=redis_client(url, timeout_seconds=HASTY_SECONDS, tries=0),
        namespace=NAMESPACE,
        middleware=middleware(),
        hints=HINTS,
    )


def _sentence_of(url: str) -> str:
    if option := misread_option(url, _read):
        scheme, _, _ = url.partition(":")
        return f"BROKER_URL: {option} is no option of {scheme}:// URLs, or its value is none; see {PAGE}, Brokers"
    return f"BROKER_URL: not a URL of Redis, Valkey or RabbitMQ as {PAGE} has them; {ESCAPES}"


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
