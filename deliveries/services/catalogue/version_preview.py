"""What the mappings of a change make of the example and of the last events of its type, before they are saved.

What lives here: which data is tried, and what is made of it, within bounds. It must not know requests or pages, and
stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import orjson

from deliveries.errors import CannotShape, InvalidInput
from deliveries.evaluator.process import evaluate
from deliveries.models import ApiVersion, Event, EventType, VersionChange, visible
from deliveries.models.visible import OPERATOR
from deliveries.protocol.events.api_versions import NOT_MAPPED, MappingStep
from deliveries.protocol.events.transformation import NOT_MADE
from deliveries.protocol.sending.payload import EventText
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.services.catalogue.api_versions import draft_change
from deliveries.services.catalogue.schemas import Violation, compiled, violations
from deliveries.services.catalogue.version_schemas import in_force
from deliveries.services.catalogue.version_table import version_table

DIRECTIONS = ("down", "up")
EVENTS, EVENTS_MAX = 5, 10
LOOKED_AT = 2000  # of the newest events


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedMapping:
    """Data before and after a mapping, without `after` where it makes none; `event_id` None: the example."""

    event_id: UUID | None
    direction: str
    before: object
    after: object = None
    error: str = ""
    detail: str = ""
    violations: Sequence[Violation] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A change as it would be, with the version before it and what holds of the type there."""

    change: VersionChange
    before: str
    schema_before: object

    @property
    def name(self) -> str:
        return self.change.version.name

    def step(self, direction: str) -> MappingStep:
        """Return the mapping of one direction; raises CannotShape where there is none."""
        pair = (self.name, self.before) if direction == "down" else (self.before, self.name)
        text = self.change.down if direction == "down" else self.change.up
        if not text:
            unmapped = say("no mapping is given from {source} to {goal}", source=pair[0], goal=pair[1])
            raise CannotShape(unmapped, error=NOT_MAPPED)
        return MappingStep(" to ".join(pair), text)


def preview_change(
    version: ApiVersion, event_type: str, fields: Mapping[str, object], *, limit: int = EVENTS
) -> list[PreviewedMapping]:
    """Return what the mappings would make, the examples first; raises InvalidInput, and Unavailable where many ask."""
    kind = EventType.objects.filter(customer=None, name=event_type).first()
    before = ApiVersion.objects.filter(id__lt=version.id).order_by("-id").first()
    if kind is None or before is None:
        raise InvalidInput(
            say("there is no such event type of the operator's, or no version before"), field="event_type"
        )
    known = VersionChange.objects.filter(version=version, event_type=event_type).first()
    change = draft_change(known or VersionChange(version=version, event_type=event_type), fields)
    current = in_force(kind, before.name)
    tried = _Tried(change=change, before=before.name, schema_before=current.schema)
    examples = {"down": change.example, "up": current.example if change.up else None}
    found = [
        _previewed(tried, PreviewedMapping(event_id=None, direction=direction, before=data))
        for direction, data in examples.items()
        if data is not None
    ]
    return found + [_of_event(tried, event) for event in _last_events(event_type, limit)]


def _last_events(event_type: str, limit: int) -> Iterator[Event]:
    """Yield the newest events of a type among the newest of all."""
    newest = visible.events(OPERATOR).filter(erased_at=None).order_by("-id").values_list("id", "type")[:LOOKED_AT]
    found = [event_id for event_id, name in newest if name == event_type][:limit]
    yield from Event.objects.filter(id__in=found).order_by("-id")


def _of_event(tried: _Tried, event: Event) -> PreviewedMapping:
    """Return what is made of an event: down from a version that has the change, else up, by what lies between."""
    names = list(version_table(event.api_version).names)
    place = names.index(event.api_version) if event.api_version in names else 0
    is_newer = tried.name in names and place >= names.index(tried.name)
    direction, start = ("down", tried.name) if is_newer else ("up", tried.before)
    known = PreviewedMapping(event_id=event.id, direction=direction, before=None)
    try:
        known = replace(known, before=orjson.loads(bytes(event.body))["data"])
        route = version_table().route(event.type, event.api_version, start)
        if route is not None and route.steps:
            known = replace(known, before=_made(event.type, known.before, route.steps))
    except orjson.JSONDecodeError:
        return replace(known, error=NOT_MADE, detail=say("the event holds a number that cannot be read"))
    except CannotShape as error:
        return replace(known, error=error.error, detail=error.detail)
    return _previewed(tried, known)


def _previewed(tried: _Tried, known: PreviewedMapping) -> PreviewedMapping:
    schema = tried.schema_before if known.direction == "down" else tried.change.schema
    try:
        after = _made(tried.change.event_type, known.before, [tried.step(known.direction)])
    except CannotShape as error:
        return replace(known, error=error.error, detail=error.detail)
    return replace(known, after=after, violations=[] if schema is None else violations(compiled(schema), after))


def _made(event_type: str, data: object, steps: Sequence[MappingStep]) -> object:
    whole = orjson.dumps({"type": event_type, "data": data})
    return orjson.loads(evaluate(EventText(id=ids.EVENT, type=event_type, whole=whole, source="", steps=steps)))
