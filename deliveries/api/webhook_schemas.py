"""The event types' JSON Schemas as parts of the API's description, in a form that generators of clients take.

What lives here: schemas in, components out. Their `$defs` become components with names of their own, and what
only a validator understands is left out: the exact schema is at /event-types/{name}. It must not know rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Schema = dict[str, object]

ANY: Schema = {}
COMPONENTS = "#/components/schemas/"
_LOCAL = re.compile(r"#/(?:\$defs|definitions)/(.+)")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
# What each type keeps. Keywords of all types are kept beside them.
_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "string": ("format", "pattern", "minLength", "maxLength"),
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "boolean": (),
    "null": (),
}
_OF_ALL = ("description", "deprecated")
_IN_PLACE = ("allOf", "anyOf", "oneOf")


class ComponentNames:
    """Names of components, each given once; generators fold case and signs, so names differ by more than these."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = {_folded(name) for name in taken}

    def fresh(self, *words: str) -> str:
        """Return a name in the shape of a class's, made of these words."""
        base = "".join(_class_like(word) for word in words) or "Unnamed"
        name, number = base, 2
        while _folded(name) in self._taken:
            name, number = f"{base}{number}", number + 1
        self._taken.add(_folded(name))
        return name


def hoist(schema: object, *, name: str, names: ComponentNames) -> dict[str, Schema]:
    """Return the components that a schema becomes: itself under `name`, and its `$defs` under names of their own."""
    if not isinstance(schema, dict):
        return {name: ANY if schema is not False else {"not": {}}}
    parts = {**_dict(schema.get("definitions")), **_dict(schema.get("$defs"))}
    place = {part: names.fresh(name, part) for part in parts}
    made = {place[part]: _plain(below, place) for part, below in parts.items()}
    return {name: _plain(schema, place), **made}


def method_like(name: str) -> str:
    """Return a component's name in the shape of a method's."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _plain(schema: object, place: Mapping[str, str]) -> Schema:
    """Return a schema with nothing but what generators know."""
    if not isinstance(schema, dict):
        return ANY if schema is not False else {"not": {}}
    if "$ref" in schema:
        return _reference(schema, place)
    made: Schema = {key: schema[key] for key in _OF_ALL if key in schema}
    if isinstance(title := schema.get("title"), str):
        made.setdefault("description", title)  # as a title it would name a class, and two of a name are refused
    if "const" in schema or "enum" in schema:
        return made | _choice(schema)
    for key in _IN_PLACE:
        if isinstance(schema.get(key), list):
            made[key] = [_plain(each, place) for each in schema[key]]
    return made | _typed(schema, place)


def _reference(schema: Mapping[str, object], place: Mapping[str, str]) -> Schema:
    match = _LOCAL.fullmatch(str(schema["$ref"]))
    target = place.get(match[1]) if match else None
    return ANY if target is None else {"$ref": COMPONENTS + target}


def _choice(schema: Mapping[str, Any]) -> Schema:
    """Return const and enum as strings to choose from; for values of other types, their type."""
    values = [schema["const"]] if "const" in schema else list(schema["enum"])
    null = None in values
    known = [value for value in values if value is not None]
    types = {_type_of(value) for value in known}
    if len(types) != 1 or (kind := types.pop()) in ("object", "array"):
        return ANY
    written: Schema = {"type": [kind, "null"] if null else kind}
    apart = {_folded(str(value)) for value in known}
    if kind == "string" and len(apart) == len(known) and "" not in apart:
        written["enum"] = [*known, None] if null else known
    return written


def _typed(schema: Mapping[str, object], place: Mapping[str, str]) -> Schema:
    types = list(_types(schema))
    null = ["null"] if "null" in types else []
    real = [kind for kind in types if kind != "null"]
    if not real:
        return {"type": "null"} if null else ANY
    if len(real) == 1:
        return {**_of_type(real[0], schema, place), "type": [real[0], "null"] if null else real[0]}
    each = [{"type": kind, **_of_type(kind, schema, place)} for kind in [*real, *null]]
    return {"anyOf": each} if not any(key in schema for key in _IN_PLACE) else ANY


def _types(schema: Mapping[str, object]) -> Iterator[str]:
    given = schema.get("type")
    if given is None and "properties" in schema:
        given = "object"
    for kind in given if isinstance(given, list) else [given]:
        if isinstance(kind, str) and kind in _OF_TYPE:
            yield kind


def _of_type(kind: str, schema: Mapping[str, Any], place: Mapping[str, str]) -> Schema:
    made = {key: schema[key] for key in _OF_TYPE[kind] if key in schema}
    if kind == "array":
        made["items"] = _plain(schema.get("items", True), place)
    if kind == "object":
        properties = _dict(schema.get("properties"))
        made["properties"] = {name: _plain(below, place) for name, below in properties.items()}
        made["required"] = [name for name in schema.get("required", ()) if name in properties]
        more = schema.get("additionalProperties", True)
        made["additionalProperties"] = more if isinstance(more, bool) else _plain(more, place)
        made = {key: value for key, value in made.items() if value or key != "required"}
    return made


def _type_of(value: object) -> str:
    for kind, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return kind
    return "object"


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _folded(name: str) -> str:
    return "".join(re.findall(r"[a-z0-9]", name.lower()))


def _class_like(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))
