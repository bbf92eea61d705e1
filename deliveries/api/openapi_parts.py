"""What is put right in the description of the API after it was generated.

What lives here: documents in, documents out. It must not know views or nouns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "#/components/schemas/"
ANY_JSON = "x-any-json"


def with_any_json(part: Any) -> Any:
    """Return a document in which what takes any JSON value has no type, which every generator understands."""
    if isinstance(part, list):
        return [with_any_json(each) for each in part]
    if not isinstance(part, dict):
        return part
    is_any = part.get(ANY_JSON) is True
    return {key: with_any_json(value) for key, value in part.items() if not (is_any and key in ("type", ANY_JSON))}


def only_used(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the component schemas that something leads to."""
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    waiting = list(references_of(document["paths"]))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references_of(schemas[name])
    return {name: schema for name, schema in schemas.items() if name in found}


def references_of(part: object) -> Iterator[str]:
    """Return the names of the components that a part of a document refers to."""
    if isinstance(part, list):
        for each in part:
            yield from references_of(each)
    elif isinstance(part, dict):
        if isinstance(reference := part.get("$ref"), str):
            yield reference.removeprefix(PREFIX)
        for each in part.values():
            yield from references_of(each)
