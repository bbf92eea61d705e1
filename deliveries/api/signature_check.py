"""/deliveries/{id}/signature-check

What lives here: the REST form of the check. It must not know what is compared with what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api.auth import Scope, caller_of
from deliveries.api.base import ApiView, given
from deliveries.api.describe import extend_schema
from deliveries.api.fields import Flag, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.lookups import find_delivery
from deliveries.errors import Conflict
from deliveries.models import Endpoint, visible
from deliveries.protocol.checking.findings import Finding
from deliveries.protocol.checking.signature_check import ReceivedRequest
from deliveries.protocol.writing import ids
from deliveries.services.bodies.signature_check import SignatureCheck, attempt_meant, check_attempt

LOOKED_AT = 50
NOTHING_SENT = "nothing was sent of this delivery yet, or its event is older than the log"


class ReceivedShape(Shape):
    """What a receiver's developer had; everything is optional, and nothing of it is kept."""

    headers = serializers.DictField(child=Text(allow_blank=True), required=False, help_text="As the receiver had them.")
    body = Text(required=False, allow_blank=True, help_text="As the receiver's code verified it.")
    computed = Text(required=False, max_length=400, help_text="The signature that the code computed, hex or base64.")
    secret_end = Text(required=False, max_length=8, help_text="The last four characters of the receiver's secret.")
    clock = Moment(required=False, help_text="The receiver's clock when the request came.")


class FindingShape(Shape):
    """One thing that was found."""

    code = Text(help_text="Such as parsed_and_written_again, wrong_secret, clock_off, computed_otherwise.")
    says = Text(help_text="As a sentence.")
    is_fault = Flag()


class SignatureCheckShape(Shape):
    """The signature of an attempt step by step, and what tells the receiver's request from the one that was sent."""

    attempt = TypeId(ids.ATTEMPT)
    signing = Text()
    timestamp = Number(help_text="What was signed, in Unix seconds.")
    signed_at = Moment()
    signed_content = Text(help_text="What Standard Webhooks signs, the first 4 KB of it.")
    signed_with = serializers.ListField(child=Text(), help_text="Hints of the secrets that signed it.")
    sent = serializers.DictField(child=Text(), help_text="The headers of time and signature as they were sent.")
    expected = serializers.DictField(child=Text(), help_text="The same computed anew; empty where a secret is gone.")
    is_right = Flag(allow_null=True, help_text="Whether both are the same; null where a secret is gone.")
    findings = FindingShape(many=True)


class SignatureCheckView(ApiView):
    """Why a receiver refuses a signature."""

    scopes: ClassVar[Mapping[str, str]] = {"POST": Scope.READ}

    @extend_schema(operation_id="check_signature", request=ReceivedShape, responses=SignatureCheckShape)
    def post(self, request: Request, delivery: str) -> Response:
        """Show how a delivery was signed, and compare what a receiver had with what was sent."""
        viewer = caller_of(request).viewer
        row = find_delivery(viewer, delivery)
        fields = given(ReceivedShape, request)
        received = _received(fields)
        event = visible.events_with_content(viewer).filter(id=row.event_id).first()
        endpoint = Endpoint.objects.filter(id=row.endpoint_id).first()
        attempts = visible.attempts(viewer).filter(delivery_id=row.id).order_by("-id")[:LOOKED_AT]
        attempt = attempt_meant(list(attempts), received)
        if event is None or endpoint is None or attempt is None:
            raise Conflict(NOTHING_SENT)
        return Response(_shown(*check_attempt(attempt, event, endpoint, received)))


def _received(fields: dict[str, object]) -> ReceivedRequest:
    headers, body = fields.get("headers", {}), fields.get("body")
    assert isinstance(headers, dict)
    return ReceivedRequest(
        headers={str(name).lower(): str(value) for name, value in headers.items()},
        body=None if body is None else str(body).encode("utf-8", "replace"),
        computed=str(fields.get("computed", "")),
        secret_end=str(fields.get("secret_end", "")),
        clock=fields.get("clock"),  # type: ignore[arg-type]
    )


def _shown(check: SignatureCheck, findings: list[Finding]) -> dict[str, object]:
    return {
        "attempt": check.attempt.public_id,
        "signing": check.signing,
        "timestamp": check.timestamp,
        "signed_at": shown_moment(check.signed_at),
        "signed_content": check.content,
        "signed_with": list(check.hints),
        "sent": dict(check.sent),
        "expected": dict(check.expected),
        "is_right": check.is_right,
        "findings": [{"code": each.code, "says": each.says, "is_fault": each.is_fault} for each in findings],
    }
