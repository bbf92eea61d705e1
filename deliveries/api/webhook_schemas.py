"""The event types' JSON Schemas as parts of the API's description, in a form that generators of clients take.

What lives here: schemas in, components out. Their `$defs` become components with names of their own, and what
only a validator understands is left out: the exact schema is at /event-types/{name}. It must not know rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deliveries.services.catalogue.schemas import Named, part_named

Schema = dict[str, object]

ANY: Schema = {}
NULL: Schema = {"type": "null"}
COMPONENTS = "#/components/schemas/"
_DEFINED = ("definitions", "$defs")
NAME_LIMIT = 80
WAY_LIMIT = 120  # characters: generators add to it, and a file's name has 255 at most
# What regular expressions of all languages have in common: no flags, look-around, named groups or classes of Unicode.
_PORTABLE_PATTERN = re.compile(
    r"""(?: [^\\\[\](){}?*+] | \\[dDwWsSbBnrtfv.*+?^$()\[\]{}|\\/] | \((?:(?!\?)|\?:) | \)
    | \[(?:[^\\\[\]&~-]|\\[dDwWsSnrtfv.*+?^$()\[\]{}|\\/-]|-(?!-))*\] | (?:[?*+]|\{\d+(?:,\d*)?\})\??(?![?*+{]) )*""",
    re.VERBOSE,
)
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
# What each type keeps. Keywords of all types are kept beside them.
_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "object": (),
    "array": ("minItems", "maxItems", "uniqueItems"),
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
        """Return a name in the shape of a class's, made of these words, short enough to be a file's too."""
        base = "".join(_class_like(word) for word in words)[:NAME_LIMIT] or "Unnamed"
        name, number = base, 2
        while _folded(name) in self._taken:
            name, number = f"{base}{number}", number + 1
        self._taken.add(_folded(name))
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What of a schema stands apart: where its `$defs` are, and the components that were made so far."""

    names: ComponentNames
    place: Mapping[Named, str]
    made: dict[str, Schema]


def hoist(schema: object, *, name: str, names: ComponentNames) -> dict[str, Schema]:
    """Return the components that a schema becomes: itself under `name`, what stands apart under names of their own.

    Apart are its `$defs`, and what lies so deep that a generator would name a file after a too long way there.
    """
    if not isinstance(schema, dict):
        return {name: ANY if schema is not False else {"not": {}}}
    defined = {(keyword, part): below for keyword in _DEFINED for part, below in _dict(schema.get(keyword)).items()}
    place: Mapping[Named, str] = {part: names.fresh(name, part[1]) for part in defined}
    parts = _Parts(names=names, place=place, made={name: ANY})
    parts.made[name] = _plain(_as_object(schema), parts, name)
    for part, below in defined.items():
        parts.made[place[part]] = _plain(below, parts, place[part])
    return parts.made


def method_like(name: str) -> str:
    """Return a component's name in the shape of a method's."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _as_object(schema: Mapping[str, object]) -> Mapping[str, object]:
    """Return the schema of data as that of an object, which data always is, whatever else it says it may be."""
    given = schema.get("type")
    return {**schema, "type": "object"} if isinstance(given, list) and "object" in given else schema


def _below(schema: object, parts: _Parts, way: str) -> Schema:
    """Return a part of a schema as generators know it; `way` is how they would call its class."""
    if len(way) <= WAY_LIMIT or not isinstance(schema, dict) or "$ref" in schema:
        return _plain(schema, parts, way)
    name = parts.names.fresh(way)
    parts.made[name] = _plain(schema, parts, name)
    return {"$ref": COMPONENTS + name}


def _plain(schema: object, parts: _Parts, way: str) -> Schema:
    """Return a schema with nothing but what generators know."""
    if not isinstance(schema, dict):
        return ANY if schema is not False else {"not": {}}
    if "$ref" in schema:
        return _reference(schema, parts.place)
    made: Schema = {key: schema[key] for key in _OF_ALL if key in schema}
    if isinstance(title := schema.get("title"), str):
        made.setdefault("description", title)  # as a title it would name a class, and two of a name are refused
    if "const" in schema or "enum" in schema:
        return made | _choice(schema)
    for key in _IN_PLACE:
        if isinstance(schema.get(key), list):
            made[key] = [
                NULL if each == NULL else _below(each, parts, f"{way}Type{number}")
                for number, each in enumerate(schema[key])
            ]
    return made | _typed(schema, parts, way)


def _reference(schema: Mapping[str, object], place: Mapping[Named, str]) -> Schema:
    name = place.get(part_named(schema["$ref"]))
    return ANY if name is None else {"$ref": COMPONENTS + name}


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


def _typed(schema: Mapping[str, object], parts: _Parts, way: str) -> Schema:
    types = list(_types(schema))
    null = ["null"] if "null" in types else []
    real = [kind for kind in types if kind != "null"]
    if not real:
        return ANY  # of null alone some generators make nothing at all, of the whole API
    if len(real) == 1:
        return {**_of_type(real[0], schema, parts, way), "type": [real[0], "null"] if null else real[0]}
    each = [
        {"type": kind, **_of_type(kind, schema, parts, f"{way}Type{number}")}
        for number, kind in enumerate([*real, *null])
    ]
    return {"anyOf": each} if not any(key in schema for key in _IN_PLACE) else ANY


def _types(schema: Mapping[str, object]) -> Iterator[str]:
    given = schema.get("type")
    if given is None and "properties" in schema:
        given = "object"
    for kind in given if isinstance(given, list) else [given]:
        if isinstance(kind, str) and kind in _OF_TYPE:
            yield kind


def _of_type(kind: str, schema: Mapping[str, Any], parts: _Parts, way: str) -> Schema:
    made = {key: schema[key] for key in _OF_TYPE[kind] if key in schema}
    if kind == "array":  # after `prefixItems` come items that are none of those
        items = True if "prefixItems" in schema else schema.get("items", True)
        made["items"] = _below(items, parts, f"{way}Item")
    if kind == "string" and _PORTABLE_PATTERN.fullmatch(made.get("pattern", "")) is None:
        del made["pattern"]
    return made | (_of_object(schema, parts, way) if kind == "object" else {})


def _of_object(schema: Mapping[str, object], parts: _Parts, way: str) -> Schema:
    properties = _told_apart(_dict(schema.get("properties")))
    is_whole = len(properties) == len(_dict(schema.get("properties")))
    more = schema.get("additionalProperties", True) if is_whole else True
    made: Schema = {
        "properties": {name: _below(each, parts, f"{way}{_class_like(name)}") for name, each in properties.items()},
        "additionalProperties": more if isinstance(more, bool) else _below(more, parts, f"{way}AdditionalProperty"),
    }
    asked = schema.get("required")
    required = [name for name in asked if name in properties] if isinstance(asked, list) else []
    return made | ({"required": required} if required else {})


def _told_apart(properties: Mapping[str, object]) -> Mapping[str, object]:
    """Return the properties that can be attributes: with letters or figures of ASCII, by which they differ.

    Not `__proto__`, which is none of an object's own members to tools that are written in JavaScript.
    """
    first: dict[str, str] = {}
    for name in properties:
        if (folded := _folded(name)) and name != "__proto__":
            first.setdefault(folded, name)
    return {name: properties[name] for name in first.values()}


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
