"""From a claimed delivery to the request that goes out: body, signature, headers.

Called right before the send, so that `webhook-timestamp` is the time of this attempt. Sends nothing.
"""

from __future__ import annotations

import orjson

from deliveries import __version__
from deliveries.conf import conf
from deliveries.engine.leases import Claimed, Target
from deliveries.outbound.client import Request, prepared_post
from deliveries.protocol import ids
from deliveries.protocol.request import delivery_headers, thin_body

USER_AGENT = f"Hookpost/{__version__}"


def prepare_delivery(claimed: Claimed, *, target: Target, timestamp: int) -> Request:
    """Return the signed request; `timestamp` is in Unix seconds."""
    message_id = ids.encode_id(ids.EVENT, claimed.event_id)
    body = claimed.body if target.payload_mode == "full" else _thin(claimed, message_id)
    headers = delivery_headers(
        user_agent=USER_AGENT,
        profile=target.signing,
        keys=target.keys,
        message_id=message_id,
        timestamp=timestamp,
        body=body,
        custom=target.headers,
    )
    return prepared_post(target.url, headers, body)


def _thin(claimed: Claimed, message_id: str) -> bytes:
    moment = orjson.loads(claimed.body)["timestamp"]
    url = f"{conf.base_url}/api/v1/events/{message_id}"
    return thin_body(claimed.type, moment, event_id=message_id, url=url)
