"""JSON Schemas of event types: which are accepted, what breaks old readers, and what data violates them.

What lives here: the checks. It must not know rows or requests. Nothing is ever fetched: a schema may
only refer to its own parts. What an evaluation may cost is counted, keyword by keyword, because somebody
waits for it. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend
from referencing import Registry

from deliveries.errors import InvalidInput

SIZE_LIMIT_BYTES = 65_536
DEPTH_LIMIT = 32
VIOLATION_LIMIT = 20
COST_LIMIT = 5000
WORK_LIMIT = 50_000  # a quarter of a second at worst

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
        if part is not schema and "$schema" in part:
            raise _refused("$schema stands at the top of a schema only")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _refused(f"not a JSON Schema: {error.message[:200]}") from error
    _cost(schema, schema if isinstance(schema, dict) else {})
    return schema


@dataclass(slots=True)
class Work:
    """How many comparisons are left to whoever waits for the evaluations that share this."""

    left: int = WORK_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Where data breaks its schema: a JSON pointer into the data (RFC 6901), and a sentence."""

    pointer: str
    detail: str


class _WorkUsedUpError(Exception):
    """The evaluation ends here."""


_evaluating = threading.local()


def compiled(schema: Any) -> Any:
    """Return a schema that check_schema returned in the form that `violations` takes."""
    # A part that names its dialect would be evaluated by the library's own class, which does not count.
    bare = {name: value for name, value in schema.items() if name != "$schema"} if isinstance(schema, dict) else schema
    return _Counting(bare, registry=Registry())


def violations(schema: Any, data: Any, *, work: Work | None = None) -> list[Violation]:
    """Return where data (parsed JSON) breaks a compiled schema; what would take too long to tell breaks it, too."""
    _evaluating.work = work or Work()
    found: list[Violation] = []
    ends = []
    try:
        for error in islice(schema.iter_errors(data), VIOLATION_LIMIT):
            found.append(Violation(pointer=_pointer(error.absolute_path), detail=_shortened(error.message)))
    except (_WorkUsedUpError, RecursionError):
        ends = [Violation(pointer="", detail="this is too much to be held against the schema")]
    return sorted(found, key=lambda each: each.pointer) + ends


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


def _counted(keyword: Callable[..., Any]) -> Callable[..., Any]:
    """Return a keyword of the library that takes its share of the work before it starts."""

    def evaluate(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        work = _evaluating.work
        work.left -= 1 + _size(value) + _size(instance) // 8
        if work.left < 0:
            raise _WorkUsedUpError
        return keyword(validator, value, instance, schema)

    return evaluate


def _size(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else len(value) // 8 if isinstance(value, str) else 0


_Counting: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {name: _counted(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()}
)


def _shortened(message: str) -> str:
    """Return a sentence of the library, which begins with the value, without most of a long value."""
    return message if len(message) <= 200 else f"{message[:80]} … {message[-110:]}"


def _pointer(steps: Any) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, field="schema")
