"""/customers/{customer}/endpoints/{endpoint}/payload-preview

What lives here: the REST form of what would be sent. It must not know how it is made.
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
from deliveries.api.fields import Choice, Flag, Number, Shape, Text, TypeId
from deliveries.api.lookups import find_endpoint
from deliveries.errors import InvalidInput
from deliveries.models import Endpoint, Event, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.events.transformation import PRESETS
from deliveries.protocol.sending.payload import METHODS, Shaping
from deliveries.protocol.writing import ids
from deliveries.services.endpoint.payload_preview import EVENTS_MAX, PreviewedPayload, preview_payloads, tried_shaping


class PayloadDraftShape(Shape):
    """What is tried; what is not given is the endpoint's own."""

    described: ClassVar[limits.Described] = {"transformation": limits.MAPPING}

    payload_mode = Choice(Endpoint.PayloadMode.choices, required=False)
    method = Choice(METHODS, required=False)
    body_format = Choice(Endpoint.BodyFormat.choices, required=False)
    transformation = Text(required=False, allow_blank=True, help_text="JMESPath over the event.")
    preset = Choice(list(PRESETS), required=False, help_text="In place of a transformation.")
    api_version = Text(required=False, allow_null=True, help_text="As if it were pinned to this version.")
    event = TypeId(ids.EVENT, required=False, help_text="This one instead of the newest.")
    limit = Number(required=False, min_value=1, max_value=EVENTS_MAX, help_text="How many events; 5.")


class PreviewedPayloadShape(Shape):
    """A request as it would be made, without what signs it; or the error that its attempt would end with."""

    event = TypeId(ids.EVENT)
    type = Text()
    method = Text()
    headers = serializers.DictField(child=Text(), help_text="Those that say what the body is.")
    body = Text(help_text="Its first 16 KB.")
    truncated = Flag()
    error = Text()
    detail = Text()


class PayloadPreviewShape(Shape):
    """What would be sent of the newest events, or of one."""

    transformation = Text(help_text="As it was tried: a preset's, or the endpoint's own.")
    results = PreviewedPayloadShape(many=True)


class PayloadPreviewView(ApiView):
    """An endpoint's payload, or a change of it."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": Scope.READ}

    @extend_schema(operation_id="preview_payload", request=PayloadDraftShape, responses=PayloadPreviewShape)
    def post(self, request: Request, customer: str, endpoint: str) -> Response:
        """Say what the endpoint would be sent of the customer's last events; nothing is stored or sent."""
        viewer = caller_of(request).viewer
        row = find_endpoint(viewer, customer, endpoint)
        fields = given(PayloadDraftShape, request)
        shaping = tried_shaping(row, fields)
        event = _event_of(row, fields)
        limit = {"limit": fields["limit"]} if "limit" in fields else {}
        found = preview_payloads(row, shaping, event=event, **limit)
        return Response(_answer(shaping, found))


def _event_of(endpoint: Endpoint, fields: Mapping[str, object]) -> Event | None:
    """Return the event that is meant, if the endpoint's customer sees it."""
    if "event" not in fields:
        return None
    event = visible.events_with_content(Viewer(endpoint.customer_id)).filter(id=str(fields["event"])).first()
    if event is None:
        raise InvalidInput("there is no such event of this customer", field="event")
    return event


def _answer(shaping: Shaping, found: list[PreviewedPayload]) -> dict[str, object]:
    return {
        "transformation": shaping.transformation,
        "results": [
            {
                "event": each.event.public_id,
                "type": each.event.type,
                "method": each.method,
                "headers": dict(each.headers),
                "body": each.shown,
                "truncated": each.is_truncated,
                "error": each.error,
                "detail": each.detail,
            }
            for each in found
        ],
    }
