"""JSON Schemas of event types: which are accepted, and what data violates them.

What lives here: the checks. It must not know rows or requests. Nothing is ever fetched: a schema may
only refer to its own parts. Somebody waits for an evaluation, so what it may cost is bounded when a schema
is registered: patterns belong to a linear engine, and one value of the data is checked against few parts.
Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson
from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.json_members import escaped

SIZE_LIMIT_BYTES = 65_536
DEPTH_LIMIT = 32
VIOLATION_LIMIT = 20
COST_LIMIT = 5000
# Each part takes some 7 ns for each byte of the data: with 256 KB and this, a third of a second at worst.
WIDTH_LIMIT = 200
# The library tells all violations or the first: all are asked for only where they cannot be many.
TOLD_ALL_LIMIT = 5_000
PATTERN_LIMIT_BYTES = 1 << 20  # of a compiled pattern
PATTERN_LEAST_BYTES = 1 << 12
# Of all patterns of a schema, compiled: `.{900}` takes most of a megabyte, and compiling one takes ten milliseconds.
PATTERNS_LIMIT_BYTES = 8 << 20
LIGHT_BYTES = 1 << 16

_SCHEMA_2020 = "https://json-schema.org/draft/2020-12/schema"
_REFUSED = ("$id", "$anchor", "$dynamicAnchor", "$dynamicRef")
_REFERENCE = re.compile(r"#/(\$defs|definitions)/([^/#]+)")
Named = tuple[str, str] | None
_NAMES = ("properties", "$defs", "definitions", "dependentSchemas", "patternProperties")
_DATA = ("const", "enum", "examples", "default")
_IN_PLACE = ("allOf", "anyOf", "oneOf", "if", "then", "else", "not", "dependentSchemas")
_BELOW = (
    *("items", "prefixItems", "contains", "unevaluatedItems"),
    *("additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties"),
)


def check_schema(schema: object) -> object:
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
    root = schema if isinstance(schema, dict) else {}
    _cost(schema, root)
    _compile(schema)
    if _width([schema], root) > WIDTH_LIMIT:
        raise _refused(f"this schema holds one value against more than {WIDTH_LIMIT} of its parts")
    return schema


def _compile(schema: object) -> None:
    if patterns_size(schema) > PATTERNS_LIMIT_BYTES:
        raise _refused("the patterns of this schema are too large together: .{900} takes most of a megabyte")
    try:
        _validator(schema)
    except ValueError as error:  # the library's errors are of this kind
        raise _refused(f"not a JSON Schema: {_shortened(_message(error))}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Where data breaks its schema: a JSON pointer into the data (RFC 6901), and a sentence."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema as `violations` takes it; `parts` is how many its references make of it."""

    validator: Draft202012Validator
    parts: int
    width: int


def compiled(schema: object) -> CompiledSchema:
    """Return a schema that check_schema returned in the form that `violations` takes."""
    root = schema if isinstance(schema, dict) else {}
    if patterns_size(schema) > PATTERNS_LIMIT_BYTES:  # registered before there was this limit
        return CompiledSchema(_validator(True), 1, WIDTH_LIMIT + 1)
    return CompiledSchema(_validator(schema), _cost(schema, root), _width([schema], root))


def patterns_size(schema: object) -> int:
    """Return how many bytes the patterns of a schema take at most when compiled; counting ends at the limit."""
    size = 0
    for pattern in {each for part in _parts(schema, depth=0) for each in _patterns_of(part)}:
        size += _pattern_size(pattern)
        if size > PATTERNS_LIMIT_BYTES:
            break
    return size


def _patterns_of(part: Mapping[str, object]) -> Iterator[str]:
    if isinstance(pattern := part.get("pattern"), str):
        yield pattern
    if isinstance(named := part.get("patternProperties"), dict):
        yield from named


@lru_cache(maxsize=4096)
def _pattern_size(pattern: str) -> int:
    """Return the size with which a pattern compiles, a power of two; the largest for one that cannot be read."""
    size = PATTERN_LEAST_BYTES
    while size < PATTERN_LIMIT_BYTES:
        with suppress(ValueError):
            _validator({"pattern": pattern}, pattern_bytes=size)
            break
        size *= 2
    return size


def violations(schema: CompiledSchema, data: object) -> list[Violation]:
    """Return where data (parsed JSON) breaks a compiled schema: all places up to a limit; of large data the first."""
    if schema.width > WIDTH_LIMIT:  # registered before there was this limit
        return [Violation(pointer="", detail="this is too much to be checked against the schema")]
    try:
        if schema.validator.is_valid(data):
            return []
        return sorted(_told(schema, data), key=lambda each: each.pointer)
    except ValueError as error:  # data that nests deeper than the library goes
        return [Violation(pointer="", detail=_shortened(_message(error)))]


def _told(schema: CompiledSchema, data: object) -> list[Violation]:
    if schema.parts * _values(data, limit=TOLD_ALL_LIMIT) <= TOLD_ALL_LIMIT:
        return [_violation(error) for error in list(schema.validator.iter_errors(data))[:VIOLATION_LIMIT]]
    try:
        schema.validator.validate(data)
    except ValidationError as error:
        return [_violation(error)]
    return []


def _violation(error: ValidationError) -> Violation:
    return Violation(pointer=_pointer(error.instance_path), detail=_shortened(_message(error)))


def _values(data: object, *, limit: int) -> int:
    """Return how many values data holds, itself included, a long text for many; counting ends beyond the limit."""
    waiting, count = [data], 0
    while waiting and count <= limit:
        value = waiting.pop()
        count += 1 + (len(value) // 100 if isinstance(value, str) else 0)
        if isinstance(value, dict | list):
            waiting.extend(value.values() if isinstance(value, dict) else value)
    return count


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


def _check_part(part: Mapping[str, object]) -> None:
    refused = [name for name in _REFUSED if name in part]
    if refused:
        raise _refused(f"{refused[0]} is not available in schemas of event types")
    if part.get("$schema", _SCHEMA_2020) != _SCHEMA_2020:
        raise _refused("the schemas understood here are those of JSON Schema 2020-12")


def _validator(schema: Any, *, pattern_bytes: int = PATTERN_LIMIT_BYTES) -> Draft202012Validator:
    """Compile a schema: nothing is fetched, `format` is an annotation, patterns take linear time."""
    bounds = RegexOptions(size_limit=pattern_bytes, dfa_size_limit=PATTERN_LIMIT_BYTES)
    return Draft202012Validator(schema, offline=True, validate_formats=False, pattern_options=bounds)


def _cost(schema: object, root: Mapping[str, object], *, above: tuple[Named, ...] = ()) -> int:
    """Return how many parts one value may be checked against, references followed."""
    total = 0
    for part in _parts(schema, depth=0):
        total += 1
        if "$ref" in part:
            total += _cost(_referred(part["$ref"], root, above), root, above=(*above, part_named(part["$ref"])))
        if total > COST_LIMIT:
            raise _refused("this schema takes too long to evaluate")
    return total


def part_named(reference: object) -> Named:
    """Return the keyword and the name that a reference leads to, without their escapes (RFC 6901, 6); None for others.

    Programs that write schemas from types have names such as `Page<Item>`, and refer to `#/$defs/Page%3CItem%3E`.
    """
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return None if match is None else (match[1], unquote(match[2]).replace("~1", "/").replace("~0", "~"))


def _referred(reference: Any, root: Mapping[str, Any], above: tuple[Named, ...]) -> Any:
    named = part_named(reference)
    if named is None or named in above:
        raise _refused("$ref refers to a part of the same schema, as in #/$defs/money, and not in a circle")
    try:
        return root[named[0]][named[1]]
    except (KeyError, TypeError):
        raise _refused(f"$ref leads nowhere: {reference}") from None


def _width(schemas: list[object], root: Mapping[str, object]) -> int:
    """Return how many parts of these schemas, to which one value is put, it or a value in it may meet at most."""
    here = [part for schema in schemas for part in _in_place(schema, root)]
    weight = sum(map(_weight, here))
    named: dict[str, list[object]] = {}
    for part in here:
        for name, schema in part.get("properties", {}).items():
            named.setdefault(name, []).append(schema)
    below = [each for part in here for keyword in _BELOW for each in _schemas_of(part, keyword)]
    deepest = max((_width(group, root) for group in named.values()), default=0)
    return max(weight, deepest + (_width(below, root) if below else 0))


def _weight(part: Mapping[str, Any]) -> int:
    """Return for how many parts this one counts: comparing with lists and objects takes longest, by measurement."""
    known = [*part.get("enum", ()), part.get("const")]
    dear = sum(1 for each in known if isinstance(each, dict | list))
    return 1 + dear * 20 + len(known) // 8 + len(part.get("required", ())) // 8 + 4 * bool(part.get("uniqueItems"))


def _in_place(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and the parts of it that judge the same value."""
    if isinstance(schema, dict):
        yield schema
        for keyword in _IN_PLACE:
            for each in _schemas_of(schema, keyword):
                yield from _in_place(each, root)
        if "$ref" in schema:
            yield from _in_place(_referred(schema["$ref"], root, ()), root)


def _schemas_of(part: Mapping[str, object], keyword: str) -> list[object]:
    """Return the schemas that a keyword of a part holds: one, a list, or one for each name."""
    value = part.get(keyword)
    if isinstance(value, list):
        return value
    return list(value.values()) if keyword in _NAMES and isinstance(value, dict) else [value]


def _message(error: Exception) -> str:
    return str(getattr(error, "message", error))


def _shortened(message: str) -> str:
    """Return a sentence of the library, which begins with the value, without most of a long value."""
    return message if len(message) <= 200 else f"{message[:80]} … {message[-110:]}"


def _pointer(steps: Iterable[str | int]) -> str:
    return "".join("/" + escaped(str(step)) for step in steps)


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, field="schema")
