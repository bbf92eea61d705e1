"""/api-versions

What lives here: the REST form of versions. It must not know the rules: services/catalogue/api_versions.py does.
"""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import limits
from deliveries.api.auth import caller_of, refuse_customer_keys
from deliveries.api.base import LISTS, ApiView, asked, created, given, no_content, refuse_body
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Moment, Shape, Text
from deliveries.api.lookups import find_version
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.models import ApiVersion, visible
from deliveries.protocol.events.api_versions import NAME_LIMIT
from deliveries.services.catalogue.api_versions import create_version, delete_version, release_version, update_version
from deliveries.services.catalogue.event_types import DESCRIPTION_LIMIT

FORCE = OpenApiParameter(
    "force",
    {"type": "string", "enum": ["true", "false"]},
    description="Although a type that changes has no mapping down.",
)


class ApiVersionShape(Shape):
    """A version of the installation's API."""

    described: ClassVar[limits.Described] = {"description": {"maxLength": DESCRIPTION_LIMIT}}

    name = Text(max_length=NAME_LIMIT, help_text="Such as 2026-11-01.")
    description = Text(required=False, allow_blank=True, help_text="What is different; customers read it.")
    released_at = Moment(read_only=True, allow_null=True, help_text="Null: it is being prepared.")
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class ApiVersionChange(ApiVersionShape):
    """What of a version can be changed: not its name, which is in receivers' code."""

    name = Text(read_only=True)


class ReleaseQuery(Shape):
    """How strict a release is."""

    force = Choice(["true", "false"], required=False)


def show_version(version: ApiVersion) -> dict[str, object]:
    """Return a version as answers show it."""
    return ApiVersionShape.shown(version)


class _Versions(ApiView):
    def rows(self, request: Request) -> QuerySet[ApiVersion]:
        """Return what the caller sees: a customer those that were released."""
        return visible.api_versions(caller_of(request).viewer)


class ApiVersionsView(_Versions):
    """Versions, the newest first."""

    queried = LISTS

    @extend_schema(operation_id="list_api_versions", parameters=PAGE_QUERY, responses=listed(ApiVersionShape))
    def get(self, request: Request) -> Response:
        """List versions of the API; a customer's key sees those that were released."""
        asked(Shape, request, also=PARAMETERS)
        return Response(page_of(request, self.rows(request), show_version))

    @extend_schema(operation_id="create_api_version", request=ApiVersionShape, responses={201: ApiVersionShape})
    def post(self, request: Request) -> Response:
        """Register a version, to be prepared and then released."""
        refuse_customer_keys(request)
        version = create_version(given(ApiVersionShape, request), actor=caller_of(request).actor)
        return created(request, show_version(version), version.name)


class ApiVersionView(_Versions):
    """One version."""

    @extend_schema(operation_id="get_api_version", responses=ApiVersionShape)
    def get(self, request: Request, version: str) -> Response:
        """Return a version of the API."""
        return Response(show_version(find_version(self.rows(request), version)))

    @extend_schema(operation_id="update_api_version", request=ApiVersionChange(partial=True), responses=ApiVersionShape)
    def patch(self, request: Request, version: str) -> Response:
        """Change what is said of a version."""
        row = find_version(self.rows(request), version)
        refuse_customer_keys(request)
        fields = given(ApiVersionChange, request, partial=True)
        return Response(show_version(update_version(row, fields, actor=caller_of(request).actor)))

    @extend_schema(operation_id="delete_api_version", request=None, responses={204: None})
    def delete(self, request: Request, version: str) -> Response:
        """Forget a version that was not released."""
        row = find_version(self.rows(request), version)
        refuse_customer_keys(request)
        refuse_body(request)
        delete_version(row, actor=caller_of(request).actor)
        return no_content()


class ReleaseView(_Versions):
    """The moment at which a version becomes the newest."""

    queried = ("POST",)

    @extend_schema(
        operation_id="release_api_version", parameters=[FORCE], request=None, responses={200: ApiVersionShape}
    )
    def post(self, request: Request, version: str) -> Response:
        """Make a version the newest; events without one are in it from now on, and new endpoints are pinned to it."""
        force = asked(ReleaseQuery, request).get("force") == "true"
        row = find_version(self.rows(request), version)
        refuse_customer_keys(request)
        refuse_body(request)
        return Response(show_version(release_version(row, actor=caller_of(request).actor, force=force)))
