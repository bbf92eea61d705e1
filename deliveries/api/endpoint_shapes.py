"""How endpoints look in requests and answers.

What lives here: shapes. It must not know views or rules. Secrets and values of headers are never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deliveries.api import limits
from deliveries.api.credential_shapes import AuthShape, TlsShape
from deliveries.api.fields import Choice, Flag, JsonObject, Moment, Number, Shape, Text, TypeId, shown_moment
from deliveries.api.reasons import ReasonShape
from deliveries.models import Challenge, Endpoint
from deliveries.models.base import REASON_LIMIT
from deliveries.protocol.sending.payload import METHODS
from deliveries.protocol.signing.own_scheme import ENCODINGS, HASHES
from deliveries.protocol.signing.profiles import PROFILES, shown_signing
from deliveries.protocol.when.backoff import DEFAULT_SCHEDULE
from deliveries.protocol.when.delivery_window import DAYS
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.urls import URL_LIMIT
from deliveries.services.endpoint.endpoint_fields import DESCRIPTION_LIMIT
from deliveries.services.reading.endpoint_health import Health, HealthState, RestReason, health_of, resting


class Headers(serializers.DictField):
    """Custom headers, name and value; strings only."""

    child = Text(allow_blank=True, max_length=12288)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "enum": list(PROFILES)},
            {
                "type": "object",
                "properties": {
                    "header": {"type": "string", "example": "X-Acme-Signature"},
                    "encoding": {"type": "string", "enum": list(ENCODINGS), "default": "hex"},
                    "hash": {"type": "string", "enum": list(HASHES), "default": "sha256"},
                    "prefix": {"type": "string", "default": "", "example": "sha256="},
                    "timestamp_header": {"type": "string", "default": ""},
                    "type_header": {"type": "string", "default": "", "example": "X-Acme-Event"},
                    "id_header": {"type": "string", "default": "", "example": "X-Acme-Delivery"},
                },
                "required": ["header"],
            },
        ]
    }
)
class Signing(serializers.JSONField):
    """The name of a profile, or a scheme of the customer's own; services judge it."""

    def to_representation(self, value: Any) -> Any:
        """Return what was given."""
        return shown_signing(value)


class HealthShape(Shape):
    """Whether deliveries arrive, whatever the answers."""

    state = Choice(list(HealthState))
    since = Moment(allow_null=True, help_text="Since when nothing has arrived, while it is failing.")
    share_24h = serializers.FloatField(
        allow_null=True, min_value=0, max_value=1, help_text="Which part of the last day's deliveries arrived."
    )
    error = Text(allow_null=True, help_text="The commonest failure of the last day.")


class VerificationShape(Shape):
    """Whether its URL has answered the challenge that new URLs are asked."""

    state = Choice(Challenge.State.choices)
    detail = Text(help_text="Why the last answer was none.")
    tries = Number()
    asked_at = Moment(allow_null=True)
    next_at = Moment(allow_null=True, help_text="When it is asked next; null: not by itself.")
    verified_at = Moment(allow_null=True)
    allowed_per_minute = Number(
        source="endpoint.allowed_rate", allow_null=True, help_text="What its WebHook-Allowed-Rate says; it is heeded."
    )


class SecretHintShape(Shape):
    """What can be told of a secret."""

    hint = Text(help_text="Its last characters.")
    public_key = Text(allow_null=True, help_text="whpk_…, which verifies what a whsk_ secret signs.")
    created_at = Moment()
    expires_at = Moment(allow_null=True, help_text="Until when it still signs.")


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "days": {"type": "array", "items": {"type": "string", "enum": list(DAYS)}},
            "from": {"type": "string", "example": "08:00"},
            "to": {"type": "string", "example": "18:00"},
            "timezone": {"type": "string", "example": "Europe/Berlin"},
        },
        "required": ["days", "from", "to", "timezone"],
    }
)
class Window(serializers.JSONField):
    """Days and hours of a time zone; services judge it."""


class EndpointShape(Shape):
    """An endpoint."""

    described: ClassVar[limits.Described] = {
        **limits.NUMBERS,
        "uid": limits.UID,
        "description": {"maxLength": DESCRIPTION_LIMIT},
        "event_types": limits.EVENT_TYPES,
        "filter": limits.FILTER,
        "tags": limits.TAGS,
        "transformation": limits.MAPPING,
        "retry_schedule": limits.SCHEDULE,
    }

    id = TypeId(ids.ENDPOINT, read_only=True)
    uid = Text(required=False, allow_null=True, help_text="Your own id of the endpoint, unique in its customer.")
    customer = TypeId(ids.CUSTOMER, source="customer_id", read_only=True)
    url = Text(max_length=URL_LIMIT)
    description = Text(required=False, allow_blank=True)
    event_types = serializers.ListField(
        child=Text(), required=False, help_text="Names, or families such as invoice.*; empty: all but hookpost.*."
    )
    filter = Text(required=False, allow_blank=True, help_text="SQL/JSON path, such as $.data.amount > 100.")
    tags = serializers.ListField(
        child=Text(), required=False, help_text="Only events with one of these tags; empty: all."
    )
    metadata = JsonObject(required=False, help_text="Your own, up to 16 KB; never sent.")
    headers = Headers(write_only=True, required=False, help_text="Sent with each request; kept encrypted.")
    auth = AuthShape(required=False, allow_null=True, help_text="How requests authenticate; null: by signature alone.")
    tls = TlsShape(required=False, allow_null=True, help_text="Certificates of its own; null: what all endpoints have.")
    header_names = serializers.ListField(child=Text(), read_only=True)
    secret = Text(write_only=True, required=False, help_text="Made for you when absent.")
    signing = Signing(required=False, help_text="A profile's name, or a scheme of your own.")
    payload_mode = Choice(Endpoint.PayloadMode.choices, required=False)
    method = Choice(METHODS, required=False)
    transformation = Text(required=False, allow_blank=True, help_text="JMESPath over the event; empty: none.")
    body_format = Choice(Endpoint.BodyFormat.choices, required=False)
    api_version = Text(
        required=False, allow_null=True, help_text="What it is sent events in, the newest at first; null: the oldest."
    )
    batch_size = Number(required=False, help_text="Up to so many events in one request; 1: each alone.")
    batch_wait_ms = Number(required=False, help_text="How long a batch that is not full waits for more events.")
    rate_limit = Number(required=False, allow_null=True, help_text="Requests a second; null: unlimited.")
    max_in_flight = Number(required=False)
    retry_schedule = serializers.ListField(
        child=Number(), required=False, allow_null=True, help_text="Seconds before each attempt; null: the default."
    )
    timeout_seconds = Number(required=False)
    ordered = Flag(required=False)
    send_trace_context = Flag(required=False, help_text="Send the traceparent that came with the event.")
    set_aside_after = Number(
        required=False, allow_null=True, help_text="Attempts after which an ordered endpoint goes on; null: at the end."
    )
    delivery_window = Window(required=False, allow_null=True, help_text="When it is sent to; null: always.")
    state = Choice(Endpoint.State.choices, required=False)
    state_reason = Text(read_only=True, help_text="Why it is paused or disabled, if somebody said so.")
    state_changed_at = Moment(read_only=True)
    failing_since = Moment(
        source="lane.failing_since", read_only=True, allow_null=True, help_text="Since when no delivery has arrived."
    )
    health = HealthShape(read_only=True)
    resting_until = Moment(read_only=True, allow_null=True, help_text="Nothing but redeliveries is sent before.")
    resting_reason = Text(read_only=True, allow_null=True, help_text="One of " + ", ".join(RestReason) + ".")
    verification = VerificationShape(read_only=True, allow_null=True, help_text="Null: its URL was asked nothing.")
    draining = Flag(read_only=True)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)
    secrets = serializers.SerializerMethodField()

    @extend_schema_field(SecretHintShape(many=True))
    def get_secrets(self, endpoint: Endpoint) -> list[dict[str, object]]:
        """Return what can be told of the secrets: their last characters."""
        moment = Moment()
        return [
            {
                "hint": secret.hint,
                "public_key": secret.public_key or None,
                "created_at": moment.to_representation(secret.created_at),
                "expires_at": secret.expires_at and moment.to_representation(secret.expires_at),
            }
            for secret in endpoint.secrets.all()
        ]


class EndpointChange(EndpointShape):
    """What of an endpoint can be changed; its secret is rotated instead."""

    secret = None  # type: ignore[assignment]


class NewEndpointShape(EndpointShape):
    """An endpoint with its secret, which is shown this once."""

    secret = Text(read_only=True)


class SecretShape(Shape):
    """A new secret, which is shown this once."""

    secret = Text(read_only=True)


class RotationShape(Shape):
    """How to rotate."""

    secret = Text(required=False, help_text="Made for you when absent.")
    keep_hours = Number(
        required=False, min_value=0, max_value=168, help_text="How long the old secret goes on signing; 0: it leaked."
    )
    reason = Text(required=False, allow_blank=True, max_length=REASON_LIMIT)


class ResumeShape(ReasonShape):
    """How to resume."""

    cancel_backlog = Flag(required=False, help_text="Cancel what was held, instead of sending it.")


class TestShape(Shape):
    """Which event to try."""

    type = Text(required=False, max_length=128)


class StatsShape(Shape):
    """Figures of an endpoint."""

    since = Moment()
    deliveries = Number(help_text="Since then.")
    states = serializers.DictField(child=Number(), help_text="Deliveries by state.")
    status_classes = serializers.DictField(child=Number(), help_text="Attempts by class of answer; none: no answer.")
    p50_ms = Number(allow_null=True)
    p95_ms = Number(allow_null=True)
    waiting = Number(help_text="In the queue now, at most 10,000 are counted.")
    sampled = Flag(help_text="True when only the newest 10,000 deliveries were looked at.")


def show_endpoint(endpoint: Endpoint) -> dict[str, object]:
    """Return an endpoint as answers show it."""
    return show_endpoints([endpoint])[0]


def show_endpoints(endpoints: Sequence[Endpoint]) -> list[dict[str, object]]:
    """Return endpoints as answers show them; their health is asked for once."""
    health = health_of(endpoints)
    asked = Challenge.objects.in_bulk([endpoint.id for endpoint in endpoints])
    return [_shown(endpoint, health[endpoint.id], asked.get(endpoint.id)) for endpoint in endpoints]


def _shown(endpoint: Endpoint, health: Health, asked: Challenge | None) -> dict[str, object]:
    if asked is not None:
        asked.endpoint = endpoint
    shown = EndpointShape.shown(endpoint)
    shown["verification"] = VerificationShape.shown(asked) if asked else None
    shown["retry_schedule"] = shown["retry_schedule"] or list(DEFAULT_SCHEDULE)
    shown["tags"] = endpoint.tags or []
    shown["health"] = HealthShape.shown(health)
    until, reason = resting(endpoint) or (None, None)
    return shown | {"resting_until": shown_moment(until), "resting_reason": reason}
