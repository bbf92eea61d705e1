"""Bodies of requests: JSON as RFC 8259 means it, and nothing that could not be stored and given back.

What lives here: the strict reader and its limits. It must not know what a body means. Refused: other
encodings than UTF-8, a byte order mark, NaN, numbers out of range, halves of surrogate pairs, NUL,
duplicate keys, deep nesting, more bytes than the limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from deliveries.api.problems import TooLargeError
from deliveries.protocol.json_members import check_members

BODY_LIMIT_BYTES = 262_144
DEPTH_LIMIT = 32
LARGEST_INTEGER = 2**63


class StrictJsonParser(BaseParser):
    """Reads `application/json` for the REST framework."""

    media_type = "application/json"
    limit_bytes = BODY_LIMIT_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value of the body; raises ParseError or TooLargeError."""
        body = stream.read(self.limit_bytes + 1)
        return read_json(body, limit_bytes=self.limit_bytes) if body else {}  # one in chunks may turn out to be empty


def read_json(body: bytes, *, limit_bytes: int = BODY_LIMIT_BYTES) -> Any:
    """Return the value of a JSON text; raises ParseError, RepeatedMember or TooLargeError."""
    if len(body) > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    try:
        check_members(body, orjson.loads(body))
        value = json.loads(body.decode())  # the stricter reader judges, the one that keeps long numbers reads
    except RecursionError as error:
        raise ParseError(f"JSON nests at most {DEPTH_LIMIT} deep") from error
    except ValueError as error:
        raise ParseError(f"the body is not JSON: {_first_line(error)}") from error
    _check(value, depth=0)
    return value


def _check(value: Any, *, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise ParseError(f"JSON nests at most {DEPTH_LIMIT} deep")
    if isinstance(value, str):
        if "\x00" in value:
            raise ParseError("\\u0000 cannot be stored")
    elif isinstance(value, dict):
        for key, each in value.items():
            _check(key, depth=depth)
            _check(each, depth=depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check(each, depth=depth + 1)
    else:
        _check_number(value)


def _check_number(value: float | bool | None) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ParseError("a number is out of range")
    if isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        raise ParseError("a whole number has at most 64 bits; write a longer one as a text")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]
