"""What an endpoint would be sent of a customer's last events, by its settings or by others.

What lives here: the events and what is made of each, within bounds. It must not know requests or pages, and stores and
sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from deliveries.errors import CannotShape, InvalidInput
from deliveries.models import Endpoint, Event, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.events.transformation import PRESETS
from deliveries.protocol.sending.batching import sent_alone
from deliveries.protocol.sending.payload import Shaping, check_together
from deliveries.protocol.sending.request import CONTENT_TYPE
from deliveries.protocol.writing.sentences import say
from deliveries.services.bodies.sent_bodies import shaped_of, text_of
from deliveries.services.endpoint.endpoint_fields import check_fields
from deliveries.services.endpoint.endpoint_secrets import own_header_names
from deliveries.services.reading.recent_events import recent_events

EVENTS, EVENTS_MAX = 5, 10
SETTINGS = ("payload_mode", "method", "body_format", "transformation", "batch_size", "api_version")
SHOWN_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedPayload:
    """A request as it would be made of an event, without its signature; or the error that its attempt would have."""

    event: Event
    method: str
    headers: Mapping[str, str]
    body: bytes = b""
    error: str = ""
    detail: str = ""

    @property
    def shown(self) -> str:
        """The body as text, the beginning of a large one."""
        return self.body[:SHOWN_BYTES].decode("utf-8", "replace")

    @property
    def is_truncated(self) -> bool:
        """Whether there is more than is shown."""
        return len(self.body) > SHOWN_BYTES


def tried_shaping(endpoint: Endpoint, fields: Mapping[str, object]) -> Shaping:
    """Return the settings of an endpoint with others in their place; `preset` names a transformation."""
    given = {name: value for name, value in fields.items() if name in SETTINGS}
    if preset := fields.get("preset"):
        if str(preset) not in PRESETS:
            raise InvalidInput(say("one of {names}", names=", ".join(PRESETS)), field="preset")
        given["transformation"] = PRESETS[str(preset)].text
    tried = Endpoint(**{name: getattr(endpoint, name) for name in SETTINGS} | check_fields(given))
    check_together(tried.shaping, own_header_names(endpoint))
    return tried.shaping


def preview_payloads(
    endpoint: Endpoint, shaping: Shaping, *, event: Event | None = None, limit: int = EVENTS
) -> list[PreviewedPayload]:
    """Return what would be sent of the customer's newest events, or of one; raises Unavailable where many ask."""
    events = [event] if event else _newest(endpoint.customer_id, limit)
    return [_previewed(each, shaping) for each in events]


def _newest(customer_id: UUID, limit: int) -> Sequence[Event]:
    ids = [each.id for each in recent_events(customer_id, limit=limit)]
    return list(visible.events(Viewer(customer_id)).filter(id__in=ids).order_by("-id"))


def _previewed(event: Event, shaping: Shaping) -> PreviewedPayload:
    try:
        shaped, _ = sent_alone(text_of(event), shaped_of(event, shaping), shaping)
    except CannotShape as error:
        return PreviewedPayload(event=event, method=shaping.method, headers={}, error=error.error, detail=error.detail)
    headers = {"content-type": CONTENT_TYPE} | dict(shaped.headers)
    return PreviewedPayload(event=event, method=shaping.method, headers=headers, body=shaped.body)
