"""Whether the broker can be used, tried by using it: a socket that opens says little.

What lives here: one word for each kind of broker and fault. It must not know a queue that somebody listens to.
"""

from __future__ import annotations

from collections.abc import Mapping

import pika
import redis
import structlog
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from pika import exceptions as amqp
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from config.list_broker import ListBroker
from deliveries.errors import reason_of

log = structlog.get_logger(__name__)

OK = "ok"
PROBE_QUEUE = "readyz"
CLASSIC = {"x-queue-type": "classic"}  # whatever the vhost's default is: a quorum queue cannot be for one connection

# What TLS said, on either side, in small letters; the narrower stand before the wider.
TLS_WORDS = {
    "certificate has expired": "its certificate has expired",
    "mismatch, certificate is not valid for": "its certificate is of another host",
    "alert certificate required": "wants a certificate of ours",
    "alert certificate expired": "our certificate has expired",
    "alert unknown ca": "does not trust our certificate",
    "alert bad certificate": "does not trust our certificate",
    "alert handshake failure": "refuses our TLS",
    "wrong version number": "speaks no TLS",
    "certificate": "its certificate is not trusted",
}
# The narrower stand before the wider.
REDIS_WORDS: list[tuple[type[Exception], str]] = [
    (redis.exceptions.OutOfMemoryError, "full"),
    (redis.exceptions.NoPermissionError, "not allowed"),
    (redis.exceptions.AuthenticationError, "not allowed"),
    (redis.exceptions.ClusterError, "is a cluster"),
    (redis.exceptions.AskError, "is a cluster"),
    (redis.exceptions.ReadOnlyError, "read-only"),
    (redis.exceptions.TimeoutError, "does not answer"),
    (redis.exceptions.ConnectionError, "unreachable"),
]
REDIS_TEXTS = {
    "OOM": "full",
    "NOPERM": "not allowed",
    "ACL failure": "not allowed",
    "CROSSSLOT": "is a cluster",
    "CLUSTERDOWN": "is a cluster",
}
AMQP_WORDS: list[tuple[type[Exception], str]] = [
    (amqp.ConnectionBlockedTimeout, "full"),
    (amqp.ProbableAuthenticationError, "not allowed"),
    (amqp.ProbableAccessDeniedError, "not allowed"),
    (AMQPConnectorException, "unreachable"),
    (amqp.AMQPConnectionError, "unreachable"),
]

AMQP_CODES = {403: "not allowed", 530: "not allowed", 406: "has our queues of another type"}

_told = {"word": OK}


def redis_word(broker: ListBroker) -> str:
    """Put a message where nobody looks, as all messages are put, and take it away again, as workers do."""
    try:
        broker.put(PROBE_QUEUE, b"")
        broker.waiting(PROBE_QUEUE)
        broker.take(PROBE_QUEUE)
        broker.flush(PROBE_QUEUE)
    except Exception as error:
        cause = error.__cause__ or error
        return tell(redis_fault(cause), cause)
    return tell(OK)


def redis_fault(error: BaseException) -> str:
    """Return the word for what Redis said; an error inside a script has its kind in its text only."""
    text = str(error)
    if word := tls_word(text):
        return word
    for start, word in REDIS_TEXTS.items():
        if start in text:
            return word
    return next((word for kind, word in REDIS_WORDS if isinstance(error, kind)), "unusable")


def tls_word(text: str) -> str:
    """Return the word for what TLS said; empty where it was something else."""
    said = text.lower().replace("_", " ")
    return next((word for part, word in TLS_WORDS.items() if part in said), "")


def rabbit_word(broker: RabbitmqBroker, queues: Mapping[str, dict[str, object]]) -> str:
    """Publish to a queue of this connection alone, wait for the broker's word that it has it, and declare our queues.

    What `queues` names is there already, unless nobody has sent anything yet: declaring them asks for the rights.
    """
    try:
        connection = pika.BlockingConnection(broker.parameters)
        try:
            publish_once(connection.channel())
            declare(connection.channel(), queues)
        finally:
            if connection.is_open:  # else closing it fails, and that hides why
                connection.close()
    except Exception as error:
        return tell(rabbit_fault(error), error)
    return tell(OK)


def publish_once(channel: BlockingChannel) -> None:
    """Publish one message, confirmed."""
    channel.confirm_delivery()
    queue = channel.queue_declare("", exclusive=True, arguments=CLASSIC).method.queue
    channel.basic_publish(exchange="", routing_key=queue, body=b"", mandatory=True)


def declare(channel: BlockingChannel, queues: Mapping[str, dict[str, object]]) -> None:
    """Make queues, or see that they are as we would make them, and that they may be read.

    A message that is got here comes back when the connection ends; none is got where somebody reads already.
    """
    for name, arguments in queues.items():
        told = channel.queue_declare(name, durable=True, arguments=arguments).method
        if not (told.message_count and told.consumer_count):
            channel.basic_get(name)


def rabbit_fault(error: BaseException) -> str:
    """Return the word for what RabbitMQ, or the way to it, said."""
    if word := tls_word(repr(error)):
        return word
    if isinstance(error, amqp.ChannelClosed | amqp.ConnectionClosed) and error.reply_code in AMQP_CODES:
        return AMQP_CODES[error.reply_code]
    return next((word for kind, word in AMQP_WORDS if isinstance(error, kind)), "unusable")


def tell(word: str, error: BaseException | None = None) -> str:
    """Log a state that is new, with the reason, and return it."""
    if word != _told["word"]:
        _told["word"] = word
        log.warning("broker_state", state=word, reason="" if error is None else reason_of(error))
    return word
