"""How the form of an endpoint is laid out: groups of fields, of which folded ones say in their headings what is set.

What lives here: the groups, and from an endpoint and the fields of a group to a heading. It must not know how fields
are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from django.forms import Field
from django.utils.translation import gettext

from deliveries.admin.base.pages import Fieldsets
from deliveries.admin.endpoint.credential_fields import AUTH_FIELDS, TLS_FIELDS
from deliveries.admin.endpoint.signing_fields import OWN_FIELDS
from deliveries.models import Endpoint
from deliveries.services.catalogue.api_versions import newest_version

WHERE = ("url", "description")
WHAT = ("chosen_types",)
MORE = ("other_types", "filter", "chosen_tags")
HOW = (
    "signing",
    *OWN_FIELDS,
    "payload_mode",
    "method",
    "body_format",
    "transformation",
    "batch_size",
    "batch_wait_ms",
    "send_trace_context",
    "headers",
    "forget_headers",
)
NEW_HOW = (*HOW[:-1], "secret")
LIMITS = ("rate_limit", "max_in_flight", "timeout_seconds", "schedule", "window", "ordered", "set_aside_after")
# What is shown to those who may not change it: at once, and folded.
SEEN_FIRST = ("url", "description", "shown_types")
SEEN_FIELDS = (
    *("filter", "shown_tags", "shown_signing", "payload_mode"),
    *("method", "body_format", "transformation", "batch_size", "batch_wait_ms", "send_trace_context"),
    *("shown_headers", "shown_auth", "shown_tls", "rate_limit", "max_in_flight", "timeout_seconds"),
    *("shown_schedule", "shown_window", "ordered", "set_aside_after"),
)
# The columns of fields that are written in words.
COLUMNS = {
    "chosen_tags": "tags",
    "headers": "header_names",
    "schedule": "retry_schedule",
    "window": "delivery_window",
}


def groups_of(row: Endpoint | None, fields: Mapping[str, Field]) -> Fieldsets:
    """Return the groups of the form of an endpoint, or of a new one."""
    heading = partial(_heading_of, fields=fields, row=row)
    how = HOW if row else NEW_HOW
    return (
        (gettext("Where"), {"fields": WHERE}),
        (gettext("What is sent"), {"fields": WHAT}),
        (heading(gettext("Further events, and a filter"), MORE), _folded(MORE)),
        (heading(gettext("How it is sent"), HOW), _folded(("pinned", *how) if newest_version() else how)),
        (gettext("Authentication"), _folded(AUTH_FIELDS)),
        (gettext("Certificates"), _folded(TLS_FIELDS)),
        (heading(gettext("Limits"), LIMITS), _folded(LIMITS)),
    )


def seen_groups() -> Fieldsets:
    """Return the groups of what is shown to those who may not change it."""
    return ((gettext("Where"), {"fields": SEEN_FIRST}), (gettext("How it is sent"), _folded(SEEN_FIELDS)))


def _folded(names: Sequence[str]) -> dict[str, Sequence[str]]:
    return {"fields": names, "classes": ("collapse",)}


def _heading_of(title: str, names: Sequence[str], fields: Mapping[str, Field], row: Endpoint | None) -> str:
    """Return the heading of a group, with the labels of what this endpoint has otherwise than a new one."""
    inside = [] if row is None else [str(fields[name].label) for name in names if _is_set(row, name)]
    return f"{title}: {', '.join(inside)}" if inside else title


def _is_set(row: Endpoint, name: str) -> bool:
    column = COLUMNS.get(name, name)
    known = {field.name: field for field in Endpoint._meta.concrete_fields}
    if column not in known:
        return False
    value = getattr(row, column)
    return bool(value) and value != known[column].get_default()
