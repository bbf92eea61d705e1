"""Bodies as programs print them: what a developer copies out of a log is seldom the bytes themselves.

What lives here: from a printout back to the bytes. It must not know what was sent.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping

from deliveries.protocol.signing.secrets import from_any_base64

PRINTOUT_LIMIT_BYTES = 512 * 1024
_BYTES = re.compile(rb"""b(?:'(.*)'|"(.*)")""", re.DOTALL)
_DICT = re.compile(rb"\s*\{'[^']*': ")
_HEX = re.compile(rb"(?:\\x|0x)?((?:[0-9a-fA-F]{2}\s*)+)")
_CUT_BUFFER = re.compile(rb"<Buffer (?:[0-9a-f]{2} ?)+\.\.\. \d+ more bytes>")


def printed_bodies(got: bytes) -> Iterator[bytes]:
    """Yield the bodies that a printout stands for: Python's bytes, a text or a buffer in JSON, a Lambda's event."""
    text = got.strip()
    if len(text) > PRINTOUT_LIMIT_BYTES:
        return
    if (match := _BYTES.fullmatch(text)) is not None and (raw := _unescaped(match[1] or match[2] or b"")) is not None:
        yield raw
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(given, str):
        yield given.encode("utf-8", "replace")
    if isinstance(given, Mapping):
        yield from _in_mapping(given)


def encoded_bodies(got: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a text holds that was encoded once more, with the name of the encoding."""
    text = got.strip()
    if len(text) > PRINTOUT_LIMIT_BYTES:
        return
    if (raw := _from_base64(text)) is not None:
        yield "base64", raw
    if (match := _HEX.fullmatch(text)) is not None:
        yield "hex", bytes.fromhex(match[1].decode())
    if b"&" in text:
        yield "HTML", html.unescape(text.decode("utf-8", "replace")).encode("utf-8", "replace")


def is_cut_buffer(got: bytes) -> bool:
    """Say whether this is what Node prints of a longer Buffer: its first bytes alone."""
    return _CUT_BUFFER.fullmatch(got.strip()) is not None


def is_python_dict(got: bytes) -> bool:
    """Say whether this begins as what Python prints of parsed JSON."""
    return _DICT.match(got) is not None


def _unescaped(literal: bytes) -> bytes | None:
    try:
        return literal.decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return None


def _in_mapping(given: Mapping[str, object]) -> Iterator[bytes]:
    data, body = given.get("data"), given.get("body")
    if given.get("type") == "Buffer" and isinstance(data, list) and all(_is_byte(each) for each in data):
        yield bytes(data)
    if isinstance(body, str):
        raw = _from_base64(body.encode("utf-8", "replace")) if given.get("isBase64Encoded") is True else None
        yield body.encode("utf-8", "replace") if raw is None else raw


def _is_byte(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 256


def _from_base64(text: bytes) -> bytes | None:
    try:
        return from_any_base64(b"".join(text.split()))
    except ValueError:
        return None
