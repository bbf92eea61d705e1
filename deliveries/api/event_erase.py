"""POST /events/{id}/erase

What lives here: erasing an event's content. It must not know where the content is kept.
"""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import Scope, caller_of
from deliveries.api.base import ApiView
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Moment, Number, Shape, TypeId, shown_moment
from deliveries.api.lookups import find_event_to_end
from deliveries.api.reasons import ReasonShape, why
from deliveries.protocol.writing import ids
from deliveries.services.event_erasure import erase_content


class ErasedShape(Shape):
    """What became of an event whose content was erased."""

    id = TypeId(ids.EVENT)
    erased_at = Moment()
    cancelled = Number(help_text="How many of its deliveries waited, and are not sent.")


class EraseEventView(ApiView):
    """Erasing what an event says."""

    scopes: ClassVar[dict[str, str]] = {"POST": Scope.MANAGE}

    @extend_schema(operation_id="erase_event", request=ReasonShape, responses=ErasedShape)
    def post(self, request: Request, event: str) -> Response:
        """Erase the content of an event for good, wherever it is kept; its log stays, and what waits is cancelled.

        An event for every customer is erased by a service key only.
        """
        caller = caller_of(request)
        found = find_event_to_end(caller.viewer, event)
        number = erase_content(found, actor=caller.actor, **why(request))
        erased_at = found.erased_at and shown_moment(found.erased_at)
        return Response({"id": found.public_id, "erased_at": erased_at, "cancelled": number})
