"""/failures

What lives here: the REST form of failure groups. It must not know how failures are counted. Sending one again is a bulk
redelivery, in jobs.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, ApiView, asked, in_query
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.paging import PARAMETERS, page_of
from deliveries.api.query_filters import QueryNumber, TimeFilters, selection_of
from deliveries.errors import InvalidInput
from deliveries.models import FailureGroup, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.writing import ids
from deliveries.services.resending.failure_groups import GroupState, described, in_state, narrowed, with_arrivals


class FailureGroupFilters(TimeFilters):
    """What a list of failure groups can be narrowed by; `since` and `until` compare the last failure."""

    customer = Text(required=False, help_text="Id or uid.")
    endpoint = Text(required=False, help_text="Id; with `customer` also its uid.")
    tag = Text(required=False, help_text="A tag of the endpoint; any of several with commas.")
    error = Choice(sorted(EXPLANATIONS), required=False)
    status_code = QueryNumber(required=False, min_value=100, max_value=599)
    state = Choice(list(GroupState), required=False)


class FailureGroupShape(Shape):
    """Deliveries of one endpoint that fail with the same error and status."""

    id = TypeId(ids.FAILURE_GROUP)
    customer = TypeId(ids.CUSTOMER)
    endpoint = TypeId(ids.ENDPOINT)
    error = Text()
    status_code = Number(allow_null=True, help_text="Null where no answer came.")
    explanation = Text(help_text="What happens, in the middle of a sentence.")
    advice = Text(help_text="What to do about it.")
    count = Number(help_text="Deliveries that began to fail like this, whatever became of them since.")
    attempts = Number(help_text="Requests that failed like this.")
    first_at = Moment()
    last_at = Moment()
    state = Choice(list(GroupState))
    example = TypeId(ids.DELIVERY, help_text="The delivery that failed last.")


def show_group(row: FailureGroup) -> dict[str, object]:
    """Return a failure group as answers show it."""
    found = described(row)
    return {
        "id": row.public_id,
        "customer": ids.encode_id(ids.CUSTOMER, row.customer_id),
        "endpoint": ids.encode_id(ids.ENDPOINT, row.endpoint_id),
        "error": row.error,
        "status_code": row.status_code or None,
        "explanation": found.advice.says,
        "advice": found.advice.do,
        "count": row.deliveries,
        "attempts": row.attempts,
        "first_at": shown_moment(row.first_at),
        "last_at": shown_moment(row.last_at),
        "state": found.state,
        "example": ids.encode_id(ids.DELIVERY, row.example_id),
    }


class FailureGroupsView(ApiView):
    """Failure groups."""

    queried = LISTS

    @extend_schema(
        operation_id="list_failures",
        parameters=[FailureGroupFilters, *PAGE_QUERY],
        responses=listed(FailureGroupShape),
    )
    def get(self, request: Request) -> Response:
        """List what fails in the same way, by endpoint, error and status; a minute after it failed."""
        viewer = caller_of(request).viewer
        filters = asked(FailureGroupFilters, request, also=PARAMETERS)
        with in_query():
            selection = selection_of(viewer, _of_deliveries(filters))
        rows = narrowed(with_arrivals(visible.failure_groups(viewer)), selection)
        if "state" in filters:
            rows = in_state(rows, GroupState(filters["state"]))
        return Response(page_of(request, rows, show_group))


def group_meant(viewer: Viewer, group_id: UUID) -> FailureGroup:
    """Return the group that a bulk redelivery names; raises InvalidInput when the viewer sees none of this id."""
    found = with_arrivals(visible.failure_groups(viewer)).filter(id=group_id).first()
    if found is None:
        raise InvalidInput("there is no failure group of this id", field="group")
    return found


def _of_deliveries(filters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in filters.items() if name != "state"}
