"""Every answer that a test of the API gets, held against the description: statuses, headers, and no member beyond it.

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
Described: TypeAlias = dict[str, Any]
TOLD = frozenset({"etag", "location", "retry-after", "www-authenticate", "accept-encoding"})


def refuse_undescribed(method: str, path: str, status: int, headers: Mapping[str, str], raw: bytes) -> None:
    """Fail on an answer that the description does not have."""
    operation = _operation(method, path.partition("?")[0].removeprefix(BASE))
    if operation is None or status in ELSEWHERE:
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


@cache
def _patterns() -> list[tuple[re.Pattern[str], Described]]:
    paths = sorted(description()["paths"].items(), key=lambda each: each[0].count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path.removeprefix(BASE))), item) for path, item in paths]


@cache
def _operation(method: str, path: str) -> Described | None:
    found: Described = next((item for pattern, item in _patterns() if pattern.fullmatch(path)), {})
    return found.get(method.lower())


@cache
def _validator(name: str, status: str, kind: str) -> jsonschema_rs.Draft202012Validator:
    operations = (each for item in description()["paths"].values() for each in item.values())
    operation = next(each for each in operations if each["operationId"] == name)
    schema = operation["responses"][status]["content"][kind]["schema"]
    return jsonschema_rs.Draft202012Validator({**_closed(schema), "components": _components()})


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
