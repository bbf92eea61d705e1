"""Columns of the lists of endpoints, and the values shown to those who may not edit.

What lives here: one small piece of a page per value of a row. It must not know the list around it.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from deliveries.admin.failure.endpoint_health import health_badges
from deliveries.admin.lists.columns import moment_column
from deliveries.admin.parts.badges import badge, code, shortened
from deliveries.models import Endpoint
from deliveries.protocol.sending.credentials import KINDS
from deliveries.protocol.signing.profiles import profile_of
from deliveries.protocol.when.delivery_window import write_window
from deliveries.services.common.languages import in_words, tell


class EndpointColumns:
    """Mixed into the pages of endpoints."""

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, row: Endpoint) -> SafeString:
        """State as a badge, its reason in the tooltip."""
        return badge(row.state, title=in_words(row.state_reason))

    @admin.display(description="URL")
    def shown_url(self, row: Endpoint) -> SafeString:
        """The URL as text."""
        return code(shortened(row.url), title=row.url)

    @admin.display(description=gettext_lazy("Health"))
    def shown_health(self, row: Endpoint) -> SafeString:
        """Whether deliveries arrive, and whether the lane rests."""
        return health_badges(row)

    shown_created = moment_column(gettext_lazy("Created (UTC)"), "created_at")

    @admin.display(description=gettext_lazy("Event types"))
    def shown_types(self, row: Endpoint) -> str:
        """The chosen names, or all."""
        return ", ".join(row.event_types) or gettext("all")

    @admin.display(description=gettext_lazy("Tags"))
    def shown_tags(self, row: Endpoint) -> str:
        """Of which tags an event needs one."""
        return ", ".join(row.tags or ()) or gettext("none: events with and without tags")

    @admin.display(description=gettext_lazy("Signing"))
    def shown_signing(self, row: Endpoint) -> str:
        """The title of the profile."""
        return profile_of(row.signing).title

    @admin.display(description=gettext_lazy("Custom headers"))
    def shown_headers(self, row: Endpoint) -> str:
        """Names only; values are never shown."""
        return ", ".join(row.header_names) or gettext("none")

    @admin.display(description=gettext_lazy("Authentication"))
    def shown_auth(self, row: Endpoint) -> str:
        """Its kind; secrets are never shown."""
        return in_words(KINDS[row.auth["type"]].title) if row.auth else gettext("by the signature alone")

    @admin.display(description=gettext_lazy("Certificates"))
    def shown_tls(self, row: Endpoint) -> str:
        """Whom ours names, and until when; a key is never shown."""
        tls = row.tls or {}
        ours = tell("{who} until {at}", who=tls["subject"], at=tls["expires_at"]) if tls.get("subject") else ""
        return "; ".join(
            filter(None, (ours, gettext("authorities of its own") if tls.get("authorities") else ""))
        ) or gettext("none")

    @admin.display(description=gettext_lazy("Retry schedule"))
    def shown_schedule(self, row: Endpoint) -> str:
        """Seconds before each attempt."""
        return ", ".join(map(str, row.retry_schedule or ())) or gettext("the usual one")

    @admin.display(description=gettext_lazy("Delivery window"))
    def shown_window(self, row: Endpoint) -> str:
        """When it is sent to."""
        return write_window(row.delivery_window) or gettext("none: at any time")
