"""What can be done with an endpoint: rotate, pause, resume, test; and its figures.

What lives here: the REST form of these verbs. It must not know what they do. Bulk sending is in jobs.py.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from deliveries import actors
from deliveries.api.auth import caller_of
from deliveries.api.base import ApiView, given, refuse_body
from deliveries.api.describe import extend_schema
from deliveries.api.endpoint_shapes import (
    EndpointShape,
    ResumeShape,
    RotationShape,
    SecretShape,
    StatsShape,
    TestShape,
    show_endpoint,
)
from deliveries.api.event_shapes import AcceptedShape
from deliveries.api.lookups import find_endpoint
from deliveries.api.reasons import ReasonShape, why
from deliveries.errors import InvalidEventType
from deliveries.models import Endpoint
from deliveries.protocol.events.event_types import check_name
from deliveries.protocol.writing.ids import EVENT, encode_id
from deliveries.services.accepting.events import TEST_EVENT_TYPE, send_test_event
from deliveries.services.endpoint.challenges import ask_again
from deliveries.services.endpoints import pause_endpoint, resume_endpoint, rotate_secret
from deliveries.services.reading.stats import endpoint_stats


class _Act(ApiView):
    """A verb upon one endpoint."""

    def row(self, request: Request, path: dict[str, str]) -> Endpoint:
        """Return the endpoint of the path."""
        return find_endpoint(caller_of(request).viewer, path["customer"], path["endpoint"])


class RotateSecretView(_Act):
    """New secret, and the old one for a while."""

    @extend_schema(operation_id="rotate_secret", request=RotationShape, responses=SecretShape)
    def post(self, request: Request, **path: str) -> Response:
        """Make or take a new secret; the old one goes on signing for 24 hours or as you say."""
        row = self.row(request, path)
        return Response({"secret": rotate_secret(row, actor=caller_of(request).actor, **given(RotationShape, request))})


class PauseView(_Act):
    """Pausing an endpoint."""

    @extend_schema(operation_id="pause_endpoint", request=ReasonShape, responses=EndpointShape)
    def post(self, request: Request, **path: str) -> Response:
        """Pause an endpoint; what is due and what comes is held until it is resumed."""
        row = self.row(request, path)
        pause_endpoint(row, actor=caller_of(request).actor, **why(request))
        return Response(show_endpoint(row))


class ResumeView(_Act):
    """Resuming an endpoint."""

    @extend_schema(operation_id="resume_endpoint", request=ResumeShape, responses=EndpointShape)
    def post(self, request: Request, **path: str) -> Response:
        """Enable an endpoint again; what was held drains at a limited rate, or is cancelled by choice."""
        row = self.row(request, path)
        resume_endpoint(row, actor=caller_of(request).actor, **why(request, ResumeShape))
        actors.wake([(row.id, row.lane.slow)])
        return Response(show_endpoint(row))


class VerifyView(_Act):
    """Asking a URL again."""

    @extend_schema(operation_id="verify_endpoint", request=None, responses={202: EndpointShape})
    def post(self, request: Request, **path: str) -> Response:
        """Ask a URL again that has yet to answer its challenge; `verification` says what came of it."""
        row = self.row(request, path)
        refuse_body(request)
        ask_again(row, actor=caller_of(request).actor)
        return Response(show_endpoint(row), status=202)


class TestView(_Act):
    """Sending a test event."""

    @extend_schema(operation_id="test_endpoint", request=TestShape, responses={202: AcceptedShape})
    def post(self, request: Request, **path: str) -> Response:
        """Send an example event to this endpoint only."""
        row = self.row(request, path)
        event_type = given(TestShape, request).get("type", TEST_EVENT_TYPE)
        try:
            check_name(event_type)
        except InvalidEventType as error:
            raise InvalidEventType(error.detail, field="type") from error
        accepted = send_test_event(row, event_type=event_type)
        actors.wake(accepted.wake)
        return Response({"id": encode_id(EVENT, accepted.event_id), "deliveries": accepted.deliveries}, status=202)


class StatsView(_Act):
    """Figures of an endpoint's last day."""

    @extend_schema(operation_id="get_endpoint_stats", responses=StatsShape)
    def get(self, request: Request, **path: str) -> Response:
        """Return the figures of the last 24 hours, and what waits now."""
        row = self.row(request, path)
        return Response(StatsShape.shown(endpoint_stats(row)))
