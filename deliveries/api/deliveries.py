"""/deliveries

What lives here: the REST form of deliveries, and of sending one again. It must not know how anything is sent.
Their attempts are in attempts.py, bulk work in jobs.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries import actors
from deliveries.api.auth import caller_of
from deliveries.api.base import LISTS, REDELIVER, ApiView, asked, in_query
from deliveries.api.describe import PAGE_QUERY, extend_schema, listed
from deliveries.api.fields import Choice, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.lookups import find_delivery
from deliveries.api.paging import PARAMETERS, page_of_all
from deliveries.api.query_filters import DeliveryFilters, selection_of
from deliveries.api.reasons import ReasonShape, why
from deliveries.models import Delivery
from deliveries.protocol.writing import ids
from deliveries.services.reading.selection import deliveries_of
from deliveries.services.reading.waiting import Waiting, WaitReason, waiting_of
from deliveries.services.resending.redelivery import redeliver


class WaitingShape(Shape):
    """What a delivery waits for."""

    may_be_absent = frozenset({"until"})

    reason = Choice(list(WaitReason))
    until = Moment(required=False, help_text="Absent where nobody can tell.")


class ComingShape(Shape):
    """An attempt to come."""

    number = Number(help_text="Its place in the schedule.")
    at = Moment(allow_null=True, help_text="About when, without the jitter; null where nobody can tell.")


class DeliveryShape(Shape):
    """A delivery; `status_code` and `error` are those of the last attempt."""

    id = TypeId(ids.DELIVERY)
    event = TypeId(ids.EVENT, source="event_id")
    type = Text(source="event_type")
    customer = TypeId(ids.CUSTOMER, source="customer_id")
    endpoint = TypeId(ids.ENDPOINT, source="endpoint_id")
    state = Text()
    attempts = Number(help_text="Requests sent so far, redeliveries included.")
    status_code = Number(allow_null=True)
    error = Text(help_text="Empty, or the reason why the last attempt failed.")
    created_at = Moment()
    next_attempt_at = Moment(allow_null=True, help_text="Null too where an attempt is due now, or nobody can tell.")
    waiting_for = WaitingShape(allow_null=True, help_text="While it is pending or held.")
    schedule = ComingShape(many=True, help_text="The coming attempts.")
    finished_at = Moment(allow_null=True)


def show_delivery(delivery: Delivery) -> dict[str, object]:
    """Return a delivery as answers show it."""
    return show_deliveries([delivery])[0]


def show_deliveries(deliveries: Sequence[Delivery]) -> list[dict[str, object]]:
    """Return deliveries as answers show them; what they wait for is asked for once."""
    waiting = waiting_of(deliveries)
    return [_shown(delivery, waiting.get(delivery.id)) for delivery in deliveries]


def _shown(delivery: Delivery, waiting: Waiting | None) -> dict[str, object]:
    """Without the serializer, which would be most of a page's cost."""
    return {
        "id": delivery.public_id,
        "event": ids.encode_id(ids.EVENT, delivery.event_id),
        "type": delivery.event_type,
        "customer": ids.encode_id(ids.CUSTOMER, delivery.customer_id),
        "endpoint": ids.encode_id(ids.ENDPOINT, delivery.endpoint_id),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status_code": delivery.status_code,
        "error": delivery.error,
        "created_at": shown_moment(delivery.made_at),
        "next_attempt_at": shown_moment(waiting.next_attempt_at if waiting else None),
        "waiting_for": waiting and _waiting_for(waiting),
        "schedule": [{"number": each.number, "at": shown_moment(each.at)} for each in waiting.schedule]
        if waiting
        else [],
        "finished_at": shown_moment(delivery.finished_at),
    }


def _waiting_for(waiting: Waiting) -> dict[str, object]:
    until = {} if waiting.until is None else {"until": shown_moment(waiting.until)}
    return {"reason": waiting.reason, **until}


class DeliveriesView(ApiView):
    """All deliveries."""

    queried = LISTS

    @extend_schema(
        operation_id="list_deliveries", parameters=[DeliveryFilters, *PAGE_QUERY], responses=listed(DeliveryShape)
    )
    def get(self, request: Request) -> Response:
        """List deliveries, newest first."""
        viewer = caller_of(request).viewer
        filters = asked(DeliveryFilters, request, also=PARAMETERS)
        with in_query():
            selection = selection_of(viewer, filters)
        rows, base = deliveries_of(viewer, selection)
        return Response(page_of_all(request, rows, show_deliveries, base=base))


class DeliveryView(ApiView):
    """One delivery."""

    @extend_schema(operation_id="get_delivery", responses=DeliveryShape)
    def get(self, request: Request, delivery: str) -> Response:
        """Return a delivery."""
        return Response(show_delivery(find_delivery(caller_of(request).viewer, delivery)))


class RedeliverView(ApiView):
    """Redelivering one delivery."""

    scopes = REDELIVER

    @extend_schema(operation_id="redeliver", request=ReasonShape, responses={202: DeliveryShape})
    def post(self, request: Request, delivery: str) -> Response:
        """Send a delivery once more, beside its schedule; refused while an attempt is under way."""
        row = find_delivery(caller_of(request).viewer, delivery)
        actors.wake(redeliver(row, actor=caller_of(request).actor, **why(request)))
        return Response(show_delivery(row), status=202)
