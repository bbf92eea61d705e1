"""Who may see which rows: the one place that makes every queryset for people and programs.

What lives here: a viewer, and one function per table. It must not know requests, keys or pages:
callers say who looks, and filter further from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from deliveries.models.alerts import Alert
from deliveries.models.api_keys import ApiKey
from deliveries.models.api_versions import ApiVersion, VersionChange
from deliveries.models.audit import AuditEntry
from deliveries.models.customers import Customer
from deliveries.models.endpoints import Endpoint
from deliveries.models.event_types import EventType
from deliveries.models.failure_groups import FailureGroup
from deliveries.models.imports import ImportLine
from deliveries.models.jobs import Job
from deliveries.models.log import EVERYONES, Attempt, Delivery, Event
from deliveries.models.members import Invitation, Member
from deliveries.protocol.who.actor_names import shown_to_customer


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: one customer, or with None the operator, who sees all."""

    customer_id: UUID | None

    @property
    def is_operator(self) -> bool:
        """Whether nothing is hidden from this viewer."""
        return self.customer_id is None


OPERATOR = Viewer(None)


def customers(viewer: Viewer) -> QuerySet[Customer]:
    """Customers: all, or the viewer's own."""
    return Customer.objects.filter(_own(viewer, "id"))


def members(viewer: Viewer) -> QuerySet[Member]:
    """Members of the customers that the viewer sees."""
    return Member.objects.filter(_own(viewer, "customer_id"))


def invitations(viewer: Viewer) -> QuerySet[Invitation]:
    """Who was invited to the customers that the viewer sees."""
    return Invitation.objects.filter(_own(viewer, "customer_id"))


def api_keys(viewer: Viewer) -> QuerySet[ApiKey]:
    """API keys; a customer never sees service keys."""
    return ApiKey.objects.filter(_own(viewer, "customer_id"))


def event_types(viewer: Viewer) -> QuerySet[EventType]:
    """Event types; a customer sees the operator's and its own."""
    if viewer.is_operator:
        return EventType.objects.all()
    return EventType.objects.filter(Q(customer=None) | Q(customer_id=viewer.customer_id))


def first_event_types(viewer: Viewer, limit: int, columns: Sequence[str] = ("name",)) -> list[tuple[str, ...]]:
    """The first by name of those that are not archived; of a catalogue of thousands no more rows are read.

    The operator's own and others' are each read in the order of one index, so much of both.
    """
    living = EventType.objects.filter(archived=False).order_by("customer_id", "name")
    others = Q(customer__isnull=False) if viewer.is_operator else Q(customer_id=viewer.customer_id)
    ours, theirs = (living.filter(each).values_list(*columns)[:limit] for each in (Q(customer=None), others))
    return sorted(set(ours.union(theirs, all=True)))[:limit]


def endpoints(viewer: Viewer) -> QuerySet[Endpoint]:
    """Endpoints that were not deleted."""
    return Endpoint.objects.filter(_own(viewer, "customer_id"), deleted_at=None)


def endpoints_ever(viewer: Viewer) -> QuerySet[Endpoint]:
    """Endpoints, deleted ones included: the log still names them."""
    return Endpoint.objects.filter(_own(viewer, "customer_id"))


def events(viewer: Viewer) -> QuerySet[Event]:
    """Events of the log; a customer sees its own, and those for everyone since it has been there."""
    return Event.objects.filter(_own(viewer, "customer_id") | _everyones(viewer))


def events_with_content(viewer: Viewer) -> QuerySet[Event]:
    """Events that the viewer sees and whose content was not erased."""
    return events(viewer).filter(erased_at=None)


def own_events(customer_id: UUID) -> QuerySet[Event]:
    """The events for this customer alone, in the order of one index."""
    return Event.objects.filter(customer_id=customer_id)


def events_for_everyone(viewer: Viewer) -> QuerySet[Event]:
    """The events for all customers, as far as they were there, in the order of one index."""
    return Event.objects.filter(_everyones(viewer) if viewer.customer_id else Q(customer_id=EVERYONES))


def api_versions(viewer: Viewer) -> QuerySet[ApiVersion]:
    """Versions of the API; a customer sees those that were released."""
    return ApiVersion.objects.all() if viewer.is_operator else ApiVersion.objects.exclude(released_at=None)


def version_changes(viewer: Viewer) -> QuerySet[VersionChange]:
    """What changes with versions; mappings are the operator's alone."""
    return VersionChange.objects.all() if viewer.is_operator else VersionChange.objects.none()


def deliveries(viewer: Viewer) -> QuerySet[Delivery]:
    """Deliveries of the log, those of deleted endpoints included."""
    return Delivery.objects.filter(_own(viewer, "customer_id"))


def attempts(viewer: Viewer) -> QuerySet[Attempt]:
    """Attempts of the log; filter them by delivery, which has the index."""
    return Attempt.objects.filter(_own(viewer, "delivery__customer_id"))


def jobs(viewer: Viewer) -> QuerySet[Job]:
    """Bulk work; a customer sees only what was asked for it alone."""
    return Job.objects.filter(_own(viewer, "customer_id"))


def import_lines(job: Job) -> QuerySet[ImportLine]:
    """What an import that the viewer sees had to do."""
    return ImportLine.objects.filter(job=job)


def audit_entries(viewer: Viewer) -> QuerySet[AuditEntry]:
    """The audit trail."""
    return AuditEntry.objects.filter(_own(viewer, "customer_id"))


def alerts(viewer: Viewer) -> QuerySet[Alert]:
    """Alerts; a customer sees those of its own endpoints."""
    return Alert.objects.filter(_own(viewer, "endpoint__customer_id"))


def failure_groups(viewer: Viewer) -> QuerySet[FailureGroup]:
    """What fails in the same way, by endpoint."""
    return FailureGroup.objects.filter(_own(viewer, "customer_id"))


def of_viewer(viewer: Viewer) -> Q:
    """What narrows rows with a customer to those of the viewer."""
    return _own(viewer, "customer_id")


def _everyones(viewer: Viewer) -> Q:
    return Q() if viewer.is_operator else Q(customer_id=EVERYONES, id__gt=viewer.customer_id)  # ids are time


def shown_actor(viewer: Viewer, actor: str) -> str:
    """Return who did something; of the operator's people and keys a customer sees "the operator"."""
    return actor if viewer.is_operator else shown_to_customer(actor)


def _own(viewer: Viewer, column: str) -> Q:
    return Q() if viewer.is_operator else Q(**{column: viewer.customer_id})
