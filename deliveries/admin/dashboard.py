"""The figures of the front page.

What lives here: what happened in the last day and what waits now, by queries that stay small in a log of
millions: ranges of ids, the queue, and a limit on what is counted. It must not know templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Model, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.badges import state_word
from deliveries.admin.overview_rows import alert_row, given_up_row, stopped_row
from deliveries.models import Alert, Delivery, DueDelivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.delivery_states import DeliveryState
from deliveries.protocol.ids import floor_of
from deliveries.services import clock
from deliveries.services.endpoint_health import HealthState
from deliveries.services.languages import tell
from deliveries.services.overview import failing_endpoints, stopped_endpoints
from deliveries.services.selection import among
from deliveries.services.statement_timeout import TooSlow, at_most

COUNT_LIMIT = 10_000  # of more a page says so: on a bad day there are hundreds of thousands of each
COUNT_SECONDS = 3
SHOWN_ENDPOINTS = 10
ALERTS_SPAN = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with what it counts and where its list is."""

    title: str
    value: str
    note: str
    url: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that the front page shows."""

    counts: Sequence[Figure]
    failing: Figure  # endpoints where nothing arrives
    stopped: Sequence[SafeString]  # rows of their tables
    recent: Sequence[SafeString]
    alerts: Sequence[SafeString]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was given up, waits or is held back."""
        return all(each.value == "0" for each in self.counts)


def figures_for(viewer: Viewer, *, site_name: str) -> Figures:
    """Return the figures of what this viewer may see."""
    since = clock.likely_now() - timedelta(hours=24)
    exhausted, failing = counts_of([given_up(viewer, since=since), failing_endpoints(viewer)])
    waiting, held = queue_counts(queue_of(viewer))
    url = reverse(f"{site_name}:deliveries_delivery_changelist")
    named = viewer.is_operator  # whose each row is
    return Figures(
        counts=[
            _figure("exhausted", exhausted, gettext("in the last 24 hours"), f"{url}?state=exhausted&window=24h"),
            _figure("pending", waiting, gettext("waiting now"), f"{url}?state=pending"),
            _figure("held", held, gettext("held back now"), f"{url}?state=held"),
        ],
        failing=_failing_figure(failing, site_name),
        stopped=[stopped_row(row, site_name=site_name, with_customer=named) for row in newest_stopped(viewer)],
        recent=[
            given_up_row(row, site_name=site_name, with_customer=named) for row in recent_failures(viewer, since=since)
        ],
        alerts=[alert_row(row, site_name=site_name, with_customer=named) for row in alerts_of(viewer)],
    )


def _failing_figure(value: str, site_name: str) -> Figure:
    url = f"{reverse(f'{site_name}:deliveries_endpoint_changelist')}?health=failing&state=enabled"
    return Figure(title=gettext("Failing endpoints"), value=value, note="", url=url, state=HealthState.FAILING)


def _figure(state: str, value: str, note: str, url: str) -> Figure:
    return Figure(title=state_word(state).capitalize(), value=value, note=note, url=url, state=state)


def alerts_of(viewer: Viewer) -> list[Alert]:
    """Return the latest alerts of the last days; what was given up one by one is not among them."""
    since = floor_of(clock.likely_now() - ALERTS_SPAN)
    rows = visible.alerts(viewer).filter(id__gte=since, delivery_id=None).select_related("endpoint__customer")
    shown = ("kind", "reason", "created_at", "mailed_at", "mail_due_at")
    rows = rows.only(*shown, "endpoint__url", "endpoint__deleted_at", "endpoint__customer__name")
    return list(rows.order_by("-id")[:SHOWN_ENDPOINTS])


def newest_stopped(viewer: Viewer) -> list[Endpoint]:
    """Return the endpoints that were paused or disabled last."""
    rows = stopped_endpoints(viewer).select_related("customer")
    rows = rows.only("url", "state", "state_reason", "state_changed_at", "customer__name")
    return list(rows.order_by("-state_changed_at")[:SHOWN_ENDPOINTS])


def queue_of(viewer: Viewer) -> QuerySet[DueDelivery]:
    """Return the scheduled due deliveries of what this viewer may see."""
    due = DueDelivery.objects.filter(manual=False)
    return due if viewer.customer_id is None else due.filter(endpoint_id__in=visible.endpoints(viewer).values("id"))


def given_up(viewer: Viewer, *, since: datetime) -> QuerySet[Delivery]:
    """Return the deliveries made since then whose schedule was used up."""
    rows = visible.deliveries(viewer).filter(id__gte=floor_of(since))
    return rows.filter(failed_at__isnull=False, state=DeliveryState.EXHAUSTED)


def recent_failures(viewer: Viewer, *, since: datetime) -> list[Delivery]:
    """Return the latest deliveries whose schedule was used up; what is joined to them is looked up for these alone."""
    newest = given_up(viewer, since=since).order_by("-id").values_list("id", flat=True)[:SHOWN_ENDPOINTS]
    named = visible.deliveries(viewer).select_related("endpoint", "customer").order_by("-id")
    named = named.only("event_type", "status_code", "error", "failed_at", "endpoint__url", "customer__name")
    try:
        with at_most(seconds=COUNT_SECONDS):
            return list(among(named, list(newest)))
    except TooSlow:
        return []


def count(rows: QuerySet[Model], *, limit: int = COUNT_LIMIT) -> str:
    """Count up to a limit; beyond it, say so."""
    try:
        with at_most(seconds=COUNT_SECONDS):
            return _counted(rows, limit)
    except TooSlow:
        return gettext("many")


def counts_of(several: Sequence[QuerySet[Model]]) -> list[str]:
    """Count several within one transaction, which costs three statements itself; a slow one spoils no other."""
    try:
        with at_most(seconds=COUNT_SECONDS):
            return [_counted(rows, COUNT_LIMIT) for rows in several]
    except TooSlow:
        return [count(rows) for rows in several]


def queue_counts(rows: QuerySet[DueDelivery]) -> tuple[str, str]:
    """Count what waits and what is held back of a queue: at once, unless it is so long that one count is cut."""
    try:
        with at_most(seconds=COUNT_SECONDS):
            return _both_counted(rows, COUNT_LIMIT)
    except TooSlow:
        return count(rows.filter(due_at__isnull=False)), count(rows.filter(due_at__isnull=True))


def _both_counted(rows: QuerySet[DueDelivery], limit: int) -> tuple[str, str]:
    looked_at = rows.order_by().values("due_at")[: 2 * (limit + 1)]
    found = looked_at.aggregate(all=Count("*"), waiting=Count("due_at"))
    waiting, held = found["waiting"], found["all"] - found["waiting"]
    if found["all"] <= 2 * limit + 1:  # that is all of the queue
        return _told(waiting, limit), _told(held, limit)
    if waiting <= limit:
        return _counted(rows.filter(due_at__isnull=False), limit), _told(held, limit)
    return _told(waiting, limit), _counted(rows.filter(due_at__isnull=True), limit)


def _counted(rows: QuerySet[Model], limit: int) -> str:
    return _told(rows.order_by()[: limit + 1].count(), limit)


def _told(number: int, limit: int) -> str:
    return tell("{number}+", number=limit) if number > limit else tell("{number}", number=number)


def backlog_of(endpoint: Endpoint) -> dict[str, str]:
    """Return how many deliveries of an endpoint wait and are held back."""
    waiting, held = queue_counts(DueDelivery.objects.filter(endpoint_id=endpoint.pk, manual=False))
    return {"waiting": waiting, "held": held}
