"""A batch whose JSON cannot be read as a whole, taken apart, so that only the event at fault is refused.

What lives here: finding the members of objects and lists by brackets, commas and texts alone, whatever stands
between them. It must not know what an event is. Only a batch that the quick reader refused comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

# A text that does not end is one sign: looked for again behind each quotation mark, it would take hours.
_SIGN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:', re.DOTALL)
_OPENING, _CLOSING, _COMMA = b"[{", b"]}", b","
_ENDING = _CLOSING + _COMMA


def members(raw: bytes) -> list[bytes]:
    """Return the members of the JSON object or list that raw is.

    Raises ValueError where its own brackets and commas do not say which they are.
    """
    raw = raw.strip()
    if (raw[:1], raw[-1:]) not in ((b"{", b"}"), (b"[", b"]")):
        raise ValueError("neither an object nor a list")
    found = [raw[start:end] for start, end in _spans(raw)]
    if len(found) == 1 and not found[0].strip():
        return []
    if not all(each.strip() for each in found):
        raise ValueError("a comma has no member beside it")
    return found


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
    depth, start, closed = 0, 1, None
    for match in _SIGN.finditer(raw):
        sign = match[0][:1]
        if depth == 1 and closed is not None and (sign not in _ENDING or raw[closed : match.start()].strip()):
            raise ValueError("something stands between a member and the next comma")
        depth += (sign in _OPENING) - (sign in _CLOSING)
        if depth == 0 or (depth == 1 and sign == _COMMA):
            yield start, match.start()
            start, closed = match.end(), None
        elif depth == 1 and sign in _CLOSING:
            closed = match.end()
        if depth == 0:
            break
    if depth != 0 or start != len(raw):
        raise ValueError("the brackets do not match")
