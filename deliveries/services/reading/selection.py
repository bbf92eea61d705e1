"""Which deliveries or events are meant: the filters of lists, and of bulk work.

What lives here: a selection as a value, its form in a job's row, and what it means for a queryset. It
must not know requests. The same selection lists and sends, so that what was seen is what is sent.
Times are turned into ranges of ids, which are what the indexes and partitions know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from deliveries.conf import conf
from deliveries.errors import InvalidInput
from deliveries.models import Delivery, Event, visible
from deliveries.models.visible import OPERATOR, Viewer
from deliveries.protocol.events.event_types import check_pattern
from deliveries.protocol.when.delivery_states import DeliveryState, is_unfinished
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.ids import floor_of, time_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock

TYPES_LIMIT = 50

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the log is meant; an empty field does not narrow.

    `failed` means: tried, and not succeeded, whatever became of it then.
    """

    customer_id: UUID | None = None
    endpoint_id: UUID | None = None
    event_id: UUID | None = None
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    status_code: int | None = None
    error: str = ""
    failed: bool = False
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything is meant."""
        return self == Selection()

    def indexed(self) -> Self:
        """Return the part that one index finds in the order of lists; what else narrows is looked for row by row.

        Of two owners the narrower: PostgreSQL would fetch what both have in common, of all times, and sort it.
        """
        by_owner = self.customer_id or self.endpoint_id
        customer_id = None if self.endpoint_id else self.customer_id
        states = () if by_owner or self.states != (DeliveryState.EXHAUSTED,) else self.states
        return replace(
            self, customer_id=customer_id, types=(), tags=(), states=states, status_code=None, error="", failed=False
        )

    def to_json(self) -> dict[str, object]:
        """Return the form in which a job keeps it: only the fields that narrow."""
        return {name: _written(value) for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, object]) -> Self:
        """Return a selection as a job kept it."""
        return cls(**{name: _read(name, value) for name, value in kept.items()})


def select_deliveries(rows: QuerySet[Delivery], selection: Selection) -> QuerySet[Delivery]:
    """Narrow deliveries to what is meant."""
    exact = {
        "customer_id": selection.customer_id,
        "endpoint_id": selection.endpoint_id,
        "event_id": selection.event_id,
        "status_code": selection.status_code,
        "error": selection.error or None,
    }
    rows = rows.filter(**{column: value for column, value in exact.items() if value is not None})
    rows = of_types(rows, selection.types, column="event_type")
    if selection.tags:
        tagged = Event.objects.filter(id=OuterRef("event_id"), tags__overlap=list(selection.tags))
        rows = rows.filter(Exists(tagged))
    if selection.event_id:
        rows = _not_before(rows, selection.event_id)
    rows = _in_states(rows, selection)
    return between(rows, since=selection.since, until=selection.until)


def _not_before(rows: QuerySet[Delivery], event_id: UUID) -> QuerySet[Delivery]:
    """No delivery is older than its event, none of a time to come: other partitions are not read."""
    latest = clock.likely_now() + timedelta(seconds=conf.clock_tolerance_seconds)
    return rows.filter(id__gte=floor_of(time_of(event_id)), id__lt=floor_of(latest))


def _in_states(rows: QuerySet[Delivery], selection: Selection) -> QuerySet[Delivery]:
    if selection.failed:
        unfinished = [state for state in DeliveryState if is_unfinished(state)]
        rows = rows.filter(Q(state=DeliveryState.EXHAUSTED) | Q(state__in=unfinished, attempts__gt=0))
    if selection.states:
        rows = rows.filter(state__in=selection.states)
    if selection.states == (DeliveryState.EXHAUSTED,):
        rows = rows.filter(failed_at__isnull=False)  # always so; said for the index delivery_failed
    return rows


def deliveries_of(viewer: Viewer, selection: Selection) -> tuple[QuerySet[Delivery], QuerySet[Delivery] | None]:
    """Return what a viewer means, and what of it one index finds in order of ids, if that is more.

    Lists, dry runs, jobs and exports all begin here. A selection names only endpoints that the viewer may ask for, so
    what is found by endpoint is the viewer's.
    """
    rows = select_deliveries(visible.deliveries(viewer), selection)
    meant = replace(selection, customer_id=selection.customer_id or viewer.customer_id)
    indexed = meant.indexed()
    if meant.event_id or indexed == meant:
        return rows, None
    return rows, select_deliveries(visible.deliveries(viewer if indexed.customer_id else OPERATOR), indexed)


def among(rows: QuerySet[Row], ids: Sequence[UUID]) -> QuerySet[Row]:
    """Narrow rows to these ids, however many: each is looked up by its key, in the partitions that may have it."""
    if not ids:
        return rows.none()
    rows = rows.filter(id__gte=min(ids), id__lte=max(ids))
    return rows.filter(id__in=RawSQL("SELECT unnest(%s::uuid[])", [list(ids)]))


def between(
    rows: QuerySet[Row], *, since: datetime | None = None, until: datetime | None = None, column: str = "id"
) -> QuerySet[Row]:
    """Narrow rows by a time included and one excluded, by a column of ids."""
    if since is not None:
        rows = rows.filter(**{f"{column}__gte": floor_of(timestamps.next_millisecond(since))})
    if until is not None:
        rows = rows.filter(**{f"{column}__lt": floor_of(timestamps.next_millisecond(until))})
    return rows


def of_types(rows: QuerySet[Row], types: Sequence[str], *, column: str) -> QuerySet[Row]:
    """Narrow rows by names and families of event types."""
    wanted = Q()
    for word in types:
        family = word.removesuffix("*")
        wanted |= Q(**{column: word}) if family == word else Q(**{f"{column}__startswith": family})
    return rows.filter(wanted)


def read_types(text: str, *, field: str = "type") -> tuple[str, ...]:
    """Return the names and families of a text with commas; raises InvalidInput."""
    words = [word.strip() for word in text.split(",")]
    if len(words) > TYPES_LIMIT:
        raise InvalidInput(say("at most {types_limit} types", types_limit=TYPES_LIMIT), field=field)
    try:
        return tuple(check_pattern(word) for word in words)
    except InvalidInput as error:
        raise InvalidInput(error.detail, field=field) from error


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return timestamps.write(timestamps.next_millisecond(value))
    return str(value) if isinstance(value, UUID) else value


def _read(name: str, value: Any) -> Any:
    if name in ("since", "until"):
        return timestamps.read(value)
    if name.endswith("_id"):
        return UUID(value)
    return tuple(value) if isinstance(value, list) else value
