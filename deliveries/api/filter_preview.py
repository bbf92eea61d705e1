"""/customers/{customer}/filter-preview, and the same below an endpoint

What lives here: the REST form of what a filter would match. It must not know how that is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import limits
from deliveries.api.auth import Scope, caller_of
from deliveries.api.base import ApiView, given
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Choice, Flag, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.lookups import find_customer, find_endpoint
from deliveries.models import Endpoint
from deliveries.protocol.writing import ids
from deliveries.services.catalogue.api_versions import newest_version
from deliveries.services.endpoint.filter_preview import (
    EXAMPLES_MAX,
    Example,
    FilterPreview,
    Seen,
    TagsSeen,
    Verdict,
    preview_filter,
)
from deliveries.services.reading.recent_events import RECENT_EVENTS

RESULTS = [(verdict.value, verdict.value) for verdict in Verdict]


class FilterDraftShape(Shape):
    """What is tried; of an endpoint, what is not given is its own."""

    described: ClassVar[limits.Described] = {
        "filter": limits.FILTER,
        "event_types": limits.EVENT_TYPES,
        "tags": limits.TAGS,
    }

    filter = Text(required=False, allow_blank=True, help_text="SQL/JSON path, such as $.data.amount > 100.")
    event_types = serializers.ListField(child=Text(), required=False, help_text="Names or families; empty: all.")
    tags = serializers.ListField(child=Text(), required=False, help_text="An event needs one of them; empty: none.")
    limit = Number(required=False, min_value=1, max_value=EXAMPLES_MAX, help_text="How many events are explained; 20.")
    only = Choice(RESULTS, required=False, help_text="Explain only events of this result.")


class ConditionShape(Shape):
    """A part of the filter, and what the event has there."""

    condition = Text()
    negated = Flag(help_text="It stands under a !, so it must not hold.")
    holds = Flag(allow_null=True, help_text="Null where it cannot be told, as when a text is compared with a number.")
    met = Flag(help_text="Whether it is as the filter wants it.")
    found = serializers.ListField(child=Text(), help_text="JSON, the first five values, each up to 200 characters.")
    found_count = Number()
    says = Text(help_text="As a sentence.")


class TagsSeenShape(Shape):
    """The tags of an event, where the endpoint wants one of some."""

    found = serializers.ListField(child=Text())
    met = Flag(help_text="Whether one is among those that the endpoint wants.")
    says = Text(help_text="As a sentence.")


class ExampleShape(Shape):
    """An event that was looked at; without conditions where its type or tags decide, or time ran out."""

    event = TypeId(ids.EVENT)
    type = Text()
    created_at = Moment()
    result = Choice(RESULTS)
    tags = TagsSeenShape(allow_null=True, help_text="Null where the endpoint wants none, or the type decides.")
    conditions = ConditionShape(many=True)


class FilterPreviewShape(Shape):
    """What became of the customer's last events, newest first."""

    filter = Text()
    event_types = serializers.ListField(child=Text())
    tags = serializers.ListField(child=Text())
    looked_at = Number(help_text=f"At most {RECENT_EVENTS}.")
    complete = Flag(help_text="False where time or size ended it before.")
    oldest_at = Moment(allow_null=True)
    matched = Number()
    not_matched = Number()
    other_type = Number()
    other_tags = Number(help_text="They carry none of the tags.")
    not_judged = Number(help_text="They hold a number that no filter can evaluate.")
    results = ExampleShape(many=True)


class _Preview(ApiView):
    scopes: ClassVar[Mapping[str, str]] = {"POST": Scope.READ}


class EndpointFilterPreviewView(_Preview):
    """An endpoint's filter, or a change of it."""

    @extend_schema(operation_id="preview_endpoint_filter", request=FilterDraftShape, responses=FilterPreviewShape)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Say which of the last 1,000 events the endpoint's filter would match, and why not the others."""
        row = find_endpoint(caller_of(request).viewer, customer, endpoint)
        return _answer(row, given(FilterDraftShape, request))


class FilterPreviewView(_Preview):
    """A filter without an endpoint."""

    @extend_schema(operation_id="preview_filter", request=FilterDraftShape, responses=FilterPreviewShape)
    def post(self, request: Request, customer: str) -> Response:
        """Say which of the last 1,000 events a filter would match, and why not the others."""
        owner = find_customer(caller_of(request).viewer, customer)
        return _answer(Endpoint(customer=owner, api_version=newest_version()), given(FilterDraftShape, request))


def _answer(endpoint: Endpoint, fields: Mapping[str, object]) -> Response:
    """Answer with what an endpoint with these fields would match; it is not stored."""
    filter_, types = str(fields.get("filter", endpoint.filter)), fields.get("event_types", endpoint.event_types)
    tags, only, limit = fields.get("tags", endpoint.tags or []), fields.get("only"), fields.get("limit")
    assert isinstance(types, list)
    assert isinstance(tags, list)
    preview = preview_filter(
        endpoint.customer_id,
        filter_=filter_,
        event_types=types,
        tags=tags,
        api_version=endpoint.api_version,
        **({"limit": limit} if isinstance(limit, int) else {}),
        only=Verdict(str(only)) if only else None,
    )
    return Response({"filter": filter_, "event_types": types, "tags": tags} | _shown(preview))


def _shown(preview: FilterPreview) -> dict[str, object]:
    return {
        "looked_at": preview.looked_at,
        "complete": preview.is_complete,
        "oldest_at": shown_moment(preview.oldest_at),
        **{verdict.value: count for verdict, count in preview.counts.items()},
        "results": [_example(each) for each in preview.examples],
    }


def _example(example: Example) -> dict[str, object]:
    return {
        "event": ids.encode_id(ids.EVENT, example.event.id),
        "type": example.event.type,
        "created_at": shown_moment(example.event.created_at),
        "result": example.verdict.value,
        "tags": None if example.tags is None else _tags(example.tags),
        "conditions": [_condition(each) for each in example.conditions],
    }


def _tags(seen: TagsSeen) -> dict[str, object]:
    return {"found": list(seen.found), "met": seen.is_met, "says": seen.says}


def _condition(seen: Seen) -> dict[str, object]:
    return {
        "condition": seen.condition.text,
        "negated": seen.condition.is_negated,
        "holds": seen.holds,
        "met": seen.is_met,
        "found": list(seen.found),
        "found_count": seen.found_count,
        "says": seen.says,
    }
