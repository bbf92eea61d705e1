"""What services refuse of a request, as the description of the API says it.

What lives here: the limits of members that several shapes have, in the words of JSON Schema, made from the figures that
the checks go by. It must not know shapes or views, and checks nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from deliveries.protocol.events import event_types, filters, tags, transformation
from deliveries.protocol.when.backoff import DELAY_LIMIT_SECONDS, SCHEDULE_LIMIT
from deliveries.services.endpoint import endpoint_fields

Limit: TypeAlias = Mapping[str, object]
Described: TypeAlias = Mapping[str, Limit]  # by member of a shape

UID: Limit = {"maxLength": endpoint_fields.UID_LIMIT}
EVENT_TYPES: Limit = {
    "items": {"type": "string", "minLength": 1, "maxLength": event_types.NAME_LIMIT},
    "maxItems": endpoint_fields.EVENT_TYPE_LIMIT,
}
TAGS: Limit = {
    "items": {"type": "string", "minLength": 1, "maxLength": tags.TAG_LIMIT},
    "maxItems": tags.TAGS_LIMIT,
}
FILTER: Limit = {"maxLength": filters.LENGTH_LIMIT}
MAPPING: Limit = {"maxLength": transformation.LENGTH_LIMIT}
SCHEDULE: Limit = {
    "items": {"type": "integer", "minimum": 0, "maximum": DELAY_LIMIT_SECONDS},
    "minItems": 1,
    "maxItems": SCHEDULE_LIMIT,
}
NUMBERS: dict[str, Limit] = {
    name: {"minimum": low, "maximum": high} for name, (low, high) in endpoint_fields.NUMBERS.items()
}
