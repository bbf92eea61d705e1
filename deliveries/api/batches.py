"""A batch whose JSON cannot be read as a whole, taken apart, so that only the event at fault is refused.

What lives here: finding the members of objects and lists by brackets, commas and texts alone, whatever stands
between them. It must not know what an event is. Only a batch that the quick reader refused comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

_SIGN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:', re.DOTALL)
_OPENING, _CLOSING, _COMMA = b"[{", b"]}", b","


def members(raw: bytes) -> list[bytes]:
    """Return the members of the JSON object or list that raw is; raises ValueError where brackets do not match."""
    raw = raw.strip()
    if raw[:1] not in (b"{", b"["):
        raise ValueError("neither an object nor a list")
    spans = list(_spans(raw))
    return [raw[start:end] for start, end in spans if raw[start:end].strip()]


def named_members(raw: bytes) -> list[tuple[str, bytes]]:
    """Return the names and values of the JSON object that raw is; raises ValueError for anything else."""
    found = []
    for member in members(raw):
        match = _NAME.match(member)
        if match is None:
            raise ValueError("a member has no name")
        found.append((orjson.loads(match[1]), member[match.end() :].strip()))
    return found


def unreadable_member(raw: bytes) -> str:
    """Return the name of the first member of an object that is not JSON by itself, or an empty text."""
    try:
        pairs = named_members(raw)
    except ValueError:
        return ""
    for name, value in pairs:
        try:
            orjson.loads(value)
        except ValueError:
            return name
    return ""


def _spans(raw: bytes) -> Iterator[tuple[int, int]]:
    depth, start = 0, 1
    for match in _SIGN.finditer(raw):
        sign = match[0][:1]
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if depth == 0 or (depth == 1 and sign == _COMMA):
            yield start, match.start()
            start = match.end()
        if depth == 0:
            break
    if depth != 0 or start != len(raw):
        raise ValueError("the brackets do not match")
