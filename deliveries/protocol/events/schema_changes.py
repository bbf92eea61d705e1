"""What of a changed JSON Schema breaks those who read data by the old one.

What lives here: the comparison of two schemas of one event type. It must not know which schemas are accepted, nor data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deliveries.protocol.writing.sentences import say


def breaking_changes(old: object, new: object) -> list[str]:
    """Return what a reader of the old schema could stumble over in data of the new one, a sentence each.

    A reader breaks when a member that was always there may be missing, or changes its type.
    """
    return list(_breaks(old, new, place="data"))


def _breaks(old: object, new: object, *, place: str) -> Iterator[str]:
    """Compare two schemas of one value; `true` is one that asks for nothing, and without one nothing is promised."""
    new = {} if new is True else new
    if not isinstance(old, dict) or not isinstance(new, dict):
        return
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        yield say("{member} was required and no longer is", member=f"{place}.{name}")
    yield from _type_breaks(_types(old), _types(new), place=place)
    yield from _member_breaks(old.get("properties", {}), new.get("properties", {}), place=place)
    yield from _breaks(old.get("items"), new.get("items", True), place=f"{place}[]")


def _type_breaks(was: frozenset[str], now: frozenset[str], *, place: str) -> Iterator[str]:
    if was and not (now and now <= was):
        yield say(
            "{member} was of type {was} and may now be {now}",
            member=place,
            was="/".join(sorted(was)),
            now="/".join(sorted(now)) or say("anything"),
        )


def _member_breaks(old: Mapping[str, Any], new: Mapping[str, Any], *, place: str) -> Iterator[str]:
    for name, part in old.items():
        if name not in new:
            yield say("{member} is no longer described", member=f"{place}.{name}")
        else:
            yield from _breaks(part, new[name], place=f"{place}.{name}")


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    given = schema.get("type", [])
    names = frozenset([given] if isinstance(given, str) else given)
    return names | {"integer"} if "number" in names else names
