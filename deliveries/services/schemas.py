"""JSON Schemas of event types: which are accepted, what breaks old readers, and what data violates them.

What lives here: the checks. It must not know rows or requests. Nothing is ever fetched: a schema may
only refer to its own parts. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry

from deliveries.errors import InvalidInput

SIZE_LIMIT_BYTES = 65_536
DEPTH_LIMIT = 32
VIOLATION_LIMIT = 20
COST_LIMIT = 5000

_SCHEMA_2020 = "https://json-schema.org/draft/2020-12/schema"
_REFUSED = ("patternProperties", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "uniqueItems")
# Anchored, with counts that are fixed but for one part: what a backtracking engine cannot be made to hang by.
_UNIT = r"(?:[A-Za-z0-9_ :/@,#%&=~-]|\\[.dws+/-]|\[[A-Za-z0-9_.:-]+\])"
_PATTERN = re.compile(
    rf"\^(?:{_UNIT}(?:\{{[0-9]{{1,3}}\}})?)*(?:{_UNIT}(?:[+*?]|\{{[0-9]{{1,3}},[0-9]{{0,3}}\}}))?(?:{_UNIT}(?:\{{[0-9]{{1,3}}\}})?)*\$"
)
_REFERENCE = re.compile(r"#/(\$defs|definitions)/([A-Za-z0-9_.-]+)")
_NAMES = ("properties", "$defs", "definitions", "dependentSchemas", "patternProperties")
_DATA = ("const", "enum", "examples", "default")


def check_schema(schema: Any) -> Any:
    """Return a schema that is safe to keep and to evaluate, or None for none; raises InvalidInput."""
    if schema is None:
        return None
    if not isinstance(schema, dict | bool):
        raise _refused("a schema is an object")
    if len(orjson.dumps(schema)) > SIZE_LIMIT_BYTES:
        raise _refused(f"a schema has at most {SIZE_LIMIT_BYTES} bytes")
    for part in _parts(schema, depth=0):
        _check_part(part)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _refused(f"not a JSON Schema: {error.message[:200]}") from error
    _cost(schema, schema if isinstance(schema, dict) else {})
    return schema


def violations(schema: Any, data: Any) -> list[tuple[str, str]]:
    """Return where data (parsed JSON) breaks a schema that check_schema returned: JSON pointer and sentence."""
    found = []
    for error in _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)).iter_errors(data):
        found.append(("".join(f"/{step}" for step in error.absolute_path), error.message[:200]))
        if len(found) == VIOLATION_LIMIT:
            break
    return found


def breaking_changes(old: Any, new: Any) -> list[str]:
    """Return what a reader of the old schema could stumble over in data of the new one, a sentence each.

    A reader breaks when a member that was always there may be missing, or changes its type.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        return []
    return list(_breaks(old, new, place="data"))


def _breaks(old: Mapping[str, Any], new: Mapping[str, Any], *, place: str) -> Iterator[str]:
    kept = new.get("properties", {})
    for name in sorted(set(old.get("required", [])) - set(new.get("required", []))):
        yield f"{place}.{name} was required and no longer is"
    was, now = _types(old), _types(new)
    if was and not (now and now <= was):
        yield f"{place} was of type {'/'.join(sorted(was))} and may now be {'/'.join(sorted(now)) or 'anything'}"
    for name, part in old.get("properties", {}).items():
        if name not in kept:
            yield f"{place}.{name} is no longer described"
        elif isinstance(part, dict) and isinstance(kept[name], dict):
            yield from _breaks(part, kept[name], place=f"{place}.{name}")
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _breaks(old["items"], new["items"], place=f"{place}[]")


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    given = schema.get("type", [])
    names = frozenset([given] if isinstance(given, str) else given)
    return names | {"integer"} if "number" in names else names


def _parts(schema: Any, *, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > DEPTH_LIMIT:
        raise _refused(f"a schema nests at most {DEPTH_LIMIT} deep")
    if isinstance(schema, list):
        for each in schema:
            yield from _parts(each, depth=depth + 1)
    if isinstance(schema, dict):
        yield schema
        for name, value in schema.items():
            if name in _DATA:
                continue
            named = name in _NAMES and isinstance(value, dict)
            for each in value.values() if named else (value,):
                yield from _parts(each, depth=depth + 1)


def _check_part(part: Mapping[str, Any]) -> None:
    refused = [name for name in _REFUSED if name in part]
    if refused:
        raise _refused(f"{refused[0]} is not available in schemas of event types")
    if part.get("$schema", _SCHEMA_2020) != _SCHEMA_2020:
        raise _refused("the schemas understood here are those of JSON Schema 2020-12")
    pattern = part.get("pattern")
    if isinstance(pattern, str) and (len(pattern) > 200 or _PATTERN.fullmatch(pattern) is None):
        raise _refused(
            r"a pattern looks like ^[A-Z]{3}-\d+$: anchored, without groups, one part of open length at most"
        )


def _cost(schema: Any, root: Mapping[str, Any], *, above: tuple[str, ...] = ()) -> int:
    """Return how many parts one value may be held against, references followed."""
    total = 0
    for part in _parts(schema, depth=0):
        total += 1
        if "$ref" in part:
            total += _cost(_target(part["$ref"], root, above), root, above=(*above, part["$ref"]))
        if total > COST_LIMIT:
            raise _refused("this schema takes too long to evaluate")
    return total


def _target(reference: Any, root: Mapping[str, Any], above: tuple[str, ...]) -> Any:
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if match is None or reference in above:
        raise _refused("$ref refers to a part of the same schema, as in #/$defs/money, and not in a circle")
    try:
        return root[match[1]][match[2]]
    except (KeyError, TypeError):
        raise _refused(f"$ref leads nowhere: {reference}") from None


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(orjson.loads(schema), registry=Registry())


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, field="schema")
