"""From a path's parameters to rows, as far as the caller may see them.

What lives here: one finder per noun; each raises NotFound, with no difference between a row that is
not there and one of somebody else. It must not know what is done with the row.
"""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from deliveries.errors import InvalidId, NotAllowed, NotFound
from deliveries.models import (
    ApiVersion,
    Customer,
    Delivery,
    Endpoint,
    Event,
    EventType,
    Job,
    VersionChange,
    visible,
)
from deliveries.models.log import EVERYONES
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.ids import decode_id
from deliveries.services.endpoint.endpoint_fields import UID_LIMIT

Row = TypeVar("Row", bound=Model)


def find_customer(viewer: Viewer, ref: str) -> Customer:
    """Return the customer of an id or `uid`."""
    return _by_id_or_uid(visible.customers(viewer), Customer.PREFIX, ref)


def find_customer_ever(viewer: Viewer, ref: str) -> UUID:
    """Return the id of a customer, also of one that was deleted as long as something names it."""
    try:
        return find_customer(viewer, ref).id
    except NotFound:
        customer_id = _decoded(Customer.PREFIX, ref)
        logs: tuple[QuerySet[Event] | QuerySet[Delivery], ...] = (visible.events(viewer), visible.deliveries(viewer))
        if any(rows.filter(customer_id=customer_id).order_by().exists() for rows in logs):
            return customer_id
        if visible.audit_entries(viewer).filter(object_id=ref).exists():
            return customer_id
        raise


def find_endpoint(viewer: Viewer, customer_ref: str, ref: str) -> Endpoint:
    """Return the endpoint of an id or `uid` among those of a customer."""
    customer = find_customer(viewer, customer_ref)
    rows = visible.endpoints(viewer).filter(customer=customer).select_related("customer", "lane")
    return _by_id_or_uid(rows.prefetch_related("secrets"), Endpoint.PREFIX, ref)


def find_event(viewer: Viewer, ref: str) -> Event:
    """Return an event."""
    return _one(visible.events(viewer).filter(id=_decoded(Event.PREFIX, ref)))


def find_event_to_end(viewer: Viewer, ref: str) -> Event:
    """Return an event that the caller may take something of; NotAllowed for one that is other customers' too."""
    event = find_event(viewer, ref)
    if event.customer_id == EVERYONES and not viewer.is_operator:
        raise NotAllowed("only a service key does this to what is for every customer")
    return event


def find_delivery(viewer: Viewer, ref: str) -> Delivery:
    """Return a delivery."""
    return _one(visible.deliveries(viewer).filter(id=_decoded(Delivery.PREFIX, ref)))


def find_job(viewer: Viewer, ref: str) -> Job:
    """Return a job."""
    return _one(visible.jobs(viewer).filter(id=_decoded(Job.PREFIX, ref)))


def find_event_type(rows: QuerySet[EventType], name: str) -> EventType:
    """Return the event type of that name; a customer's own comes before the operator's."""
    return _one(rows.filter(name=_plain(name)).order_by("customer_id"))


def find_version(rows: QuerySet[ApiVersion], name: str) -> ApiVersion:
    """Return the version of that name."""
    return _one(rows.filter(name=_plain(name)))


def find_change(version: ApiVersion, event_type: str) -> VersionChange:
    """Return how an event type changes with a version."""
    return _one(version.changes.filter(event_type=_plain(event_type)).select_related("version"))


def _by_id_or_uid(rows: QuerySet[Row], prefix: str, ref: str) -> Row:
    try:
        key: dict[str, UUID | str] = {"id": decode_id(prefix, ref)}
    except InvalidId:
        key = {"uid": _plain(ref)}
    return _one(rows.filter(**key))


def _one(rows: QuerySet[Row]) -> Row:
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def _decoded(prefix: str, ref: str) -> UUID:
    try:
        return decode_id(prefix, ref)
    except InvalidId as error:
        raise NotFound from error


def _plain(text: str) -> str:
    # Such text is in no row, and PostgreSQL would refuse the question.
    if "\x00" in text or len(text) > UID_LIMIT or not text.isprintable():
        raise NotFound
    return text
