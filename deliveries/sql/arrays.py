"""Lists as PostgreSQL's binary arrays, and single values.

What lives here: the encoding of the element types that our statements use. psycopg would write most lists as text,
element by element with a search for characters to quote: a quarter of all that Python did for a delivery.
It must not know a statement. Source: PostgreSQL, array_recv and the receive functions of the element types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from struct import Struct
from struct import error as struct_error
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiIii")
_EMPTY = Struct(">iiI")
_NULL = (-1).to_bytes(4, "big", signed=True)
_LENGTH = Struct(">i").pack
_WORTH_A_LOOK = 4
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Encode = Callable[[Any], bytes]

UNFIT = (struct_error, UnicodeEncodeError, OverflowError)


class BinaryArray:
    """An encoded list; the server takes its type from the cast in the statement."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class BinaryArrayDumper(Dumper):
    """Hands the bytes over as they are."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: BinaryArray) -> bytes:
        """Return what was encoded."""
        return obj.data


def encode_array(element_type: str, values: Any) -> BinaryArray:
    """Return a list of one dimension, None for null; raises psycopg.DataError for what the type cannot hold."""
    oid, encode = _TYPES[element_type]
    if not values:
        return BinaryArray(_EMPTY.pack(0, 0, oid))
    # A UUID compares itself in Python, and is always true.
    has_null = not all(values) if element_type == "uuid" else None in values
    header = _HEADER.pack(1, has_null, oid, len(values), 1)
    try:
        return BinaryArray(b"".join((header, *_encoded(values, encode, has_null=has_null))))
    except (*UNFIT, KeyError) as error:
        raise psycopg.DataError(f"cannot be stored as {element_type}: {error}") from error


def _encoded(values: Sequence[object], encode: Encode, *, has_null: bool) -> Iterable[bytes]:
    """Return each value's bytes. Most columns of a batch hold the same few values again and again."""
    if len(values) < _WORTH_A_LOOK or isinstance(values[0], UUID):  # which hashes itself in Python
        return [_NULL if v is None else encode(v) for v in values] if has_null else map(encode, values)
    known = {v: _NULL if v is None else encode(v) for v in set(values)}
    return map(known.__getitem__, values)


def encoder_of(kind: str | None, *, element_type: str | None = None) -> Encode:
    """Return what encodes a value of a type, or a list of such elements; it raises UNFIT for what a type cannot hold.

    Without a type nothing can be encoded: a parameter without a cast is never bound in binary.
    """
    if element_type is not None:
        return lambda values: encode_array(element_type, values).data
    return _VALUES[kind or ""]


def _without_type(value: object) -> bytes:
    raise TypeError("a parameter without a cast has no type to be written as")


def oid_of(kind: str) -> int:
    """Return the number of a type."""
    return _TYPES[kind][0]


def _fixed(code: str) -> Encode:
    size = Struct(f">{code}").size
    pack = Struct(f">i{code}").pack
    return lambda value: pack(size, value)


def _uuid(value: UUID) -> bytes:
    return b"\0\0\0\x10" + value.int.to_bytes(16, "big")


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH(len(data)) + data


def _bytea(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


_timestamp = Struct(">iq").pack
_bigint = Struct(">q").pack


def _timestamptz(value: datetime) -> bytes:
    return _timestamp(8, _microseconds(value))


def _microseconds(value: datetime) -> int:
    since = value - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


# The oids are those of pg_type, the same in every version.
_TYPES: Mapping[str, tuple[int, Encode]] = {
    "bool": (16, {False: b"\0\0\0\1\0", True: b"\0\0\0\1\1"}.__getitem__),
    "bytea": (17, _bytea),
    "bigint": (20, _fixed("q")),
    "smallint": (21, _fixed("h")),
    "int": (23, _fixed("i")),
    "text": (25, _text),
    "float8": (701, _fixed("d")),
    "timestamptz": (1184, _timestamptz),
    "uuid": (2950, _uuid),
}

# Single values, which have no length before them. Those of C are no step of the interpreter.
_VALUES: Mapping[str, Encode] = {
    "": _without_type,
    "bool": Struct(">?").pack,
    "bytea": b"".__add__,
    "bigint": _bigint,
    "smallint": Struct(">h").pack,
    "int": Struct(">i").pack,
    "text": str.encode,
    "float8": Struct(">d").pack,
    "timestamptz": lambda value: _bigint(_microseconds(value)),
    "uuid": lambda value: value.int.to_bytes(16, "big"),
}
