"""/api-versions/{version}/changes

What lives here: the REST form of what changes with a version, and of trying that. It must not know the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import limits
from deliveries.api.auth import Scope, caller_of, refuse_customer_keys
from deliveries.api.base import LISTS, ApiView, asked, created, given, no_content, refuse_body
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.event_types import FORCE, ForceQuery
from deliveries.api.fields import Choice, JsonValue, Moment, Number, Shape, Text, TypeId
from deliveries.api.lookups import find_change, find_version
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.models import ApiVersion, VersionChange, visible
from deliveries.protocol.events.event_types import NAME_LIMIT
from deliveries.protocol.writing import ids
from deliveries.services.catalogue.api_versions import delete_change, save_change
from deliveries.services.catalogue.version_preview import DIRECTIONS, EVENTS_MAX, PreviewedMapping, preview_change


class VersionChangeShape(Shape):
    """How an event type changes with a version."""

    described: ClassVar[limits.Described] = {"down": limits.MAPPING, "up": limits.MAPPING}

    version = Text(source="version.name", read_only=True)
    event_type = Text(max_length=NAME_LIMIT, help_text="The operator's.")
    schema = JsonValue(required=False, allow_null=True, help_text="JSON Schema 2020-12 of `data` from then on.")
    example = JsonValue(required=False, allow_null=True, help_text="Example of `data` in this version.")
    down = Text(required=False, allow_blank=True, help_text="JMESPath over `data`, to the version before; @: the same.")
    up = Text(required=False, allow_blank=True, help_text="JMESPath over `data`, from the version before; @: the same.")
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)


class VersionChangeChange(VersionChangeShape):
    """What of a change can be changed."""

    event_type = Text(read_only=True)


class MappingDraftShape(Shape):
    """What is tried; what is not given is as it is stored."""

    described: ClassVar[limits.Described] = {"down": limits.MAPPING, "up": limits.MAPPING}

    down = Text(required=False, allow_blank=True)
    up = Text(required=False, allow_blank=True)
    schema = JsonValue(required=False, allow_null=True)
    example = JsonValue(required=False, allow_null=True)
    limit = Number(required=False, min_value=1, max_value=EVENTS_MAX, help_text="How many events; 5.")


class BrokenPlaceShape(Shape):
    """Where what was made breaks its schema."""

    pointer = Text(help_text="JSON pointer into the data.")
    detail = Text()


class PreviewedMappingShape(Shape):
    """What the mapping makes of the data of one event, or why it makes nothing."""

    event = TypeId(ids.EVENT, allow_null=True, help_text="Null: the example.")
    direction = Choice(DIRECTIONS)
    before = JsonValue(help_text="The data, in the version that the mapping begins with.")
    after = JsonValue(allow_null=True)
    error = Text()
    detail = Text()
    violations = BrokenPlaceShape(many=True, help_text="Of the schema of the version that it leads to.")


class MappingPreviewShape(Shape):
    """What would be made of the example and of the last events of the type."""

    results = PreviewedMappingShape(many=True)


class _Changes(ApiView):
    def version(self, request: Request, name: str) -> ApiVersion:
        """Return the version, to service keys."""
        row = find_version(visible.api_versions(caller_of(request).viewer), name)
        refuse_customer_keys(request)
        return row


class VersionChangesView(_Changes):
    """What changes with a version."""

    queried = LISTS

    @extend_schema(operation_id="list_version_changes", parameters=PAGE_QUERY, responses=listed(VersionChangeShape))
    def get(self, request: Request, version: str) -> Response:
        """List the event types that change with a version."""
        asked(Shape, request, also=PARAMETERS)
        rows = self.version(request, version).changes.select_related("version")
        return Response(page_of(request, rows, show_change))

    @extend_schema(
        operation_id="create_version_change", request=VersionChangeShape, responses={201: VersionChangeShape}
    )
    def post(self, request: Request, version: str) -> Response:
        """Declare how an event type changes with a version; what was declared before is changed."""
        row = self.version(request, version)
        fields = given(VersionChangeShape, request)
        change = save_change(row, fields.pop("event_type"), fields, actor=caller_of(request).actor)
        return created(request, show_change(change), change.event_type)


class VersionChangeView(_Changes):
    """How one event type changes with a version."""

    queried = ("PATCH",)

    @extend_schema(operation_id="get_version_change", responses=VersionChangeShape)
    def get(self, request: Request, version: str, name: str) -> Response:
        """Return how an event type changes with a version."""
        return Response(show_change(find_change(self.version(request, version), name)))

    @extend_schema(
        operation_id="update_version_change",
        parameters=[FORCE],
        request=VersionChangeChange(partial=True),
        responses=VersionChangeShape,
    )
    def patch(self, request: Request, version: str, name: str) -> Response:
        """Change schema, example or mappings."""
        force = asked(ForceQuery, request).get("force") == "true"
        row = self.version(request, version)
        find_change(row, name)
        fields = given(VersionChangeChange, request, partial=True)
        return Response(show_change(save_change(row, name, fields, actor=caller_of(request).actor, force=force)))

    @extend_schema(operation_id="delete_version_change", request=None, responses={204: None})
    def delete(self, request: Request, version: str, name: str) -> Response:
        """Forget how an event type changes, as long as the version was not released."""
        change = find_change(self.version(request, version), name)
        refuse_body(request)
        delete_change(change, actor=caller_of(request).actor)
        return no_content()


class MappingPreviewView(_Changes):
    """What mappings make, before they are saved."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": Scope.READ}

    @extend_schema(operation_id="preview_version_change", request=MappingDraftShape, responses=MappingPreviewShape)
    def post(self, request: Request, version: str, name: str) -> Response:
        """Say what the mappings make of the example and the last events of the type; nothing is stored."""
        row = self.version(request, version)
        fields = given(MappingDraftShape, request)
        limit = {"limit": fields.pop("limit")} if "limit" in fields else {}
        return Response({"results": [_shown(each) for each in preview_change(row, name, fields, **limit)]})


def show_change(change: VersionChange) -> dict[str, object]:
    """Return a change as answers show it."""
    return VersionChangeShape.shown(change)


def _shown(each: PreviewedMapping) -> dict[str, object]:
    return {
        "event": None if each.event_id is None else ids.encode_id(ids.EVENT, each.event_id),
        "direction": each.direction,
        "before": each.before,
        "after": each.after,
        "error": each.error,
        "detail": each.detail,
        "violations": [{"pointer": found.pointer, "detail": found.detail} for found in each.violations],
    }
