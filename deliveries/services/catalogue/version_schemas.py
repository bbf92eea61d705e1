"""What the data of an event type looks like in a version.

What lives here: schema and example in force. It must not know who asks, nor how data is checked against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deliveries.models import ApiVersion, EventType, VersionChange
from deliveries.protocol.events.event_types import matching_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """Schema and example of a type in a version, and the version since when they are; None: since the beginning."""

    schema: object
    example: object
    since: str | None = None


def in_force(event_type: EventType, version: str | None) -> InForce:
    """Return what holds of a type in a version; None is the oldest, which is what its own row says."""
    return all_in_force([event_type], version)[event_type.name]


def all_in_force(event_types: Iterable[EventType], version: str | None) -> Mapping[str, InForce]:
    """Return what holds in a version, by the names of the operator's types; a customer's own have no versions."""
    types = list(event_types)
    found = {each.name: InForce(schema=each.schema, example=each.example) for each in types}
    names = [each.name for each in types if each.customer_id is None]
    for change in _changes_up_to(version, names):
        found[change.event_type] = InForce(schema=change.schema, example=change.example, since=change.version.name)
    return found


def example_to_send(event_type: EventType, versions: Iterable[str | None]) -> tuple[object, str | None]:
    """Return the first example of a type in one of these versions, and which; None where there is none."""
    for version in versions:
        example = in_force(event_type, version).example
        if example is not None:
            return example, version
    return None, None


def changes_for(patterns: Sequence[str]) -> Mapping[str, Mapping[str, bool]]:
    """Return which types change with each released version, of those that an endpoint gets, and whether one leads up.

    By the names of versions, the oldest first; no patterns are all types.
    """
    rows = VersionChange.objects.exclude(version__released_at=None).order_by("version_id", "event_type")
    found: dict[str, dict[str, bool]] = {}
    for version, event_type, up in rows.values_list("version__name", "event_type", "up"):
        if not patterns or not set(patterns).isdisjoint(matching_keys(event_type)):
            found.setdefault(version, {})[event_type] = bool(up)
    return found


def unreachable(patterns: Sequence[str], *, start: str, end: str) -> list[str]:
    """Return the types of which nothing leads up from one version to a newer one."""
    names = list(ApiVersion.objects.exclude(released_at=None).order_by("id").values_list("name", flat=True))
    between = names[names.index(start) + 1 : names.index(end) + 1] if {start, end} <= set(names) else []
    changes = changes_for(patterns)
    return sorted({each for name in between for each, leads_up in changes.get(name, {}).items() if not leads_up})


def _changes_up_to(version: str | None, names: list[str]) -> Iterable[VersionChange]:
    """Return the changes up to a version, the oldest first."""
    known = None if version is None else ApiVersion.objects.filter(name=version).exclude(released_at=None).first()
    if known is None or not names:
        return ()
    rows = VersionChange.objects.filter(event_type__in=names, version__id__lte=known.id)
    return rows.select_related("version").order_by("version_id")
