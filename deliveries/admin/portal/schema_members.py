"""A JSON Schema as a table for people: one line for each member that data may have.

What lives here: from a schema that services/catalogue/schemas.py let pass to lines of text. It must not know HTML.
What no line can say (alternatives, conditions) is left to the schema itself, and said to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from django.utils.translation import gettext, gettext_noop

from deliveries.services.catalogue.schemas import part_named
from deliveries.services.common.languages import tell

LINE_LIMIT = 300
DEPTH_LIMIT = 8
VALUE_LIMIT = 60

_RULES = {
    "const": gettext_noop("always {}"),
    "format": "{}",
    "pattern": gettext_noop("matches {}"),
    "minimum": gettext_noop("at least {}"),
    "maximum": gettext_noop("at most {}"),
    "exclusiveMinimum": gettext_noop("more than {}"),
    "exclusiveMaximum": gettext_noop("less than {}"),
    "multipleOf": gettext_noop("a multiple of {}"),
    "minLength": gettext_noop("{} or more characters"),
    "maxLength": gettext_noop("up to {} characters"),
    "minItems": gettext_noop("{} or more items"),
    "maxItems": gettext_noop("up to {} items"),
    "default": gettext_noop("{} when absent"),
}
_ALTERNATIVES = ("oneOf", "anyOf", "if", "not", "dependentSchemas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member: where it stands in `data`, what it is, what holds for it."""

    path: str
    kind: str
    required: bool
    rules: str
    meaning: str


def members_of(schema: object) -> list[Line]:
    """Return the members that a schema describes, those that are always there first; at most LINE_LIMIT."""
    root = schema if isinstance(schema, dict) else {}
    return list(islice(_members(root, root, "", depth=0), LINE_LIMIT))


def differences(before: object, after: object) -> list[tuple[str, str]]:
    """Return the members in which two schemas differ, each with what is different in the newer one."""
    old, new = ({each.path: each for each in members_of(schema)} for schema in (before, after))
    says = {path: gettext("is gone") for path in old if path not in new}
    for path, line in new.items():
        if path not in old:
            says[path] = tell("is new: {kind}", kind=line.kind)
        elif line.kind != old[path].kind:
            says[path] = tell("is {kind}, and was {old}", kind=line.kind, old=old[path].kind)
        elif line.required != old[path].required:
            says[path] = gettext("is always there now") if line.required else gettext("is not always there any more")
        elif line.rules != old[path].rules:
            says[path] = tell("has other rules: {rules}", rules=line.rules or gettext("none"))
    return sorted(says.items())


def _members(part: Mapping[str, Any], root: Mapping[str, Any], above: str, *, depth: int) -> Iterator[Line]:
    if depth > DEPTH_LIMIT:
        return
    required = part.get("required", ())
    # PostgreSQL keeps the names of a JSON object in an order of its own, so the one they were written in is lost.
    for name, given in sorted(part.get("properties", {}).items(), key=lambda each: (each[0] not in required, each[0])):
        member = _resolved(given, root)
        path = f"{above}.{name}" if above else name
        yield _line(member, path, root, is_required=name in required)
        yield from _members(member, root, path, depth=depth + 1)
    if isinstance(part.get("items"), dict):
        yield from _members(_resolved(part["items"], root), root, f"{above}[]", depth=depth + 1)
    for each in part.get("allOf", ()):
        yield from _members(_resolved(each, root), root, above, depth=depth + 1)


def _line(member: Mapping[str, Any], path: str, root: Mapping[str, Any], *, is_required: bool) -> Line:
    return Line(
        path=path,
        kind=_kind(member, root),
        required=is_required,
        rules="; ".join(_rules(member)),
        meaning=str(member.get("description") or member.get("title") or ""),
    )


def _kind(member: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    given = member.get("type", [])
    names = [given] if isinstance(given, str) else list(given)
    if not names and all(isinstance(each, str) for each in member.get("enum", (0,))):
        names = ["string"]
    items = member.get("items")
    if names == ["array"] and isinstance(items, dict):
        inner = _resolved(items, root).get("type")
        return tell("array of {kind}", kind=inner) if isinstance(inner, str) else "array"
    return gettext(" or ").join(names) or gettext("any")


def _rules(member: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(member.get("enum"), list):
        yield tell("one of {values}", values=", ".join(_value(each) for each in member["enum"][:20]))
    for keyword, sentence in _RULES.items():
        if keyword in member:
            value = member[keyword]
            yield gettext(sentence).format(value if keyword in ("format", "pattern") else _value(value))
    if any(keyword in member for keyword in _ALTERNATIVES):
        yield gettext("more in the schema")


def _value(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= VALUE_LIMIT else text[:VALUE_LIMIT] + "…"


def _resolved(part: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference within the schema; what stands beside it comes before what it refers to."""
    for _ in range(DEPTH_LIMIT):
        if not isinstance(part, dict) or "$ref" not in part:
            break
        holder, name = part_named(part["$ref"]) or ("", "")
        referred = root.get(holder, {}).get(name, {})
        beside = {key: value for key, value in part.items() if key != "$ref"}
        part = {**referred, **beside} if isinstance(referred, dict) else beside
    return part if isinstance(part, dict) else {}
