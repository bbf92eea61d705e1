"""The figures of the front page.

What lives here: what happened in the last day and what waits now, by queries that stay small in a log of
millions: ranges of ids, the queue, and a limit on what is counted. It must not know templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Model, QuerySet
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.front.overview_rows import alert_row, given_up_row, stopped_row
from deliveries.admin.parts.badges import state_word
from deliveries.admin.parts.page_addresses import address_of
from deliveries.models import DueDelivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.services.common.statement_timeout import TooSlow, at_most
from deliveries.services.reading.endpoint_health import HealthState
from deliveries.services.reading.newest import counts_for, newest_alerts, newest_given_up, newest_stopped
from deliveries.sql.summary_rows import OverviewCountsRow

COUNT_LIMIT = 10_000  # of more a page says so: on a bad day there are hundreds of thousands of each
COUNT_SECONDS = 3
SPAN = timedelta(hours=24)


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


def counted_for(viewer: Viewer) -> OverviewCountsRow:
    """Return what is counted for a front page, in one statement."""
    since = clock.likely_now() - SPAN
    return counts_for(viewer, since=since, limit=COUNT_LIMIT, seconds=COUNT_SECONDS)


def figures_for(viewer: Viewer, counts: OverviewCountsRow, *, site_name: str) -> Figures:
    """Return the figures of what this viewer may see."""
    since = clock.likely_now() - SPAN
    given_up, (waiting, held) = number_told(counts.given_up), queue_counts(queue_of(viewer))
    url = address_of(f"{site_name}:deliveries_delivery_changelist")
    named = viewer.is_operator  # whose each row is
    return Figures(
        counts=[
            _figure("exhausted", given_up, gettext("in the last 24 hours"), f"{url}?state=exhausted&window=24h"),
            _figure("pending", waiting, gettext("waiting now"), f"{url}?state=pending"),
            _figure("held", held, gettext("held back now"), f"{url}?state=held"),
        ],
        failing=_failing_figure(number_told(counts.failing), site_name),
        stopped=[stopped_row(row, site_name=site_name, with_customer=named) for row in newest_stopped(viewer)],
        recent=[
            given_up_row(row, site_name=site_name, with_customer=named)
            for row in newest_given_up(viewer, since=since, seconds=COUNT_SECONDS)
        ],
        alerts=[alert_row(row, site_name=site_name, with_customer=named) for row in newest_alerts(viewer)],
    )


def _failing_figure(value: str, site_name: str) -> Figure:
    url = f"{address_of(f'{site_name}:deliveries_endpoint_changelist')}?health=failing&state=enabled"
    return Figure(title=gettext("Failing endpoints"), value=value, note="", url=url, state=HealthState.FAILING)


def _figure(state: str, value: str, note: str, url: str) -> Figure:
    return Figure(title=state_word(state).capitalize(), value=value, note=note, url=url, state=state)


def queue_of(viewer: Viewer) -> QuerySet[DueDelivery]:
    """Return the scheduled due deliveries of what this viewer may see."""
    due = DueDelivery.objects.filter(manual=False)
    return due if viewer.customer_id is None else due.filter(endpoint_id__in=visible.endpoints(viewer).values("id"))


def count(rows: QuerySet[Model], *, limit: int = COUNT_LIMIT) -> str:
    """Count up to a limit; beyond it, say so."""
    try:
        with at_most(seconds=COUNT_SECONDS):
            return _counted(rows, limit)
    except TooSlow:
        return gettext("many")


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


def number_told(number: int | None) -> str:
    """Return a count as a page tells it: up to a limit, and none that took too long."""
    return gettext("many") if number is None else _told(number, COUNT_LIMIT)


def _told(number: int, limit: int) -> str:
    return tell("{number}+", number=limit) if number > limit else tell("{number}", number=number)


def backlog_of(endpoint: Endpoint) -> dict[str, str]:
    """Return how many deliveries of an endpoint wait and are held back."""
    waiting, held = queue_counts(DueDelivery.objects.filter(endpoint_id=endpoint.pk, manual=False))
    return {"waiting": waiting, "held": held}


def is_due(endpoint: Endpoint) -> bool:
    """Say whether something is due at an endpoint by now, or on its way there."""
    return DueDelivery.objects.filter(endpoint_id=endpoint.pk, due_at__lte=clock.likely_now()).exists()
