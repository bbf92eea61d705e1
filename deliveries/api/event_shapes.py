"""How events look in requests and answers.

What lives here: shapes, and what lists are narrowed by. It must not know views or rules. Bodies go out byte for byte as
they were stored.
"""

from __future__ import annotations

from typing import ClassVar

import orjson
from rest_framework import serializers

from deliveries.api import limits
from deliveries.api.drafts import BATCH_LIMIT
from deliveries.api.fields import Choice, Flag, JsonObject, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.query_filters import TimeFilters
from deliveries.models import Event
from deliveries.models.log import EVERYONES
from deliveries.protocol.events.api_versions import OLDEST
from deliveries.protocol.events.event_types import NAME_LIMIT
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.trace_context import trace_id_of
from deliveries.services.accepting.event_store import EVERYONE


class WarningShape(Shape):
    """What the data breaks of a schema whose type only warns."""

    pointer = Text(help_text="JSON pointer into the event, such as /data/amount.")
    detail = Text()


class AcceptedShape(Shape):
    """An accepted event."""

    may_be_absent = frozenset({"warnings"})

    id = TypeId(ids.EVENT)
    deliveries = Number(allow_null=True, help_text="To how many endpoints; null while a large fan-out goes on.")
    warnings = WarningShape(many=True, required=False)


class BodyShape(Shape):
    """What is signed and sent, byte for byte."""

    type = Text()
    timestamp = Moment()
    data = JsonObject()  # type: ignore[assignment]


class EventShape(Shape):
    """An event."""

    id = TypeId(ids.EVENT)
    customer = Text(help_text="Id; * where it is for every customer.")
    type = Text()
    created_at = Moment()
    deliver_at = Moment(allow_null=True, help_text="When it is sent first; null: at once.")
    tags = serializers.ListField(child=Text())
    api_version = Text(allow_null=True, help_text="What its data is in; null: the oldest, or there is none.")
    erased_at = Moment(allow_null=True, help_text="When its content was erased: `body` holds nothing of it then.")
    trace_id = Text(allow_null=True, help_text="The trace of who emitted it, if it came with a traceparent.")
    body = BodyShape()


class OneEventShape(EventShape):
    """An event, and where it goes."""

    deliveries = Number(help_text="To how many endpoints it goes, as far as it is fanned out.")
    fan_out = Choice(["done", "pending"], help_text="`pending` while deliveries are still made.")


class EventFilters(TimeFilters):
    """What a list of events can be narrowed by."""

    customer = Text(required=False, help_text="Id or uid; * for what was emitted for every customer.")
    type = Text(required=False, help_text="A name, or a family such as invoice.*; several with commas.")
    tag = Text(required=False, help_text="A tag; any of several with commas.")


class FeedFilters(TimeFilters):
    """What the feed can be narrowed by."""

    types = Text(required=False, help_text="Names, or families such as invoice.*, with commas.")
    tag = Text(required=False, help_text="A tag; any of several with commas.")


def show_event(event: Event, **more: object) -> dict[str, object]:
    """Return an event as answers show it, with what is told besides; the body comes last."""
    return {
        "id": event.public_id,
        "customer": EVERYONE if event.customer_id == EVERYONES else ids.encode_id(ids.CUSTOMER, event.customer_id),
        "type": event.type,
        "created_at": shown_moment(event.made_at),
        "deliver_at": event.deliver_at and shown_moment(event.deliver_at),
        "tags": event.tags or [],
        "api_version": event.api_version,
        "erased_at": event.erased_at and shown_moment(event.erased_at),
        "trace_id": trace_id_of(event.trace_context),
        **more,
        "body": orjson.Fragment(bytes(event.body)),
    }


class NewEventShape(Shape):
    """An event to emit."""

    described: ClassVar[limits.Described] = {"tags": limits.TAGS}

    customer = Text(help_text="Id or uid; * for every customer, with a service key.")
    type = Text(max_length=NAME_LIMIT)
    data = JsonObject(help_text="Signed and sent exactly as written here.")  # type: ignore[assignment]
    timestamp = Moment(required=False, allow_null=True, help_text="When it happened; now when absent.")
    deliver_at = Moment(
        required=False,
        allow_null=True,
        help_text="When it is sent first, as many days ahead as /meta says; at once when absent.",
    )
    tags = serializers.ListField(
        child=Text(), required=False, allow_null=True, help_text="At most 10; see the guide to tags."
    )
    api_version = Text(
        required=False, allow_null=True, help_text="The version that `data` is in; the newest when absent."
    )


class BatchShape(Shape):
    """Events to emit."""

    described: ClassVar[limits.Described] = {"events": {"minItems": 1, "maxItems": BATCH_LIMIT}}

    events = NewEventShape(many=True)
    atomic = Flag(required=False, help_text="All or none.")


class BatchResultShape(Shape):
    """What became of one event of a batch: id and deliveries, or an error."""

    may_be_absent = frozenset({"id", "deliveries", "warnings", "error"})

    id = TypeId(ids.EVENT, required=False)
    deliveries = Number(required=False, allow_null=True)
    warnings = WarningShape(many=True, required=False)
    error = JsonObject(required=False)


class BatchAnswerShape(Shape):
    """What became of a batch, in its order."""

    results = BatchResultShape(many=True)


class VersionQuery(Shape):
    """In which version data is wanted."""

    api_version = Text(required=False, help_text=f"As endpoints pinned to it get it, or {OLDEST}; absent: as stored.")
