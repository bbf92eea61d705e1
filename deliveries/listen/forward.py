"""One event to the developer's server.

What lives here: the request as production would make it, and waiting for a server that is not there.
It must not know the feed. There is no schedule here: an answer that would be tried again in production
is only shown.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deliveries.engine.work import USER_AGENT
from deliveries.errors import CannotShape
from deliveries.evaluator.process import shape_event
from deliveries.listen.feed import FeedEvent
from deliveries.outbound.client import prepared_post, send_one
from deliveries.outbound.local import new_local_transfers
from deliveries.outbound.multi import Transfers
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.batching import sent_alone
from deliveries.protocol.sending.payload import PLAIN, EventText, Shaping
from deliveries.protocol.sending.request import delivery_headers
from deliveries.protocol.signing.secrets import SigningKey, format_secret

AWAY = frozenset({"connect_refused", "connect_timeout", "dns_error"})
LONGEST_WAIT_SECONDS = 5.0
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """The developer's server, and how requests to it are signed."""

    url: str
    key: SigningKey
    secret: str = field(repr=False)
    signing: str = "standard"
    shaping: Shaping = PLAIN
    source: str = ""  # where events come from, as production names it
    transfers: Transfers = field(default_factory=new_local_transfers, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep)


def forward(event: FeedEvent, server: LocalServer, *, tell: Callable[[str], None]) -> Answer:
    """Send one event and return the answer; while nobody listens there, wait and try again."""
    tries = 0
    while (answer := send(event, server)).error in AWAY:
        tries += 1
        if tries == 1:
            tell(f"nobody listens at {server.url} ({answer.detail}); trying again until somebody does")
        server.sleep(min(LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(tries, 5)))
    return answer


def send(event: FeedEvent, server: LocalServer) -> Answer:
    """Send one request, signed as of now; one that could not be made ends as it would in production."""
    text = EventText(id=event.id, type=event.type, whole=bytes(event.body), source=server.source, sent_as=event.sent_as)
    try:
        shaped, message_id = sent_alone(text, shape_event(text, server.shaping), server.shaping)
    except CannotShape as error:
        return Answer(error=error.error, detail=error.detail)
    headers = delivery_headers(
        user_agent=USER_AGENT,
        profile=server.signing,
        keys=[server.key],
        message_id=message_id,
        timestamp=int(time.time()),
        body=shaped.body,
        custom=shaped.headers,
        event_type="" if server.shaping.batch_size > 1 else event.type,
    )
    request = prepared_post(server.url, headers, shaped.body)
    request.method = server.shaping.method
    return send_one(request, transfers=server.transfers)


def new_secret() -> str:
    """Return a secret for this run."""
    return format_secret(SigningKey("hmac", secrets.token_bytes(SECRET_BYTES)))
