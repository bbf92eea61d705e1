"""/customers/{customer}/endpoints

What lives here: the REST form of endpoints. It must not know the rules: services/endpoints.py does.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, ApiView, asked, created, given, in_query, no_content, refuse_body
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.endpoint_shapes import (
    EndpointChange,
    EndpointShape,
    NewEndpointShape,
    show_endpoint,
    show_endpoints,
)
from deliveries.api.fields import Choice, Shape, Text
from deliveries.api.lookups import find_customer, find_endpoint
from deliveries.api.paging import PARAMETERS, page_of_all
from deliveries.models import Endpoint, visible
from deliveries.protocol.events.tags import read_tags
from deliveries.services.endpoints import create_endpoint, delete_endpoint, update_endpoint


class EndpointFilters(Shape):
    """What a list of endpoints can be narrowed by."""

    uid = Text(required=False)
    state = Choice(Endpoint.State.choices, required=False)
    tag = Text(required=False, help_text="A tag; any of several with commas.")


class EndpointsView(ApiView):
    """The endpoints of a customer."""

    queried = LISTS

    @extend_schema(
        operation_id="list_endpoints", parameters=[EndpointFilters, *PAGE_QUERY], responses=listed(EndpointShape)
    )
    def get(self, request: Request, customer: str) -> Response:
        """List a customer's endpoints, newest first."""
        viewer = caller_of(request).viewer
        filters = asked(EndpointFilters, request, also=PARAMETERS)
        tag = filters.pop("tag", None)
        rows = visible.endpoints(viewer).filter(customer=find_customer(viewer, customer), **filters)
        if tag is not None:
            with in_query():
                rows = rows.filter(tags__overlap=list(read_tags(tag)))
        return Response(page_of_all(request, rows.select_related("lane").prefetch_related("secrets"), show_endpoints))

    @extend_schema(operation_id="create_endpoint", request=EndpointShape, responses={201: NewEndpointShape})
    def post(self, request: Request, customer: str) -> Response:
        """Create an endpoint; the answer holds the secret, which is not shown again."""
        owner = find_customer(caller_of(request).viewer, customer)
        fields = given(EndpointShape, request)
        endpoint, secret = create_endpoint(owner, fields, actor=caller_of(request).actor)
        return created(request, show_endpoint(endpoint) | {"secret": secret}, endpoint.public_id)


class EndpointView(ApiView):
    """One endpoint."""

    @extend_schema(operation_id="get_endpoint", responses=EndpointShape)
    def get(self, request: Request, customer: str, endpoint: str) -> Response:
        """Return an endpoint."""
        return Response(show_endpoint(find_endpoint(caller_of(request).viewer, customer, endpoint)))

    @extend_schema(operation_id="update_endpoint", request=EndpointChange(partial=True), responses=EndpointShape)
    def patch(self, request: Request, customer: str, endpoint: str) -> Response:
        """Change an endpoint; `null` clears a field, an absent one stays. Applies from the next batch on."""
        row = find_endpoint(caller_of(request).viewer, customer, endpoint)
        fields = given(EndpointChange, request, partial=True)
        return Response(show_endpoint(update_endpoint(row, fields, actor=caller_of(request).actor)))

    @extend_schema(operation_id="delete_endpoint", request=None, responses={204: None})
    def delete(self, request: Request, customer: str, endpoint: str) -> Response:
        """Delete an endpoint; what waits for it is cancelled, its log stays."""
        row = find_endpoint(caller_of(request).viewer, customer, endpoint)
        refuse_body(request)
        delete_endpoint(row, actor=caller_of(request).actor)
        return no_content()
