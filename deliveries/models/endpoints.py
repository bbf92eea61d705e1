"""Endpoints and their secrets. Secrets and custom headers are sealed; rows never hold them readable."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deliveries.models.base import REASON_LIMIT, IdentifiedModel, MomentField
from deliveries.models.customers import Customer
from deliveries.models.keyring import seal, unseal
from deliveries.protocol.events.api_versions import NAME_LIMIT
from deliveries.protocol.sending.client_tls import shown_tls
from deliveries.protocol.sending.credentials import Auth, shown_auth
from deliveries.protocol.sending.payload import METHODS, BodyFormat, PayloadMode, Shaping
from deliveries.protocol.signing.secrets import SigningKey, hint, public_key, read_secret
from deliveries.protocol.writing import ids


class Endpoint(IdentifiedModel):
    """A URL of a customer with its event types, filter, headers and limits.

    A deleted endpoint keeps its row (the log names it) but loses secrets, headers, credentials and `uid`.
    """

    PREFIX = ids.ENDPOINT

    class State(models.TextChoices):
        ENABLED = "enabled", _("Enabled")
        PAUSED = "paused", _("Paused")
        DISABLED = "disabled", _("Disabled")

    class PayloadMode(models.TextChoices):
        FULL = "full", _("Full: the whole event")
        THIN = "thin", _("Thin: id and link, details by API")
        DATA = "data", _("Data: only what was emitted, without type and time around it")
        STRUCTURED = (
            "cloudevents_structured",
            _("CloudEvents 1.0, structured: the event and its attributes as one JSON"),
        )
        BINARY = "cloudevents_binary", _("CloudEvents 1.0, binary: the data, and its attributes as ce- headers")

    class BodyFormat(models.TextChoices):
        JSON = "json", "JSON"
        FORM = "form", _("Form: each member a field, such as data[amount]=5")
        FORM_PAYLOAD = "form_payload", _("Form: one field, payload, that holds the JSON")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="endpoints")
    uid = models.CharField(max_length=128, null=True, blank=True)
    url = models.TextField("URL")
    description = models.CharField(max_length=300, blank=True, default="")
    event_types = ArrayField(models.CharField(max_length=128), default=list, blank=True, help_text="Empty: all.")
    filter = models.TextField(blank=True, default="", help_text=_("SQL/JSON path predicate over the payload."))
    tags = ArrayField(models.TextField(), null=True, blank=True, help_text="Only events with one of these; null: all.")
    metadata = models.JSONField(default=dict, db_default={}, blank=True, help_text="Your own; never sent.")
    headers_sealed = models.BinaryField(null=True, editable=False)
    header_names = ArrayField(models.CharField(max_length=100), default=list, editable=False)
    credentials_sealed = models.BinaryField(null=True, editable=False)
    auth_shown = models.JSONField(null=True, editable=False)
    tls_shown = models.JSONField(null=True, editable=False)
    signing = models.CharField(max_length=400, default="standard", help_text="A profile's name, or a scheme as JSON.")
    payload_mode = models.CharField(max_length=32, choices=PayloadMode.choices, default=PayloadMode.FULL)
    method = models.CharField(
        max_length=8, choices=[(each, each) for each in METHODS], default=METHODS[0], db_default=METHODS[0]
    )
    body_format = models.CharField(
        max_length=16, choices=BodyFormat.choices, default=BodyFormat.JSON, db_default=BodyFormat.JSON
    )
    transformation = models.TextField(blank=True, default="", db_default="", help_text="JMESPath; empty: none.")
    api_version = models.CharField(
        "API version", max_length=NAME_LIMIT, null=True, blank=True, help_text="What it is pinned to; null: the oldest."
    )
    batch_size = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="Up to so many events in one request; 1: each alone."
    )
    batch_wait_ms = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How long a batch that is not full waits for more events, in milliseconds."
    )
    rate_limit = models.PositiveIntegerField(null=True, blank=True, help_text=_("Requests a second; empty: unlimited."))
    max_in_flight = models.PositiveSmallIntegerField(default=10)
    retry_schedule = ArrayField(
        models.PositiveIntegerField(), null=True, blank=True, help_text="Seconds before each attempt; empty: default."
    )
    timeout_seconds = models.PositiveSmallIntegerField(default=15)
    ordered = models.BooleanField(default=False, help_text=_("One at a time, in the order of events."))
    send_trace_context = models.BooleanField(
        default=False, db_default=False, help_text=_("Send the traceparent of who emitted the event.")
    )
    set_aside_after = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=_("Ordered: attempts after which a delivery holds up no other; empty: not before it is given up."),
    )
    delivery_window = models.JSONField(null=True, blank=True, help_text="Days and hours; null: always.")
    unverified = models.CharField(
        max_length=12, null=True, editable=False, help_text="The challenge that its URL has yet to answer; null: none."
    )
    allowed_rate = models.PositiveIntegerField(
        null=True, editable=False, help_text="Deliveries a minute that its receiver allows; null: any number."
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.ENABLED)
    state_reason = models.CharField(max_length=REASON_LIMIT, blank=True, default="")
    state_changed_at = MomentField(auto_now_add=True)
    draining = models.BooleanField(default=False, editable=False, help_text="Held deliveries are being released.")
    deleted_at = models.DateTimeField(null=True, editable=False)
    created_at = MomentField(auto_now_add=True)
    updated_at = MomentField(auto_now=True)

    class Meta:
        db_table = "hookpost_endpoint"
        ordering = ("-id",)
        # sql/accept_events.sql, services/accepting/fan_out.py
        indexes = (
            models.Index(fields=("customer", "id"), name="endpoint_living", condition=models.Q(deleted_at=None)),
            # services/delivery_windows.py
            models.Index(fields=("id",), name="endpoint_windowed", condition=Q(delivery_window__isnull=False)),
            # sql/parts/not_enabled.sql, sql/parts/draining.sql: once a second
            models.Index(
                fields=("state", "id"),
                name="endpoint_not_enabled",
                condition=Q(deleted_at=None, state__in=("paused", "disabled")),
            ),
            models.Index(fields=("state", "id"), name="endpoint_draining", condition=Q(draining=True)),
            # sql/queue_stats.sql
            models.Index(
                fields=("id",), name="endpoint_with_tls", condition=Q(tls_shown__isnull=False, deleted_at=None)
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "uid"),
                name="endpoint_uid_once_per_customer",
                violation_error_message="There is an endpoint with this uid already.",
            ),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=30), name="endpoint_timeout_1_to_30_seconds"
            ),
            models.CheckConstraint(
                condition=Q(max_in_flight__gte=1, max_in_flight__lte=100), name="endpoint_in_flight_1_to_100"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("enabled", "paused", "disabled")), name="endpoint_state_known"
            ),
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True) | Q(rate_limit__gte=1), name="endpoint_rate_limit_positive"
            ),
        )

    def __str__(self) -> str:
        return self.url

    @property
    def shaping(self) -> Shaping:
        """How its requests are made of events."""
        return Shaping(
            payload_mode=PayloadMode(self.payload_mode),
            method=self.method,
            body_format=BodyFormat(self.body_format),
            transformation=self.transformation,
            batch_size=self.batch_size,
            batch_wait_ms=self.batch_wait_ms,
            api_version=self.api_version,
        )

    @property
    def deliveries_per_second(self) -> float | None:
        """How fast it is sent to at most: the lower of its own limit and what its receiver allows; None: no limit."""
        allowed = None if self.allowed_rate is None else self.allowed_rate / 60
        return min((rate for rate in (self.rate_limit, allowed) if rate is not None), default=None)

    @property
    def headers(self) -> dict[str, str]:
        """The custom headers, readable; raises CannotDecrypt."""
        if self.headers_sealed is None:
            return {}
        opened: dict[str, str] = json.loads(unseal(bytes(self.headers_sealed), row_id=self.id))
        return opened

    def seal_headers(self, headers: Mapping[str, str]) -> None:
        """Set the custom headers, checked before by protocol.sending.request.check_headers."""
        self.headers_sealed = seal(json.dumps(dict(headers)).encode(), row_id=self.id) if headers else None
        self.header_names = sorted(headers)

    @property
    def auth(self) -> dict[str, str] | None:
        """How requests authenticate, without secrets; None when they do not."""
        shown: dict[str, str] | None = self.auth_shown
        return shown

    @property
    def tls(self) -> dict[str, object] | None:
        """Whose certificates its connections use and when they end; None for those that all endpoints have."""
        shown: dict[str, object] | None = self.tls_shown
        return shown

    @property
    def credentials(self) -> dict[str, Auth]:
        """The credentials by the field that gave them, readable; raises CannotDecrypt."""
        if self.credentials_sealed is None:
            return {}
        opened: dict[str, Auth] = json.loads(unseal(bytes(self.credentials_sealed), row_id=self.id))
        return opened

    def seal_credentials(self, credentials: Mapping[str, Auth | None]) -> None:
        """Set all credentials, checked before by protocol.sending.credentials and protocol.sending.client_tls."""
        kept = {name: dict(value) for name, value in credentials.items() if value}
        self.credentials_sealed = seal(json.dumps(kept).encode(), row_id=self.id) if kept else None
        self.auth_shown = shown_auth(kept["auth"]) if "auth" in kept else None
        self.tls_shown = shown_tls(kept["tls"]) if "tls" in kept else None


class EndpointSecret(IdentifiedModel):
    """A signing secret of an endpoint; the newest signs first, an expiring one still signs until its end."""

    PREFIX = ids.SECRET

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets")
    sealed = models.BinaryField(editable=False)
    hint = models.CharField(max_length=8, editable=False)
    public_key = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    created_at = MomentField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "hookpost_endpoint_secret"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"…{self.hint}"

    def seal_secret(self, secret: str) -> None:
        """Set the secret, checked before by protocol.signing.secrets.check_secret."""
        key = read_secret(secret)
        self.sealed = seal(secret.encode(), row_id=self.id)
        self.hint, self.public_key = hint(key), public_key(key)

    def open_key(self) -> SigningKey:
        """Return the key that signs; raises CannotDecrypt."""
        return read_secret(unseal(bytes(self.sealed), row_id=self.id).decode())
