"""Messages that are none of ours: told from ours before anything is done with them, and set aside.

What lives here: how a message is read, and what is wrong with one. Whoever may write into a queue can put anything
there; Dramatiq hands on whatever has the right names in it, and what then raises in its threads ends them, or is
fetched again for ever. It must not know a broker's protocol.
"""

from __future__ import annotations

import dramatiq
import orjson
import structlog
from dramatiq.encoder import Encoder, MessageData

log = structlog.get_logger(__name__)

LONGEST_BYTES = 65_536  # ours name three dozen lanes at most, in two thousand bytes


class ShortJson(Encoder):
    """JSON as Dramatiq writes it, without reading what is far longer than ours, or repeating it in an error."""

    def encode(self, data: MessageData) -> bytes:
        """Return a message as bytes."""
        return orjson.dumps(data)

    def decode(self, data: bytes) -> MessageData:
        """Return what a message says; raises ValueError or TypeError, whose text has nothing of what came."""
        if len(data) > LONGEST_BYTES:
            raise ValueError(f"{len(data)} bytes are more than {LONGEST_BYTES}")
        try:
            found = orjson.loads(data)
        except ValueError:
            raise ValueError("no JSON") from None
        if not isinstance(found, dict):
            raise TypeError("no JSON object")
        return found


AnyMessage = dramatiq.Message[object] | dramatiq.MessageProxy


def is_ours(message: AnyMessage, *, broker: dramatiq.Broker, queue_name: str) -> bool:
    """Say whether a message may be acted upon; logs what is wrong with one that may not."""
    if not (reason := _misfit(message, broker, queue_name)):
        return True
    tell_refused(queue_name, reason)
    return False


def tell_refused(queue_name: str, reason: str) -> None:
    """Log a message that was set aside: why, and never what is in it."""
    log.error("message_refused", queue=queue_name, reason=reason)


def _misfit(message: AnyMessage, broker: dramatiq.Broker, queue_name: str) -> str:
    """Return what is wrong with a message; types are as the sender chose them."""
    if not isinstance(message.actor_name, str) or message.actor_name not in broker.actors:
        return "names no actor"
    if not message.queue_name == queue_name == broker.actors[message.actor_name].queue_name:
        return "is of another queue"
    if message.kwargs != {} or message.options != {}:  # of ours none has any; Dramatiq's threads rely on their types
        return "has options"
    return ""
