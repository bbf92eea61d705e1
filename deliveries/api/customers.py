"""/customers

What lives here: the REST form of customers. It must not know the rules: services/customers.py does.
"""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import limits
from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import LISTS, ApiView, asked, created, given, no_content, refuse_body
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import JsonObject, Moment, Number, Shape, Text, TypeId
from deliveries.api.lookups import find_customer
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.models import Customer, visible
from deliveries.protocol.writing import ids
from deliveries.services.customers import (
    ENDPOINT_LIMIT_MAX,
    NAME_LIMIT,
    create_customer,
    delete_customer,
    update_customer,
)


class CustomerShape(Shape):
    """A customer."""

    described: ClassVar[limits.Described] = {"uid": limits.UID, "name": {"maxLength": NAME_LIMIT}}

    id = TypeId(ids.CUSTOMER, read_only=True)
    uid = Text(required=False, allow_null=True, help_text="Your own id of the customer, usable wherever the id is.")
    name = Text()
    metadata = JsonObject(required=False)
    endpoint_limit = Number(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=ENDPOINT_LIMIT_MAX,
        help_text="How many endpoints the customer may have; null: as many as the setting says.",
    )
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class CustomerFilters(Shape):
    """What a list of customers can be narrowed by."""

    uid = Text(required=False)


def show_customer(customer: Customer) -> dict[str, object]:
    """Return a customer as answers show it."""
    return CustomerShape.shown(customer)


class CustomersView(ApiView):
    """All customers."""

    queried = LISTS

    @extend_schema(
        operation_id="list_customers", parameters=[CustomerFilters, *PAGE_QUERY], responses=listed(CustomerShape)
    )
    def get(self, request: Request) -> Response:
        """List customers, newest first."""
        filters = asked(CustomerFilters, request, also=PARAMETERS)
        rows = visible.customers(caller_of(request).viewer).filter(**filters)
        return Response(page_of(request, rows, show_customer))

    @extend_schema(operation_id="create_customer", request=CustomerShape, responses={201: CustomerShape})
    def post(self, request: Request) -> Response:
        """Create a customer."""
        refuse_customer_keys(request)
        customer = create_customer(given(CustomerShape, request), actor=caller_of(request).actor)
        return created(request, show_customer(customer), customer.public_id)


class CustomerView(ApiView):
    """One customer."""

    @extend_schema(operation_id="get_customer", responses=CustomerShape)
    def get(self, request: Request, customer: str) -> Response:
        """Return a customer."""
        return Response(show_customer(find_customer(caller_of(request).viewer, customer)))

    @extend_schema(operation_id="update_customer", request=CustomerShape(partial=True), responses=CustomerShape)
    def patch(self, request: Request, customer: str) -> Response:
        """Change a customer; `null` clears a field, an absent one stays."""
        row = find_customer(caller_of(request).viewer, customer)
        refuse_customer_keys(request)
        fields = given(CustomerShape, request, partial=True)
        return Response(show_customer(update_customer(row, fields, actor=caller_of(request).actor)))

    @extend_schema(operation_id="delete_customer", request=None, responses={204: None})
    def delete(self, request: Request, customer: str) -> Response:
        """Delete a customer with its endpoints, event types, keys and members."""
        row = find_customer(caller_of(request).viewer, customer)
        refuse_customer_keys(request)
        refuse_body(request)
        delete_customer(row, actor=caller_of(request).actor)
        return no_content()
