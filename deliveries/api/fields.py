"""Fields of requests and answers: strict about types, because a guess about a caller's mistake is a second mistake.

What lives here: the field types that all nouns share, and the base of their shapes. It must not know
any noun, nor the rules that services check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deliveries.errors import InvalidId, InvalidInput
from deliveries.protocol.writing import timestamps
from deliveries.protocol.writing.ids import decode_id, encode_id

JSON_LIMIT_BYTES = 65_536
_LOST_PLUS = re.compile(r" (\d\d:\d\d)$")


class Shape(serializers.Serializer[Any]):
    """The members of an object; one that is not known is refused, so that no typo passes silently.

    In answers all members are present, but those that `may_be_absent` names. What services refuse beyond what the
    fields do, the description of a request says in the words of JSON Schema, by member: `described`.
    """

    may_be_absent: ClassVar[frozenset[str]] = frozenset()
    described: ClassVar[Mapping[str, Mapping[str, object]]] = {}

    def to_internal_value(self, data: object) -> Any:
        """Return the checked members that were given, and no others."""
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [str(name) for name in data if name not in writable]
            if unknown:
                raise serializers.ValidationError({name: ["there is no such field"] for name in unknown})
        return super().to_internal_value(data)

    @classmethod
    def shown(cls, row: object) -> dict[str, object]:
        """Return an object as answers show it."""
        return dict(_writer(cls).to_representation(row))


@cache
def _writer(shape: type[Shape]) -> Shape:
    """Return the one of a kind that writes all answers: making one copies its fields, which costs more than writing."""
    return shape()


class Text(serializers.CharField):
    """A string; numbers and booleans are none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def to_internal_value(self, data: object) -> str:
        """Return the string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """true or false."""

    def to_internal_value(self, data: object) -> bool:
        """Return the boolean."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Number(serializers.IntegerField):
    """A whole number, written as one."""

    def to_internal_value(self, data: object) -> int:
        """Return the number."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of a few words; what is none of them is told which there are."""

    def to_internal_value(self, data: object) -> str:
        """Return the word."""
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError("one of " + ", ".join(map(str, self.choices)))
        word: str = super().to_internal_value(data)
        return word


class Moment(serializers.DateTimeField):
    """A time, RFC 3339 with its offset; shown in UTC with milliseconds."""

    def to_internal_value(self, value: object) -> datetime:
        """Return the time in UTC; a plus sign that a query string turned into a space is understood."""
        text = _LOST_PLUS.sub(r"+\1", value) if isinstance(value, str) else value
        try:
            return timestamps.read(text)
        except InvalidInput as error:
            raise serializers.ValidationError(error.detail) from error

    def to_representation(self, value: datetime) -> str:
        """Return the time as answers show it."""
        return timestamps.write(value)


@extend_schema_field({"type": "string"})
class TypeId(serializers.Field[UUID, str, str, Any]):
    """An id of ours with its prefix."""

    def __init__(self, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        super().__init__(**options)

    def to_internal_value(self, data: object) -> UUID:
        """Return the UUID of a TypeID."""
        try:
            return decode_id(self.prefix, data if isinstance(data, str) else "")
        except InvalidId as error:
            raise serializers.ValidationError(error.detail) from error

    def to_representation(self, value: UUID) -> str:
        """Return the TypeID of a UUID."""
        return encode_id(self.prefix, value)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JsonObject(serializers.JSONField):
    """Any JSON object of a bounded size."""

    def to_internal_value(self, data: object) -> dict[str, object]:
        """Return the object."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("this must be a JSON object")
        check_size(data)
        return data


@extend_schema_field({"type": "object", "x-any-json": True})  # a schema without a type is refused by the generator
class JsonValue(serializers.JSONField):
    """Any JSON value of a bounded size."""

    limit_bytes = JSON_LIMIT_BYTES

    def to_internal_value(self, data: object) -> Any:
        """Return the value."""
        check_size(data, limit_bytes=self.limit_bytes)
        return data


def shown_moment(value: datetime | None) -> str | None:
    """Return a time as answers show it."""
    return None if value is None else timestamps.write(value)


def check_size(value: object, *, limit_bytes: int = JSON_LIMIT_BYTES) -> None:
    """Refuse a JSON value that is too large to be kept beside a row."""
    if len(orjson.dumps(value)) > limit_bytes:
        raise serializers.ValidationError(f"at most {limit_bytes} bytes of JSON")
