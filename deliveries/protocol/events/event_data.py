"""What an event may hold, whichever way it comes in: by REST or from inside.

What lives here: what its data and its Idempotency-Key have to be. It must not know requests or rows.
"""

from __future__ import annotations

import codecs
import json
import re

import orjson

from deliveries.errors import InvalidInput
from deliveries.protocol.writing.json_members import check_members
from deliveries.protocol.writing.sentences import say

KEY_LIMIT = 255
# What stands in the place of a body whose content was erased: readable as an event, and nobody can emit one like it.
ERASED = b'{"type":"hookpost.erased","timestamp":"1970-01-01T00:00:00.000Z","data":{}}'
QUOTED_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')  # what may stand in a String of Structured Fields

_ESCAPED_NUL = b"\\u0000"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # not after an escaped backslash; backslashes stand in texts only


def check_data(raw: bytes, *, pointing: bool = True) -> bytes:
    """Return the bytes of an event's data; raises InvalidInput for what no receiver could read.

    Where in it a member is named twice is looked for only with `pointing`.
    """
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        raise InvalidInput(
            say("data is not JSON: {partition}", partition=str(error).partition(":")[0]), field="data"
        ) from error
    if not isinstance(value, dict):
        raise InvalidInput(say("data must be an object"), field="data")
    if _ESCAPED_NUL in raw and _NUL.search(raw):
        raise InvalidInput(say("data holds \\u0000, which cannot be stored by most receivers"), field="data")
    check_members(raw, value, at="/data", pointing=pointing)
    return raw


def wrong_encoding(raw: bytes) -> str:
    """Return what to say of a JSON text that is not plain UTF-8, or an empty text. Source: RFC 8259, section 8.1."""
    if raw.startswith(codecs.BOM_UTF8):
        return "it begins with a byte order mark"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:4]:
        return "it is not UTF-8"
    return ""


def write_data(data: object) -> bytes:
    """Return an object as the bytes of an event's data; raises InvalidInput for all that could not be posted.

    Moments and UUIDs are written as texts.
    """
    try:
        raw = orjson.dumps(data, option=orjson.OPT_PASSTHROUGH_DATACLASS)
        json.dumps(data, allow_nan=False, default=str)  # what is no number orjson would write as null
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(say("data is not JSON: {error}", error=error), field="data") from error
    return check_data(raw)


def key_of_header(value: str) -> str:
    """Return the key that an Idempotency-Key header names: what stands in quotes, or the value as it is.

    Source: draft-ietf-httpapi-idempotency-key-header, 2.1: a String of Structured Fields (RFC 9651, 3.3.3). Most of
    the field sends keys bare, and means the same.
    """
    quoted = QUOTED_KEY.fullmatch(value)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value


def check_idempotency_key(key: str, *, field: str) -> str:
    """Return an Idempotency-Key, or raise InvalidInput."""
    if not (isinstance(key, str) and 0 < len(key) <= KEY_LIMIT and key.isprintable()):
        raise InvalidInput(
            say("Idempotency-Key has 1 to {key_limit} printable characters", key_limit=KEY_LIMIT), field=field
        )
    return key
