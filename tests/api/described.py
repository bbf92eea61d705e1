"""What the tests of the API send and get, held against its description: statuses, headers, no member beyond it.

What lives here: the comparison. It must not know what a test asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import jsonschema_rs

from deliveries.api.openapi import description

BASE = "/api/v1"
ELSEWHERE = frozenset({405, 500})  # of a method that there is not, and of a mistake of ours
JUDGED_BY_PARTS = frozenset({"emit_batch"})  # taken as a whole, while an event in it is refused
Described: TypeAlias = dict[str, Any]
TOLD = frozenset({"etag", "location", "retry-after", "www-authenticate", "accept-encoding"})


def refuse_undescribed(method: str, path: str, status: int, headers: Mapping[str, str], raw: bytes) -> None:
    """Fail on an answer that the description does not have."""
    operation = operation_of(method, path.partition("?")[0].removeprefix(BASE))
    if not operation or status in ELSEWHERE:
        return
    name = operation["operationId"]
    assert str(status) in operation["responses"], f"{name} does not say that it may answer {status}: {raw[:200]!r}"
    answer = operation["responses"][str(status)]
    named = {each.lower() for each in answer.get("headers", ())}
    assert TOLD & headers.keys() <= named, f"{name} {status} does not describe {(TOLD & headers.keys()) - named}"
    content = answer.get("content", {})
    kind = headers.get("content-type", "").partition(";")[0]
    assert kind in content or not raw, f"{name} {status} does not say that it may be {kind}"
    if kind.endswith("json"):
        for error in _validator(name, str(status), kind).iter_errors(json.loads(raw)):
            raise AssertionError(f"{name} {status} at {list(error.instance_path)}: {error.message[:300]}")


def refuse_undescribed_body(method: str, path: str, raw: bytes) -> None:
    """Fail on a body that was taken, and which the description does not allow."""
    operation = operation_of(method, path.partition("?")[0].removeprefix(BASE))
    if "requestBody" not in operation or operation["operationId"] in JUDGED_BY_PARTS:
        return
    for error in body_validator(operation["operationId"]).iter_errors(json.loads(raw)):
        place, said = list(error.instance_path), error.message[:300]
        raise AssertionError(f"{operation['operationId']} takes what it is not described to, at {place}: {said}")


@cache
def _patterns() -> list[tuple[re.Pattern[str], Described]]:
    paths = sorted(description()["paths"].items(), key=lambda each: each[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path.removeprefix(BASE))), item) for path, item in paths]


@cache
def operation_of(method: str, path: str) -> Described:
    """Return the operation of a path below the base, or nothing."""
    found: Described = next((item for pattern, item in _patterns() if pattern.fullmatch(path)), {})
    operation: Described = found.get(method.lower(), {})
    return operation


@cache
def _validator(name: str, status: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    schema = _named(name)["responses"][status]["content"][kind]["schema"]
    return jsonschema_rs.Draft202012Validator({**_closed(schema), "components": _components()})


@cache
def body_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return what the body of an operation is held against."""
    body = _named(name)["requestBody"]["content"]["application/json"]["schema"]
    components = description()["components"]
    return jsonschema_rs.Draft202012Validator({"allOf": [body], "components": components}, validate_formats=True)


def _named(name: str) -> Described:
    operations = (each for item in description()["paths"].values() for each in item.values())
    found: Described = next(each for each in operations if each["operationId"] == name)
    return found


@cache
def _components() -> object:
    return _closed(description()["components"])


def _closed(schema: Described) -> Described:
    """Return a schema of which no object has members that are not named."""
    closed = {key: _closed_part(each) for key, each in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _closed_part(part: object) -> object:
    if isinstance(part, list):
        return [_closed_part(each) for each in part]
    return _closed(part) if isinstance(part, dict) else part
