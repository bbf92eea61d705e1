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

from deliveries.api.problems import CodedError, TooLargeError
from deliveries.database.failures import first_line
from deliveries.errors import InvalidMember
from deliveries.protocol.events.event_data import wrong_encoding
from deliveries.protocol.writing.json_members import WHOLE_NUMBERS, check_members, escaped

BODY_LIMIT_BYTES = 262_144
DEPTH_LIMIT = 32


class StrictJsonParser(BaseParser):
    """Reads `application/json` for the REST framework."""

    media_type = "application/json"
    limit_bytes = BODY_LIMIT_BYTES

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> Any:
        """Return the value of the body; raises ParseError or TooLargeError."""
        body = stream.read(self.limit_bytes + 1)
        return read_json(body, limit_bytes=self.limit_bytes) if body else {}  # one in chunks may turn out to be empty


def refuse_coding(environ: Mapping[str, object]) -> None:
    """Raise CodedError for a body that is compressed: what it was is not to be told from what it is."""
    coding = str(environ.get("HTTP_CONTENT_ENCODING", "")).strip().lower()
    if coding not in ("", "identity"):
        raise CodedError(f"a body is sent as it is, without Content-Encoding: {coding[:50]}")


def read_json(body: bytes, *, limit_bytes: int = BODY_LIMIT_BYTES) -> object:
    """Return the value of a JSON text; raises ParseError, InvalidMember or TooLargeError."""
    if len(body) > limit_bytes:
        raise TooLargeError(f"a body has at most {limit_bytes} bytes")
    try:
        check_members(body, orjson.loads(body))
        value = json.loads(body.decode())  # the stricter reader judges, the one that keeps long numbers reads
    except RecursionError as error:
        raise ParseError(f"JSON nests at most {DEPTH_LIMIT} deep") from error
    except ValueError as error:
        raise ParseError(f"the body is not JSON: {wrong_encoding(body) or first_line(error)[:200]}") from error
    _check(value, pointer="", depth=0)
    return value


def _check(value: object, *, pointer: str, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise ParseError(f"JSON nests at most {DEPTH_LIMIT} deep")
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_text(key, pointer)
            _check(each, pointer=f"{pointer}/{escaped(key)}", depth=depth + 1)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            _check(each, pointer=f"{pointer}/{place}", depth=depth + 1)
    else:
        _check_number(value, pointer)


def _check_text(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise InvalidMember("\\u0000 cannot be stored", pointer=pointer)


def _check_number(value: object, pointer: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidMember("a number is out of range", pointer=pointer)
    if isinstance(value, int) and value not in WHOLE_NUMBERS:
        raise InvalidMember("a whole number has at most 64 bits; write a longer one as a text", pointer=pointer)
