"""GET /events, /events/{id}, and the feed /customers/{customer}/events

What lives here: the REST form of stored events. It must not know how events are accepted: emit.py does
that. Bodies go out byte for byte as they were stored.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, ApiView, asked, in_query
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.emit import EmitView, emit_batch, emit_one
from deliveries.api.event_lists import Narrow, events_at, sources_of
from deliveries.api.event_shapes import (
    AcceptedShape,
    BatchAnswerShape,
    BatchShape,
    EventFilters,
    EventShape,
    FeedFilters,
    NewEventShape,
    OneEventShape,
    VersionQuery,
    show_event,
)
from deliveries.api.lookups import find_customer, find_event
from deliveries.api.paging import PARAMETERS, Slice, links, place_of
from deliveries.api.problems import QueryError
from deliveries.api.query_filters import customer_id_of
from deliveries.errors import InvalidId
from deliveries.models import Event, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.events.api_versions import OLDEST
from deliveries.protocol.events.tags import read_tags
from deliveries.protocol.writing import ids
from deliveries.services.accepting import fan_out
from deliveries.services.accepting.event_store import EVERYONE
from deliveries.services.bodies.sent_bodies import in_version
from deliveries.services.reading.feed import SETTLE_SECONDS, settled_before
from deliveries.services.reading.selection import Selection, between, of_types, read_types, select_deliveries

IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The same key gives the same answer."
)
FEED_PARAMETERS = PARAMETERS | {"after"}


class EventsView(EmitView):
    """All events."""

    emit = staticmethod(emit_one)
    queried = LISTS

    @extend_schema(operation_id="list_events", parameters=[EventFilters, *PAGE_QUERY], responses=listed(EventShape))
    def get(self, request: Request) -> Response:
        """List events, newest first."""
        viewer = caller_of(request).viewer
        filters = asked(EventFilters, request, also=PARAMETERS)
        bases = _between(sources_of(viewer, _customer(viewer, filters)), filters)
        place = place_of(request)
        page = events_at(bases, place, narrow=lambda rows: _of_types(rows, filters, name="type"))
        return Response(links(request, place, page) | {"results": [show_event(row) for row in page.rows]})

    @extend_schema(
        operation_id="emit_event", parameters=[IDEMPOTENCY], request=NewEventShape, responses={202: AcceptedShape}
    )
    def post(self, request: Request) -> Response:
        """Emit an event; 202 says that it is stored and will be delivered."""
        return super().post(request)


class EventBatchView(EmitView):
    """Many events at once."""

    emit = staticmethod(emit_batch)

    @extend_schema(
        operation_id="emit_batch", parameters=[IDEMPOTENCY], request=BatchShape, responses={202: BatchAnswerShape}
    )
    def post(self, request: Request) -> Response:
        """Emit up to 1,000 events; each is stored or refused by itself, with `atomic` all or none."""
        return super().post(request)


class EventView(ApiView):
    """One event."""

    queried = ("GET", "HEAD")

    @extend_schema(operation_id="get_event", parameters=[VersionQuery], responses=OneEventShape)
    def get(self, request: Request, event: str) -> Response:
        """Return an event, its body exactly as stored or in a version, and to how many endpoints it goes."""
        viewer = caller_of(request).viewer
        wanted = asked(VersionQuery, request).get("api_version")
        found = find_event(viewer, event)
        if wanted is not None and found.erased_at is None:
            with in_query():
                found = in_version(found, None if wanted == OLDEST else wanted)
        is_open = fan_out.is_open(found.id)  # first, so that what is done is counted whole
        made = select_deliveries(visible.deliveries(viewer), Selection(event_id=found.id))
        number = made.exclude(error=fan_out.FILTER_FAILED, attempts=0).count()
        return Response(show_event(found, deliveries=number, fan_out="pending" if is_open else "done"))


class FeedView(ApiView):
    """The events of one customer, oldest first: to poll, and to reconcile with."""

    queried = LISTS

    @extend_schema(
        operation_id="read_feed",
        parameters=[
            FeedFilters,
            *PAGE_QUERY,
            OpenApiParameter("after", OpenApiTypes.STR, description="Id of the last event that you have."),
            OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER),
            OpenApiParameter(
                "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, description="Of this page.", response=[200, 304]
            ),
        ],
        responses={200: listed(EventShape), 304: OpenApiResponse(description="Nothing new since that ETag.")},
    )
    def get(self, request: Request, customer: str) -> Response:
        """Read a customer's events, oldest first; to go on later, ask for those `after` the last one."""
        viewer = caller_of(request).viewer
        owner = find_customer(viewer, customer)
        filters = asked(FeedFilters, request, also=FEED_PARAMETERS)
        bases = [_after(request, base) for base in _between(sources_of(viewer, owner.id), filters)]
        page = _settled(request, bases, lambda rows: _of_types(rows, filters, name="types"))
        keys = [row.id for row in page.rows]
        tag = _etag(page)
        if _is_known(request, tag):
            return Response(status=304, headers={"ETag": tag})
        found = visible.events(viewer).in_bulk(keys)
        results = [show_event(found[key]) for key in keys if key in found]
        return Response(links(request, place_of(request), page) | {"results": results}, headers={"ETag": tag})


def _of_types(rows: QuerySet[Event], filters: Mapping[str, Any], *, name: str) -> QuerySet[Event]:
    """By types and tags, which no index finds."""
    if "tag" in filters:
        with in_query():
            rows = rows.filter(tags__overlap=list(read_tags(filters["tag"])))
    if name not in filters:
        return rows
    with in_query():
        return of_types(rows, read_types(filters[name], field=name), column="type")


def _after(request: Request, rows: QuerySet[Event]) -> QuerySet[Event]:
    text = request.query_params.get("after")
    if text is None:
        return rows
    try:
        return rows.filter(id__gt=ids.decode_id(ids.EVENT, text))
    except InvalidId as error:
        raise QueryError([{"pointer": "/after", "detail": error.detail}]) from error


def _customer(viewer: Viewer, filters: Mapping[str, Any]) -> UUID | str | None:
    named: str | None = filters.get("customer")
    if named is None or named == EVERYONE:
        return named
    with in_query():
        return customer_id_of(viewer, named)


def _between(bases: Iterable[QuerySet[Event]], filters: Mapping[str, Any]) -> list[QuerySet[Event]]:
    return [between(base, since=filters.get("since"), until=filters.get("until")) for base in bases]


def _settled(request: Request, bases: Sequence[QuerySet[Event]], narrow: Narrow) -> Slice[Event]:
    """Return a page without those events that one of an earlier id could still come before.

    Events that were accepted a moment ago are waited for, so that who polls after posting finds them.
    """
    place = place_of(request)
    for last in (False, True):
        horizon = settled_before()
        page = events_at(bases, place, narrow=narrow, ascending=True, for_tag=True)
        settled = [row for row in page.rows if row.id < horizon]
        if len(settled) == len(page.rows) and (page.edge is None or page.edge < horizon):
            return page
        if not last:
            time.sleep(SETTLE_SECONDS)
    return Slice(settled, None)


def _is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this answer. Source: RFC 9110 13.1.2, weak comparison."""
    named = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in named or tag in {each.removeprefix("W/") for each in named}


def _etag(page: Slice[Event]) -> str:
    erased = "".join(f"{row.id} {row.erased_at}" for row in page.rows if row.erased_at)  # nothing else of one changes
    rows = b"".join(row.id.bytes for row in page.rows)
    digest = hashlib.sha256(rows + f"{page.edge}{erased}".encode()).hexdigest()
    return f'"{digest[:32]}"'
