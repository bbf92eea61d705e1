"""The catalogue for customers: what may be sent to them, what it looks like, and how to verify it.

What lives here: the portal's pages for reading, made of the event types that the member sees. Changing
one's own is in event_types.py. It must not know how events are sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from django.contrib.admin import AdminSite
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.admin.parts.safe_text import pretty_json, readable
from deliveries.admin.parts.viewer import customer_of
from deliveries.admin.portal.schema_members import LINE_LIMIT, differences, members_of
from deliveries.models import EventType, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.sending.request import full_body
from deliveries.services.catalogue.api_versions import released_versions
from deliveries.services.catalogue.version_schemas import in_force
from deliveries.services.common.languages import tell
from deliveries.services.people.brands import operator_brand

SHOWN = 500
SEARCH_LIMIT = 128
EXAMPLE_MOMENT = "2026-01-31T09:30:00.000Z"


@require_safe
def catalogue_view(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Serve the list of what may be sent."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()[:SEARCH_LIMIT]
    rows = offered_types(request)
    if wanted:
        rows = rows.filter(Q(name__icontains=wanted) | Q(description__icontains=wanted))
    found = list(rows.only("id", "name", "description", "customer_id").order_by("name", "customer_id")[: SHOWN + 1])
    entries = [
        {
            "name": row.name,
            "meaning": readable(row.description.encode()),
            "owner": gettext("your own") if row.customer_id else operator_brand().name,
            "url": reverse(f"{site.name}:catalogue_entry", args=[row.public_id]),
        }
        for row in found[:SHOWN]
    ]
    context = {"title": gettext("Catalogue"), "entries": entries, "wanted": wanted, "is_cut": len(found) > SHOWN}
    return page_of(site, request, "hookpost/catalogue.html", context)


@require_safe
def catalogue_entry_view(request: HttpRequest, object_id: str, *, site: AdminSite) -> HttpResponse:
    """Serve one event type."""
    key = read_id(EventType.PREFIX, object_id)
    row = None if key is None else offered_types(request).filter(pk=key).first()
    if row is None:
        raise Http404
    names = [] if row.customer_id else released_versions()
    wanted = request.GET.get("version", "")
    version = wanted if wanted in names else _pinned(request, names)
    current, news = in_force(row, version), _news(row, names, version)
    row.schema, row.example = current.schema, current.example  # not to be stored
    entry = _entry(row, site_name=site.name) | {"version": version, "versions": list(reversed(names)), **news}
    return page_of(site, request, "hookpost/catalogue_entry.html", entry)


def _news(row: EventType, names: Sequence[str], version: str | None) -> dict[str, object]:
    """Return how the type changed with a version; nothing where it is as in the version before."""
    place = names.index(version) if version in names else 0
    if place == 0:
        return {}
    before, current = (in_force(row, name) for name in (names[place - 1], version))
    if current.since != version:
        return {}
    example = None if before.example is None else pretty_json(orjson.dumps(before.example))
    return {
        "before": names[place - 1],
        "differences": differences(before.schema, current.schema),
        "example_before": example,
    }


def _pinned(request: HttpRequest, names: Sequence[str]) -> str | None:
    """Return the version that all the customer's endpoints are pinned to; where they differ, the newest."""
    if not names:
        return None
    rows = visible.endpoints(Viewer(customer_id=customer_of(request).pk)).filter(deleted_at=None).order_by()
    pins = {pin or names[0] for pin in rows.values_list("api_version", flat=True).distinct()[: len(names) + 1]}
    return pins.pop() if len(pins) == 1 else names[-1]


def offered_types(request: HttpRequest) -> QuerySet[EventType]:
    """Return what the member's customer may be sent: the operator's types and its own, without archived ones."""
    return visible.event_types(Viewer(customer_id=customer_of(request).pk)).filter(archived=False)


def _entry(row: EventType, *, site_name: str) -> dict[str, object]:
    is_own = row.customer_id is not None
    members = members_of(row.schema)
    return {
        "title": tell("Event type {name}", name=row.name),
        "entry": row,
        "meaning": readable(row.description.encode()),
        "owner": gettext("your own") if is_own else operator_brand().name,
        "members": members,
        "is_cut": len(members) == LINE_LIMIT,
        "schema": None if row.schema is None else pretty_json(orjson.dumps(row.schema)),
        "body": None if row.example is None else pretty_json(example_body(row)),
        "catalogue_url": reverse(f"{site_name}:catalogue"),
        "change_url": reverse(f"{site_name}:deliveries_eventtype_change", args=[row.public_id]) if is_own else "",
    }


def example_body(row: EventType) -> bytes:
    """Return a body as it would arrive with the type's example as data."""
    return full_body(row.name, EXAMPLE_MOMENT, orjson.dumps(row.example))
