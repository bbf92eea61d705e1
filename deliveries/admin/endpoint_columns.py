"""Columns of the lists of endpoints, and the values shown to those who may not edit.

What lives here: one small piece of a page per value of a row. It must not know the list around it.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from deliveries.admin.badges import badge, code, moment, shortened
from deliveries.admin.endpoint_health import health_badges
from deliveries.models import Endpoint
from deliveries.protocol.credentials import KINDS
from deliveries.protocol.delivery_window import write_window
from deliveries.protocol.profiles import profile_of


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
    def shown_health(self, row: Endpoint) -> SafeString:
        """Whether deliveries arrive, and whether the lane rests."""
        return health_badges(row)

    @admin.display(description="Created")
    def shown_created(self, row: Endpoint) -> SafeString | str:
        """When it was registered."""
        return moment(row.created_at)

    @admin.display(description="Event types")
    def shown_types(self, row: Endpoint) -> str:
        """The chosen names, or all."""
        return ", ".join(row.event_types) or "all"

    @admin.display(description="Tags")
    def shown_tags(self, row: Endpoint) -> str:
        """Of which tags an event needs one."""
        return ", ".join(row.tags or ()) or "none: events with and without tags"

    @admin.display(description="Signing")
    def shown_signing(self, row: Endpoint) -> str:
        """The title of the profile."""
        return profile_of(row.signing).title

    @admin.display(description="Custom headers")
    def shown_headers(self, row: Endpoint) -> str:
        """Names only; values are never shown."""
        return ", ".join(row.header_names) or "none"

    @admin.display(description="Authentication")
    def shown_auth(self, row: Endpoint) -> str:
        """Its kind; secrets are never shown."""
        return KINDS[row.auth["type"]].title if row.auth else "by the signature alone"

    @admin.display(description="Certificates")
    def shown_tls(self, row: Endpoint) -> str:
        """Whom ours names, and until when; a key is never shown."""
        tls = row.tls or {}
        ours = f"{tls['subject']} until {tls['expires_at']}" if tls.get("subject") else ""
        return "; ".join(filter(None, (ours, "authorities of its own" if tls.get("authorities") else ""))) or "none"

    @admin.display(description="Retry schedule")
    def shown_schedule(self, row: Endpoint) -> str:
        """Seconds before each attempt."""
        return ", ".join(map(str, row.retry_schedule or ())) or "the usual one"

    @admin.display(description="Delivery window")
    def shown_window(self, row: Endpoint) -> str:
        """When it is sent to."""
        return write_window(row.delivery_window) or "none: at any time"
