"""What a file brings, in our words: a customer, an event type or an endpoint.

What lives here: the value that all readers make, and how they look into JSON that nobody has checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Literal

import orjson

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.json_members import check_members

Given = Mapping[str, object]
Kind = Literal["customer", "event_type", "endpoint"]
ONE_PAGE = "a list ends before its end: ask for its other pages too, and write all of them as one list"
NOTHING: Given = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A signing secret, as the receiver has it; `expires_at` is a moment in text, or "" for one that does not end."""

    text: str = field(repr=False)
    expires_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """One thing to import. `place` says where the file has it, `customer` whose it is, by uid; "" is nobody's.

    `fields` are as the API takes them, secrets newest first. `refused` says why it cannot be imported at all, `note`
    what of it has no counterpart here.
    """

    place: str
    kind: Kind
    uid: str = ""
    customer: str = ""
    customer_name: str = ""
    fields: Given = field(default_factory=dict, repr=False)
    secrets: tuple[Secret, ...] = ()
    refused: str = ""
    note: str = ""

    def to_json(self) -> bytes:
        """Return it as bytes that from_json reads."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, raw: bytes) -> ImportItem:
        """Return what to_json wrote."""
        members = orjson.loads(raw)
        secrets = tuple(Secret(**each) for each in members.pop("secrets"))
        return cls(**members, secrets=secrets)


def in_json(text: str) -> object:
    """Return what a text within a file holds; None for what is no JSON, or could be read in two ways."""
    raw = text.encode()
    try:
        value: object = orjson.loads(raw)
        check_members(raw, value)
    except (ValueError, InvalidInput):
        return None
    return value


def an_object(value: object) -> Given:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else NOTHING


def a_text(value: object) -> str:
    """Return a text, or an empty one for anything else; a number is written out, as ids may be numbers."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""


def objects(value: object) -> list[Given]:
    """Return the objects of a list, or of the answer of an API that holds one under `data` or `content`.

    Raises InvalidInput for an answer that is one page of several: the others would be passed over.
    """
    if isinstance(value, Mapping):
        if value.get("done") is False or an_object(value.get("pagination")).get("has_next_page") is True:
            raise InvalidInput(ONE_PAGE, field="data")
        return objects(next((value[name] for name in ("data", "content") if name in value), None))
    return [an_object(each) for each in value] if isinstance(value, list | tuple) else []


def are_objects(value: object) -> bool:
    """Say whether objects() passes nothing over: nothing is given, or a list of objects, or an answer with one."""
    if isinstance(value, Mapping):
        listed = next((value[name] for name in ("data", "content") if name in value), None)
        return isinstance(listed, list | tuple) and are_objects(listed)
    return value is None or (isinstance(value, list | tuple) and all(isinstance(each, Mapping) for each in value))
