"""/event-types, /customers/{customer}/event-types

What lives here: the REST form of event types. It must not know the rules: services/catalogue/event_types.py does.
"""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import limits
from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import LISTS, ApiView, asked, created, given, in_query, no_content, refuse_body
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Flag, JsonValue, Moment, Shape, Text, TypeId
from deliveries.api.lookups import find_customer, find_event_type
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.models import Customer, EventType, visible
from deliveries.protocol.events.event_types import NAME_LIMIT
from deliveries.protocol.writing import ids
from deliveries.services.catalogue.api_versions import check_pin
from deliveries.services.catalogue.event_types import (
    DESCRIPTION_LIMIT,
    create_event_type,
    delete_event_type,
    update_event_type,
)
from deliveries.services.catalogue.version_schemas import in_force

FORCE = OpenApiParameter(
    "force", {"type": "string", "enum": ["true", "false"]}, description="Accept a schema that may break receivers."
)


class EventTypeShape(Shape):
    """An event type."""

    described: ClassVar[limits.Described] = {"description": {"maxLength": DESCRIPTION_LIMIT}}

    id = TypeId(ids.EVENT_TYPE, read_only=True)
    name = Text(max_length=NAME_LIMIT, help_text="Such as invoice.paid.")
    customer = TypeId(ids.CUSTOMER, source="customer_id", read_only=True, allow_null=True)
    description = Text(required=False, allow_blank=True)
    schema = JsonValue(required=False, allow_null=True, help_text="JSON Schema 2020-12 of `data`.")
    example = JsonValue(required=False, allow_null=True, help_text="Example of `data`.")
    validation = Choice(EventType.Validation.choices, required=False)
    archived = Flag(required=False)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class EventTypeChange(EventTypeShape):
    """What of an event type can be changed: not its name, which is in receivers' code."""

    name = Text(read_only=True)


class EventTypeFilters(Shape):
    """What a list of event types can be narrowed by."""

    archived = Choice(["true", "false"], required=False)


class InVersionQuery(Shape):
    """In which version of the API."""

    api_version = Text(required=False, help_text="Schema and example as of this version; the oldest when absent.")


class ForceQuery(Shape):
    """How strict a change is."""

    force = Choice(["true", "false"], required=False)


def show_event_type(event_type: EventType) -> dict[str, object]:
    """Return an event type as answers show it."""
    return EventTypeShape.shown(event_type)


class _Whose(ApiView):
    """Where the event types of a path come from."""

    def rows(self, request: Request, **_: str) -> QuerySet[EventType]:
        """Return what the caller sees here: the operator's, and for a customer's key its own."""
        viewer = caller_of(request).viewer
        rows = visible.event_types(viewer)
        return rows.filter(customer=None) if viewer.is_operator else rows

    def owner(self, request: Request, **_: str) -> Customer | None:
        """Return whose event types may be changed here."""
        refuse_customer_keys(request)
        return None

    def own_rows(self, request: Request, **path: str) -> QuerySet[EventType]:
        """Return what the caller may change here."""
        return self.rows(request, **path).filter(customer=self.owner(request, **path))


class EventTypesView(_Whose):
    """The operator's event types."""

    queried = LISTS

    @extend_schema(
        operation_id="list_event_types",
        parameters=[EventTypeFilters, *PAGE_QUERY],
        responses=listed(EventTypeShape),
    )
    def get(self, request: Request, **path: str) -> Response:
        """List event types; a customer's key sees its own too."""
        filters = asked(EventTypeFilters, request, also=PARAMETERS)
        rows = self.rows(request, **path)
        if "archived" in filters:
            rows = rows.filter(archived=filters["archived"] == "true")
        return Response(page_of(request, rows, show_event_type))

    @extend_schema(operation_id="create_event_type", request=EventTypeShape, responses={201: EventTypeShape})
    def post(self, request: Request, **path: str) -> Response:
        """Register an event type."""
        owner = self.owner(request, **path)
        event_type = create_event_type(given(EventTypeShape, request), customer=owner, actor=caller_of(request).actor)
        return created(request, show_event_type(event_type), event_type.name)


class EventTypeView(_Whose):
    """One event type of the operator's."""

    queried = ("GET", "HEAD", "PATCH")

    @extend_schema(operation_id="get_event_type", parameters=[InVersionQuery], responses=EventTypeShape)
    def get(self, request: Request, name: str, **path: str) -> Response:
        """Return an event type, as of a version of the API."""
        version = asked(InVersionQuery, request).get("api_version")
        if version is not None:
            with in_query():
                check_pin(version)
        row = find_event_type(self.rows(request, **path), name)
        current = in_force(row, version)
        return Response(show_event_type(row) | {"schema": current.schema, "example": current.example})

    @extend_schema(
        operation_id="update_event_type",
        parameters=[FORCE],
        request=EventTypeChange(partial=True),
        responses=EventTypeShape,
    )
    def patch(self, request: Request, name: str, **path: str) -> Response:
        """Change an event type; a schema that may break receivers is refused unless forced."""
        force = asked(ForceQuery, request).get("force") == "true"
        find_event_type(self.rows(request, **path), name)
        row = find_event_type(self.own_rows(request, **path), name)
        fields = given(EventTypeChange, request, partial=True)
        return Response(show_event_type(update_event_type(row, fields, actor=caller_of(request).actor, force=force)))

    @extend_schema(operation_id="delete_event_type", request=None, responses={204: None})
    def delete(self, request: Request, name: str, **path: str) -> Response:
        """Forget an event type."""
        find_event_type(self.rows(request, **path), name)
        row = find_event_type(self.own_rows(request, **path), name)
        refuse_body(request)
        delete_event_type(row, actor=caller_of(request).actor)
        return no_content()


class _OfCustomer(_Whose):
    def rows(self, request: Request, **path: str) -> QuerySet[EventType]:
        """Return the customer's own."""
        viewer = caller_of(request).viewer
        return visible.event_types(viewer).filter(customer=find_customer(viewer, path["customer"]))

    def owner(self, request: Request, **path: str) -> Customer | None:
        """Return the customer."""
        return find_customer(caller_of(request).viewer, path["customer"])


class CustomerEventTypesView(_OfCustomer, EventTypesView):
    """A customer's own event types."""

    @extend_schema(
        operation_id="list_customer_event_types",
        parameters=[EventTypeFilters, *PAGE_QUERY],
        responses=listed(EventTypeShape),
    )
    def get(self, request: Request, **path: str) -> Response:
        """List the event types that are the customer's own."""
        return super().get(request, **path)

    @extend_schema(operation_id="create_customer_event_type", request=EventTypeShape, responses={201: EventTypeShape})
    def post(self, request: Request, **path: str) -> Response:
        """Register an event type of the customer's own."""
        return super().post(request, **path)


class CustomerEventTypeView(_OfCustomer, EventTypeView):
    """One of a customer's own event types."""

    @extend_schema(operation_id="get_customer_event_type", parameters=[InVersionQuery], responses=EventTypeShape)
    def get(self, request: Request, name: str, **path: str) -> Response:
        """Return an event type of the customer's own."""
        return super().get(request, name, **path)

    @extend_schema(
        operation_id="update_customer_event_type",
        parameters=[FORCE],
        request=EventTypeChange(partial=True),
        responses=EventTypeShape,
    )
    def patch(self, request: Request, name: str, **path: str) -> Response:
        """Change an event type of the customer's own; a schema that may break receivers is refused unless forced."""
        return super().patch(request, name, **path)

    @extend_schema(operation_id="delete_customer_event_type", request=None, responses={204: None})
    def delete(self, request: Request, name: str, **path: str) -> Response:
        """Forget an event type of the customer's own."""
        return super().delete(request, name, **path)
