"""/meta: what a customer's firewall and a caller's code want to know.

What lives here: published facts of this installation. It must not know any row.
"""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries import __version__
from deliveries.api.auth import caller_of
from deliveries.api.base import ApiView
from deliveries.api.describe import extend_schema
from deliveries.api.drafts import BATCH_LIMIT
from deliveries.api.fields import Number, Shape, Text
from deliveries.api.paging import LIMIT_MAX
from deliveries.conf import conf
from deliveries.models import visible
from deliveries.protocol.signing.profiles import PROFILES
from deliveries.protocol.when.backoff import DEFAULT_SCHEDULE
from deliveries.services.accepting.event_store import SHARED
from deliveries.services.accepting.filter_judge import EVENT_MS, PART_SECONDS
from deliveries.services.accepting.scheduling import days_ahead
from deliveries.services.common.limits import LIMITS

LIMITS_OF_EVENTS = {
    "endpoints_at_accept": SHARED.endpoint_limit,
    "deliveries_at_accept": SHARED.row_limit,
    "filter_milliseconds": round(PART_SECONDS * 1000),
    "event_filter_milliseconds": EVENT_MS,
}


class LimitsShape(Shape):
    """How much is accepted, and how many of each thing one customer may have."""

    event_bytes = Number()
    batch_bytes = Number()
    batch_events = Number()
    page_rows = Number()
    requests_per_minute = Number(allow_null=True)
    idempotency_hours = Number()
    retention_days = Number()
    deliver_at_days = Number(help_text="How far ahead an event may be emitted to be sent later.")
    endpoints = Number(help_text="Of a customer; a customer's key reads its own figure.")
    inboxes = Number(help_text="Of a customer.")
    open_jobs = Number(help_text="Of a customer, under way; what service keys start for it counts apart.")
    held_jobs = Number(help_text="Of a customer, waiting for paused or disabled endpoints.")
    event_types = Number(help_text="Of a customer's own.")
    api_versions = Number(help_text="Of the operator.")
    version_changes = Number(help_text="Of the operator: event types that change with a version.")
    members = Number(help_text="Of a customer.")
    invitations = Number(help_text="Of a customer, within a day.")
    sessions = Number(help_text="Of a member in the portal; beyond it the oldest ends.")
    api_keys = Number(help_text="Of a customer, living.")
    signing_secrets = Number(help_text="Of an endpoint, signing at the same time.")
    portal_links = Number(help_text="Of a customer, unused and not over.")
    events_at_once = Number(help_text="Posts of events by a customer's own keys, under way in one web process.")
    requests_at_once = Number(help_text="Other requests and pages of a customer, under way in one web process.")
    polls_waiting = Number(help_text="Of a customer, in one web process; a further one is answered at once.")
    processor_percent = Number(help_text="Of a web process's processor time, for a customer while others want some.")
    endpoints_at_accept = Number(
        help_text="Of an event, fanned out before the answer; beyond it `deliveries` is null and the fan-out goes on."
    )
    deliveries_at_accept = Number(help_text="Of a customer's events in one statement; beyond it the same.")
    filter_milliseconds = Number(help_text="Of one filter and event; beyond it it does not match, and the log says so.")
    event_filter_milliseconds = Number(help_text="Of all filters of an event; beyond it the same.")
    exports = Number(help_text="Of a customer's deliveries, under way in one web process.")


class MetaShape(Shape):
    """Facts of this installation."""

    version = Text()
    egress_addresses = serializers.ListField(child=Text())
    retry_schedule = serializers.ListField(child=Number())
    signing = serializers.ListField(child=Text())
    limits = LimitsShape()


class MetaView(ApiView):
    """Facts of this installation."""

    @extend_schema(operation_id="get_meta", responses=MetaShape)
    def get(self, request: Request) -> Response:
        """Return egress addresses, the default schedule, and limits."""
        viewer = caller_of(request).viewer
        limits = {
            "event_bytes": conf.body_limit_bytes,
            "batch_bytes": conf.batch_body_limit_bytes,
            "batch_events": BATCH_LIMIT,
            "page_rows": LIMIT_MAX,
            "requests_per_minute": conf.api_rate_limit or None,
            "idempotency_hours": conf.idempotency_hours,
            "retention_days": conf.retention_days,
            "deliver_at_days": days_ahead(),
        }
        limits |= LIMITS_OF_EVENTS
        customer = visible.customers(viewer).first() if not viewer.is_operator else None
        limits |= {name: limit.figure(customer) for name, limit in LIMITS.items()}
        return Response(
            {
                "version": __version__,
                "egress_addresses": list(conf.egress_addresses),
                "retry_schedule": list(DEFAULT_SCHEDULE),
                "signing": list(PROFILES),
                "limits": limits,
            }
        )
