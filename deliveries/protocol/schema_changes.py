"""What of a changed JSON Schema breaks those who read data by the old one.

What lives here: the comparison of two schemas of one event type. It must not know which schemas are accepted, nor data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deliveries.protocol.sentences import say


def breaking_changes(old: object, new: object) -> list[str]:
    """Return what a reader of the old schema could stumble over in data of the new one, a sentence each.

    A reader breaks when a member that was always there may be missing, or changes its type.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return []
    return list(_breaks(old, new, place="data"))


def _breaks(old: Mapping[str, Any], new: Mapping[str, Any], *, place: str) -> Iterator[str]:
    kept = new.get("properties", {})
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        yield say("{member} was required and no longer is", member=f"{place}.{name}")
    was, now = _types(old), _types(new)
    if was and not (now and now <= was):
        yield say(
            "{member} was of type {was} and may now be {now}",
            member=place,
            was="/".join(sorted(was)),
            now="/".join(sorted(now)) or say("anything"),
        )
    for name, part in old.get("properties", {}).items():
        if name not in kept:
            yield say("{member} is no longer described", member=f"{place}.{name}")
        elif isinstance(part, dict) and isinstance(kept[name], dict):
            yield from _breaks(part, kept[name], place=f"{place}.{name}")
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _breaks(old["items"], new["items"], place=f"{place}[]")


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    given = schema.get("type", [])
    names = frozenset([given] if isinstance(given, str) else given)
    return names | {"integer"} if "number" in names else names
