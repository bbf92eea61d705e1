"""Columns of the lists of endpoints, and the values shown to those who may not edit.

What lives here: one small piece of a page per value of a row. It must not know the list around it.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from deliveries.admin.badges import badge, code, moment, shortened
from deliveries.models import Endpoint
from deliveries.protocol.breaker import Breaker, is_half_open
from deliveries.protocol.signatures import PROFILES


class EndpointColumns:
    """Mixed into the pages of endpoints."""

    @admin.display(description="State")
    def shown_state(self, row: Endpoint) -> SafeString:
        """State as a badge, its reason in the tooltip."""
        return badge(row.state, title=row.state_reason)

    @admin.display(description="URL")
    def shown_url(self, row: Endpoint) -> SafeString:
        """The URL as text."""
        return code(shortened(row.url), title=row.url)

    @admin.display(description="Health")
    def shown_health(self, row: Endpoint) -> SafeString | str:
        """What is known of the lane."""
        return health_badge(row)

    @admin.display(description="Created")
    def shown_created(self, row: Endpoint) -> SafeString | str:
        """When it was registered."""
        return moment(row.created_at)

    @admin.display(description="Event types")
    def shown_types(self, row: Endpoint) -> str:
        """The chosen names, or all."""
        return ", ".join(row.event_types) or "all"

    @admin.display(description="Signing")
    def shown_signing(self, row: Endpoint) -> str:
        """The title of the profile."""
        return PROFILES[row.signing].title if row.signing in PROFILES else row.signing

    @admin.display(description="Custom headers")
    def shown_headers(self, row: Endpoint) -> str:
        """Names only; values are never shown."""
        return ", ".join(row.header_names) or "none"

    @admin.display(description="Retry schedule")
    def shown_schedule(self, row: Endpoint) -> str:
        """Seconds before each attempt."""
        return ", ".join(map(str, row.retry_schedule or ())) or "the usual one"


def health_badge(row: Endpoint) -> SafeString | str:
    """Return the health of an endpoint's lane in a word."""
    lane = row.lane
    if row.state != Endpoint.State.ENABLED:
        return badge("stopped", colour="default")
    now = timezone.now()
    if lane.rest_until is not None and lane.rest_until > now:
        return badge("resting", colour="warning", title=f"until {lane.rest_until:%Y-%m-%d %H:%M:%S} UTC")
    if is_half_open(Breaker(lane.failures, lane.opened)):
        return badge("probing", colour="warning", title="The next request is sent alone, to see whether it works.")
    if lane.failing_since is not None:
        since = now - lane.failing_since
        shown = since if since > timedelta(0) else timedelta(0)
        return badge("failing", colour="danger", title=f"for {int(shown.total_seconds() // 60)} min")
    return badge("draining", colour="info") if row.draining else badge("healthy", colour="success")
