"""POST /events/{id}/cancel

What lives here: taking back what an event still has to send. It must not know the queue.
"""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import Scope, caller_of
from deliveries.api.base import ApiView
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Number, Shape, TypeId
from deliveries.api.lookups import find_event_to_end
from deliveries.api.reasons import ReasonShape, why
from deliveries.protocol.writing import ids
from deliveries.services.accepting.scheduling import cancel_event


class CancelledShape(Shape):
    """What became of a cancelled event."""

    id = TypeId(ids.EVENT)
    cancelled = Number(help_text="How many of its deliveries will not be sent.")


class CancelEventView(ApiView):
    """Taking an event back."""

    scopes: ClassVar[dict[str, str]] = {"POST": Scope.EVENTS_WRITE}

    @extend_schema(operation_id="cancel_event", request=ReasonShape, responses=CancelledShape)
    def post(self, request: Request, event: str) -> Response:
        """Cancel what of an event was never sent, such as one that is for later; what was tried goes on.

        An event for every customer is cancelled by a service key only.
        """
        caller = caller_of(request)
        found = find_event_to_end(caller.viewer, event)
        number = cancel_event(found, actor=caller.actor, **why(request))
        return Response({"id": found.public_id, "cancelled": number})
