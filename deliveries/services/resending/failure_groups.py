"""Failure groups: what fails in the same way at the same endpoint, since when, and what is done about it.

What lives here: their state, acknowledging, and sending all of one again. rollup.py counts them. It must
not know requests or pages. Reading them costs a few index probes for each, however long the log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from deliveries import sql
from deliveries.errors import NotFound
from deliveries.models import Endpoint, EndpointHour, FailureGroup, Job
from deliveries.models.base import REASON_LIMIT
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.protocol.answers.advice import Advice, advice_for
from deliveries.protocol.writing.ids import floor_of, time_of
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import GONE
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.candidates import PAGE_LOOKS, Count
from deliveries.services.resending.jobs import count_matching, start_job
from deliveries.sql.summary_rows import FailingGroupsRow

OVER_AFTER = timedelta(minutes=10)
SHOWN_SPAN = timedelta(days=7)
NEWEST, NEWEST_LIVING = 1000, 50  # looked at, and of them those whose endpoint is still there


class GroupState(StrEnum):
    """How a failure group stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A group as people see it."""

    row: FailureGroup
    state: GroupState
    advice: Advice


@dataclass(frozen=True, slots=True)
class FailingEndpoint:
    """A group as sections of other pages list it."""

    row: FailingGroupsRow

    @property
    def state(self) -> GroupState:
        """How it stands."""
        if self.row.is_over:
            return GroupState.OVER
        return GroupState.ACKNOWLEDGED if self.row.is_known else GroupState.OPEN

    @property
    def advice(self) -> Advice:
        """What happened, and what to do."""
        return advice_for(self.row.error, self.row.status_code)


def with_arrivals(rows: QuerySet[FailureGroup]) -> QuerySet[FailureGroup]:
    """Return groups that know whether something has arrived since, and that their endpoint is there.

    Where an endpoint was stopped right after the last failure, by a 410 or by somebody, the silence says nothing.
    """
    arrived = EndpointHour.objects.filter(
        endpoint_id=OuterRef("endpoint_id"),
        error="",
        hour__gt=OuterRef("last_at") - timedelta(hours=1),
        last_at__gt=OuterRef("last_at"),
    )
    was_stopped = ~Q(endpoint__state=Endpoint.State.ENABLED) & Q(
        endpoint__state_changed_at__lt=F("last_at") + OVER_AFTER
    )
    there = rows.filter(endpoint__deleted_at=None).select_related("endpoint__customer")
    return there.annotate(arrived=Case(When(was_stopped, then=Value(False)), default=Exists(arrived)))


def narrowed(rows: QuerySet[FailureGroup], selection: Selection) -> QuerySet[FailureGroup]:
    """Narrow groups to those of a selection: its span is that of the last failure, its tags are those of endpoints."""
    exact = {
        "customer_id": selection.customer_id,
        "endpoint_id": selection.endpoint_id,
        "error": selection.error or None,
        "status_code": selection.status_code,
        "last_at__gte": selection.since,
        "last_at__lt": selection.until,
    }
    if selection.tags:  # which events failed is not kept with a group
        rows = rows.filter(endpoint__tags__overlap=list(selection.tags))
    return rows.filter(**{name: value for name, value in exact.items() if value is not None})


def in_state(rows: QuerySet[FailureGroup], state: GroupState) -> QuerySet[FailureGroup]:
    """Narrow groups of with_arrivals to those that stand so."""
    over = Q(arrived=True, last_at__lt=clock.likely_now() - OVER_AFTER)
    if state == GroupState.OVER:
        return rows.filter(over)
    return rows.exclude(over).filter(acknowledged_at__isnull=state == GroupState.OPEN)


def failing(viewer: Viewer, *, endpoint_id: UUID | None = None, limit: int = 10) -> list[FailingEndpoint]:
    """Return the groups of the last days: what nobody knows of, then what somebody does, then what is over.

    Those that failed last come first, of the newest that are looked at.
    """
    now = clock.likely_now()
    asked = {
        "customer_id": viewer.customer_id,
        "endpoint_id": endpoint_id,
        "since": now - SHOWN_SPAN,
        "over_before": now - OVER_AFTER,
        "over_seconds": round(OVER_AFTER.total_seconds()),
        "newest": NEWEST,
        "living": NEWEST_LIVING,
        "shown": limit,
    }
    return [FailingEndpoint(row) for row in sql.fetch(FailingGroupsRow, asked)]


def described(row: FailureGroup) -> Failing:
    """Return a group of with_arrivals as people see it."""
    return Failing(row=row, state=state_of(row), advice=advice_for(row.error, row.status_code))


def state_of(row: FailureGroup) -> GroupState:
    """Return how a group of with_arrivals stands: over by itself, once something arrived and it has been silent."""
    if row.arrived and row.last_at < clock.likely_now() - OVER_AFTER:  # type: ignore[attr-defined]
        return GroupState.OVER
    return GroupState.ACKNOWLEDGED if row.acknowledged_at else GroupState.OPEN


def group_of(endpoint_id: UUID, error: str, status_code: int | None) -> FailureGroup | None:
    """Return the group that a failed delivery belongs to, once it is counted."""
    return FailureGroup.objects.filter(endpoint_id=endpoint_id, error=error, status_code=status_code or 0).first()


def selection_of(row: FailureGroup) -> Selection:
    """Return what of a group can be sent again: what failed like this and has not arrived."""
    return Selection(
        endpoint_id=row.endpoint_id,
        error=row.error,
        status_code=row.status_code or None,
        failed=True,
        since=time_of(row.oldest_id),
    )


def count_of(row: FailureGroup, *, looks: int = PAGE_LOOKS) -> Count:
    """Return how many deliveries of a group would be sent again now, as far as counting goes."""
    return count_matching(Job.Kind.REDELIVER, selection_of(row), viewer=OPERATOR, looks=looks)


def redeliver_group(row: FailureGroup, *, actor: str, reason: str, by_operator: bool) -> Job:
    """Send again what failed like this and has not arrived, as a job; raises LimitReached."""
    return start_job(
        Job.Kind.REDELIVER,
        selection_of(row),
        customer=row.endpoint.customer,
        actor=actor,
        reason=reason,
        by_operator=by_operator,
    )


def acknowledge(row: FailureGroup, *, actor: str, reason: str = "", note: str = "") -> None:
    """Say that somebody knows of it; a group that begins anew is open again."""
    _set(row, "failure.acknowledge", clock.likely_now(), actor=actor, reason=reason, note=note)


def reopen(row: FailureGroup, *, actor: str, reason: str = "", note: str = "") -> None:
    """Take that back."""
    _set(row, "failure.reopen", None, actor=actor, reason=reason, note=note)


def _set(row: FailureGroup, action: str, at: object, *, actor: str, reason: str, note: str) -> None:
    by = actor if at else ""
    customer, known = row.endpoint.customer, FailureGroup.objects.filter(pk=row.pk)
    with transaction.atomic():
        limits.lock(customer)
        if not known.update(acknowledged_at=at, acknowledged_by=by, reason=reason[:REASON_LIMIT]):
            raise NotFound(GONE)
        record_act(actor, action, customer=customer, object_id=row.public_id, reason=reason, note=note)


def last_job(row: FailureGroup) -> Job | None:
    """Return the job that last sent the group again."""
    jobs = Job.objects.filter(customer_id=row.customer_id, kind=Job.Kind.REDELIVER, id__gt=floor_of(row.first_at))
    found = jobs.filter(filters__endpoint_id=str(row.endpoint_id), filters__error=row.error).order_by("-id")[:10]
    return next((job for job in found if job.filters.get("status_code", 0) == row.status_code), None)
