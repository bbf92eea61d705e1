"""What lists of deliveries, and bulk work, can be narrowed by.

What lives here: the parameters, and their translation into a selection. It must not know views, nor
what a selection means for the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers

from deliveries.api.fields import Choice, Moment, Shape, Text, TypeId
from deliveries.api.lookups import find_customer, find_endpoint
from deliveries.errors import InvalidId, InvalidInput, NotFound
from deliveries.models import Delivery, Event, visible
from deliveries.models.log import EVERYONES
from deliveries.models.visible import Viewer
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.events.tags import read_tags
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import ids
from deliveries.services.reading.selection import Selection, read_types


class TimeFilters(Shape):
    """A span of time."""

    since = Moment(required=False, help_text="From this time on.")
    until = Moment(required=False, help_text="Before this time.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a span that ends before it begins: who asks for it has mixed something up."""
        if "since" in attrs and "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": "this is before `since`"})
        return attrs


class QueryNumber(serializers.IntegerField):
    """A whole number in a query string."""

    def to_internal_value(self, data: object) -> int:
        """Return the number; the digits of other scripts, 4_0_4 and 404.0 are none."""
        if not (isinstance(data, str) and data.isascii() and data.isdecimal()):
            self.fail("invalid")
        return super().to_internal_value(data)


class DeliveryFilters(TimeFilters):
    """What a list of deliveries can be narrowed by."""

    customer = Text(required=False, help_text="Id or uid.")
    endpoint = Text(required=False, help_text="Id; with `customer` also its uid.")
    event = TypeId(ids.EVENT, required=False)
    type = Text(required=False, help_text="A name, or a family such as invoice.*; several with commas.")
    tag = Text(required=False, help_text="A tag of the event; any of several with commas.")
    state = Text(required=False, help_text="One of " + ", ".join(DeliveryState) + "; several with commas.")
    status_code = QueryNumber(required=False, min_value=100, max_value=599, help_text="Of the last attempt.")
    error = Choice(sorted(EXPLANATIONS), required=False, help_text="Of the last attempt.")


def selection_of(viewer: Viewer, filters: Mapping[str, Any]) -> Selection:
    """Return what the filters mean for this viewer; raises InvalidInput, also for what is not there to be meant."""
    customer = owner = customer_id_of(viewer, filters["customer"]) if "customer" in filters else None
    endpoint: UUID | None = None
    if "endpoint" in filters:
        endpoint, owner = _endpoint(viewer, customer, filters["endpoint"])
    return Selection(
        customer_id=customer,
        endpoint_id=endpoint,
        event_id=_event_id(viewer, owner, filters["event"]) if "event" in filters else None,
        types=read_types(filters["type"]) if "type" in filters else (),
        tags=read_tags(filters["tag"]) if "tag" in filters else (),
        states=_states(filters["state"]) if "state" in filters else (),
        status_code=filters.get("status_code"),
        error=filters.get("error", ""),
        since=filters.get("since"),
        until=filters.get("until"),
    )


def customer_id_of(viewer: Viewer, ref: str) -> UUID:
    """Return the id of the customer that a filter names; raises InvalidInput when the viewer sees none."""
    try:
        return find_customer(viewer, ref).id
    except NotFound as error:
        gone = _decoded(ids.CUSTOMER, ref)
        # The log outlives customers, so the operator may ask for them by id.
        if viewer.is_operator and gone and Event.objects.filter(customer_id=gone).exists():
            return gone
        raise InvalidInput("there is no customer of this id or uid", field="customer") from error


def _endpoint(viewer: Viewer, customer_id: UUID | None, ref: str) -> tuple[UUID, UUID]:
    """Return an endpoint's id, and whose it is."""
    decoded = _decoded(ids.ENDPOINT, ref)
    if decoded is None:
        return _endpoint_of_uid(viewer, customer_id or viewer.customer_id, ref)
    owner = _owner_of(viewer, decoded)
    if owner is None:
        raise InvalidInput("there is no endpoint of this id", field="endpoint")
    if customer_id not in (None, owner):
        raise InvalidInput("this endpoint is another customer's", field="endpoint")
    return decoded, owner


def _owner_of(viewer: Viewer, endpoint_id: UUID) -> UUID | None:
    """Return whose endpoint it is or was; of a deleted customer's only the log knows, and only the operator may ask."""
    owners = visible.endpoints_ever(viewer).filter(id=endpoint_id).values_list("customer_id", flat=True)
    logged = Delivery.objects.filter(endpoint_id=endpoint_id).values_list("customer_id", flat=True)
    return owners.first() or (logged.order_by().first() if viewer.is_operator else None)


def _endpoint_of_uid(viewer: Viewer, customer_id: UUID | None, uid: str) -> tuple[UUID, UUID]:
    if customer_id is None:
        raise InvalidInput("name the customer too: an endpoint's uid is one among its customer's", field="endpoint")
    try:
        return find_endpoint(viewer, ids.encode_id(ids.CUSTOMER, customer_id), uid).id, customer_id
    except NotFound as error:
        raise InvalidInput("the customer has no endpoint of this id or uid", field="endpoint") from error


def _event_id(viewer: Viewer, owner: UUID | None, event_id: UUID) -> UUID:
    whose = visible.events(viewer).filter(id=event_id).values_list("customer_id", flat=True).first()
    if whose is None:
        raise InvalidInput("there is no event of this id, or it is older than the log", field="event")
    if owner is not None and whose not in (owner, EVERYONES):
        raise InvalidInput("this event is another customer's", field="event")
    return event_id


def _decoded(prefix: str, ref: str) -> UUID | None:
    try:
        return ids.decode_id(prefix, ref)
    except InvalidId:
        return None


def _states(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not set(words) <= set(DeliveryState):
        raise InvalidInput("one of " + ", ".join(DeliveryState), field="state")
    return words
