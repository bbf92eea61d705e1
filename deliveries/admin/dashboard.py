"""The figures of the front page.

What lives here: what happened in the last day and what waits now, by queries that stay small in a log of
millions: ranges of ids, the queue, and a limit on what is counted. It must not know templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.badges import answer_of, state_word
from deliveries.models import Alert, Delivery, DueDelivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.delivery_states import DeliveryState
from deliveries.protocol.ids import floor_of
from deliveries.services import clock
from deliveries.services.endpoint_health import HealthState
from deliveries.services.languages import tell
from deliveries.services.overview import failing_endpoints
from deliveries.services.statement_timeout import TooSlow, at_most

COUNT_LIMIT = 100_000
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
    stopped: Sequence[Endpoint]
    recent: Sequence[tuple[Delivery, SafeString | str]]
    alerts: Sequence[Alert]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was given up, waits or is held back."""
        return all(each.value == "0" for each in self.counts)


def figures_for(viewer: Viewer, *, site_name: str) -> Figures:
    """Return the figures of what this viewer may see."""
    since = clock.likely_now() - timedelta(hours=24)
    last_day = visible.deliveries(viewer).filter(id__gte=floor_of(since))
    waiting = queue_of(viewer)
    endpoints = visible.endpoints(viewer)
    counts = (
        (
            "exhausted",
            gettext("in the last 24 hours"),
            last_day.filter(state=DeliveryState.EXHAUSTED, failed_at__isnull=False),
            "&window=24h",
        ),
        ("pending", gettext("waiting now"), waiting.filter(due_at__isnull=False), ""),
        ("held", gettext("held back now"), waiting.filter(due_at__isnull=True), ""),
    )
    url = reverse(f"{site_name}:deliveries_delivery_changelist")
    *values, failing = counts_of([*(rows for _, _, rows, _ in counts), failing_endpoints(viewer)])
    return Figures(
        counts=[
            _figure(state, value, note, f"{url}?state={state}{more}")
            for (state, note, _, more), value in zip(counts, values, strict=True)
        ],
        failing=_failing_figure(failing, site_name),
        stopped=list(
            endpoints.exclude(state=Endpoint.State.ENABLED)
            .select_related("customer")
            .order_by("-state_changed_at")[:SHOWN_ENDPOINTS]
        ),
        recent=[(row, answer_of(row)) for row in recent_failures(viewer, since=since)],
        alerts=alerts_of(viewer),
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
    return list(rows.order_by("-id")[:SHOWN_ENDPOINTS])


def queue_of(viewer: Viewer) -> QuerySet[DueDelivery]:
    """Return the scheduled due deliveries of what this viewer may see."""
    due = DueDelivery.objects.filter(manual=False)
    return due if viewer.customer_id is None else due.filter(endpoint_id__in=visible.endpoints(viewer).values("id"))


def recent_failures(viewer: Viewer, *, since: datetime) -> list[Delivery]:
    """Return the latest deliveries whose schedule was used up."""
    rows = visible.deliveries(viewer).filter(
        id__gte=floor_of(since), failed_at__isnull=False, state=DeliveryState.EXHAUSTED
    )
    try:
        with at_most(seconds=COUNT_SECONDS):
            return list(rows.select_related("endpoint", "customer").order_by("-id")[:SHOWN_ENDPOINTS])
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


def _counted(rows: QuerySet[Model], limit: int) -> str:
    found = rows.order_by()[: limit + 1].count()
    return tell("{number}+", number=limit) if found > limit else tell("{number}", number=found)


def backlog_of(endpoint: Endpoint) -> dict[str, str]:
    """Return how many deliveries of an endpoint wait and are held back."""
    due = DueDelivery.objects.filter(endpoint_id=endpoint.pk, manual=False)
    waiting, held = counts_of([due.filter(due_at__isnull=False), due.filter(due_at__isnull=True)])
    return {"waiting": waiting, "held": held}
