"""JSON objects that name a member twice. Source: RFC 8259, section 4; RFC 7493, section 2.3.

Which of the two a reader takes is its own affair: a filter, a schema and the receivers could each see another event.
What lives here: finding that out, quickly where there is nothing to find. It must not know what an object means.
"""

from __future__ import annotations

import json
import re

import orjson

from deliveries.errors import InvalidMember

WHOLE_NUMBERS = range(-(2**63), 2**63)  # what every reader keeps as it is

_QUOTE = b'"'
_ESCAPED_QUOTE = b"\\u0022"
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u0022")  # not after an escaped backslash; backslashes stand in texts only
_BEGINNING = 64
_SIGN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)


def check_members(raw: bytes, value: object, *, at: str = "", pointing: bool = True) -> None:
    """Raise InvalidMember if an object in a JSON text names a member twice; `value` is what the text was read as.

    What was read is written again: a member that got lost took its quotation marks along, and nothing else changes
    their number. Saying where it is takes far longer than that; without `pointing` nobody looks for it.
    """
    written = _written(value)
    if raw == written or (written and quotes(raw) == written.count(_QUOTE)):
        return
    if not pointing:
        said = "an object names a member twice" if written else "it nests too deep to be looked at among so much else"
        raise InvalidMember(said, pointer=at)
    found = repeated_member(raw)
    if found is not None:
        raise InvalidMember(f"an object names {at + found} twice", pointer=at + found)


def quotes(raw: bytes) -> int:
    """Return how many quotation marks a JSON text has around its texts and in them, in either spelling."""
    return raw.count(_QUOTE) + (len(_ESCAPED.findall(raw)) if _ESCAPED_QUOTE in raw else 0)


def quotes_around(raw: bytes, inner: bytes) -> int:
    """Return how many quotation marks a JSON text has outside of a part of it."""
    start = raw.find(inner[:_BEGINNING])
    if raw.startswith(inner, start):
        return quotes(raw[:start]) + quotes(raw[start + len(inner) :])
    return quotes(raw) - quotes(inner)


def _written(value: object) -> bytes:
    """Return a value as JSON; nothing where it is nested deeper than can be written."""
    try:
        return orjson.dumps(value)
    except TypeError:
        pass
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except (RecursionError, ValueError):
        return b""


def repeated_member(raw: bytes) -> str | None:
    """Return the JSON pointer (RFC 6901) of the first member that its object has already; raw is a JSON text."""
    path: list[_Opened] = []
    for match in _SIGN.finditer(raw):
        sign = match[0]
        if sign in (b"{", b"["):
            path.append(_Opened(is_object=sign == b"{"))
        elif sign in (b"}", b"]"):
            path.pop()
        elif path and sign == b",":
            path[-1].go_on()
        elif path and path[-1].is_known(sign):
            return "".join(each.pointer() for each in path)
    return None


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


class _Opened:
    """An object or a list that is being read: at which member it is, and which names came already."""

    __slots__ = ("_at", "_is_object", "_names", "_wants_name")

    def __init__(self, *, is_object: bool) -> None:
        self._at: str | int = "" if is_object else 0
        self._names: set[str] = set()
        self._is_object = self._wants_name = is_object

    def go_on(self) -> None:
        """Come to the next member."""
        if isinstance(self._at, int):
            self._at += 1
        self._wants_name = self._is_object

    def is_known(self, text: bytes) -> bool:
        """Say whether a text is a name that came already."""
        if not self._wants_name:
            return False
        self._at, self._wants_name = str(orjson.loads(text)), False
        known = self._at in self._names
        self._names.add(self._at)
        return known

    def pointer(self) -> str:
        """Return this step of a JSON pointer."""
        return "/" + escaped(str(self._at))
