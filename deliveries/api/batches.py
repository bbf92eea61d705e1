"""A batch whose JSON cannot be read as a whole, taken apart, so that only the event at fault is refused.

What lives here: finding the members of objects and lists one by one, whatever they hold. It must not know what an event
is. A quick reader finds where a member ends; one that it cannot read is gone through by brackets, commas and texts
alone, which is dear: only so much of a body is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec
import orjson

from deliveries.errors import InvalidMember

Found = TypeVar("Found")

SIGNS_LIMIT = 500_000  # that are gone through in one body: some tenths of a second
PIECE_BYTES = 524_288  # of a member that the quick reader is shown, so that it never builds a huge value

# A text that does not end is one sign: looked for again behind each quotation mark, it would take hours.
_SIGN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
_NAME = re.compile(rb'("(?:[^"\\]++|\\.)*+")\s*:\s*', re.DOTALL)
_SPACE = re.compile(rb"\s*")
_OPENING, _CLOSING, _COMMA = b"[{", b"]}", b","
_ENDING = _CLOSING + _COMMA
_strict = msgspec.json.Decoder(msgspec.Raw)
_quick = json.JSONDecoder(strict=False)  # takes more than JSON; whoever reads the member is strict


class TooManyMembersError(ValueError):
    """A list has more members than anybody wants."""


class TooDearError(ValueError):
    """Too much of a body is such that the quick reader cannot read it."""


def members(raw: bytes) -> list[bytes]:
    """Return the members of the JSON list that raw is.

    Raises ValueError where its own brackets and commas do not say which they are.
    """
    cursor = _Cursor(raw)
    return cursor.whole([cursor.value() for _ in cursor.members(b"[")])


def named_members(raw: bytes) -> list[tuple[str, bytes]]:
    """Return the names and values of the JSON object that raw is; raises ValueError for anything else."""
    cursor = _Cursor(raw)
    return cursor.whole([(name, cursor.value()) for name in cursor.members(b"{")])


def taken_apart(raw: bytes, *, name: str, most: int) -> tuple[list[tuple[str, bytes]], list[bytes]]:
    """Return the other members of the JSON object that raw is, and those of the list of this name in it.

    Raises InvalidMember for a name that comes twice, TooManyMembersError as soon as the list has more than `most`,
    ValueError where brackets and commas do not say what is what.
    """
    cursor, found = _Cursor(raw), None
    others: dict[str, bytes] = {}
    for each in cursor.members(b"{"):
        if each in others or (each == name and found is not None):
            raise InvalidMember(f"an object names /{each} twice", pointer=f"/{each}")
        if each == name:
            found = list(cursor.values_of_list(most))
        else:
            others[each] = cursor.value()
    if found is None:
        raise ValueError(f"there is no {name}")
    return cursor.whole((list(others.items()), found))


def unreadable_member(raw: bytes) -> str:
    """Return the name of the first member of an object that is not JSON by itself, or an empty text."""
    try:
        pairs = named_members(raw)
    except ValueError:
        return ""
    for name, value in pairs:
        try:
            _strict.decode(value)
            orjson.loads(value)
        except (ValueError, msgspec.DecodeError, RecursionError):
            return name
    return ""


class _Cursor:
    """A place in a body that moves on from member to member."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._text = raw, raw.decode("latin-1")  # in which each byte is a character
        self._at, self._signs = 0, 0
        self._skip_space()

    def members(self, opening: bytes) -> Iterator[str]:
        """Yield the name of each member of an object, or "" in a list; whoever asks for the next took its value."""
        self._take(opening)
        closing = b"}" if opening == b"{" else b"]"
        more = not self._is_at(closing)
        while more:
            yield self._name() if opening == b"{" else ""
            more = self._is_at(_COMMA)
            if more:
                self._take(_COMMA)
        self._take(closing)

    def value(self) -> bytes:
        """Move behind the value that begins here, and return it."""
        start, end = self._at, self._end_of_value()
        if not self._raw[start:end].strip():
            raise ValueError("a comma has no member beside it")
        self._move(end)
        return self._raw[start:end]

    def values_of_list(self, most: int) -> Iterator[bytes]:
        """Yield each value of the list that begins here; raises TooManyMembersError behind so many."""
        for place, _ in enumerate(self.members(b"[")):
            if place == most:
                raise TooManyMembersError(f"more than {most}")
            yield self.value()

    def whole(self, found: Found) -> Found:
        """Return what was found in a body that ends here; raises ValueError for one that does not."""
        if self._at != len(self._raw):
            raise ValueError("something stands behind its end")
        return found

    def _end_of_value(self) -> int:
        piece = self._text[self._at : self._at + PIECE_BYTES]
        try:
            _, length = _quick.raw_decode(piece)
        except (ValueError, RecursionError):
            return self._end_by_signs()
        end = self._at + length
        is_whole = length < len(piece) and self._ends_at(_after_space(self._raw, end))
        return end if is_whole else self._end_by_signs()

    def _end_by_signs(self) -> int:
        depth = 0
        for match in _SIGN.finditer(self._raw, self._at):
            self._count_sign()
            sign = match[0][:1]
            if depth == 0 and sign in _ENDING:
                return match.start()
            depth += (sign in _OPENING) - (sign in _CLOSING)
            if depth == 0 and sign in _CLOSING:
                return match.end()
        raise ValueError("the brackets do not match")

    def _count_sign(self) -> None:
        self._signs += 1
        if self._signs > SIGNS_LIMIT:
            raise TooDearError("too much of it is not read at once")

    def _name(self) -> str:
        match = _NAME.match(self._raw, self._at)
        if match is None:
            raise ValueError("a member has no name")
        self._move(match.end())
        return str(orjson.loads(match[1]))

    def _ends_at(self, at: int) -> bool:
        return at < len(self._raw) and self._raw[at] in _ENDING

    def _is_at(self, sign: bytes) -> bool:
        return self._raw[self._at : self._at + 1] == sign

    def _take(self, sign: bytes) -> None:
        if not self._is_at(sign):
            raise ValueError(f"{sign.decode()} is missing")
        self._move(self._at + 1)

    def _move(self, at: int) -> None:
        self._at = at
        self._skip_space()

    def _skip_space(self) -> None:
        self._at = _after_space(self._raw, self._at)


def _after_space(raw: bytes, at: int) -> int:
    match = _SPACE.match(raw, at)
    assert match is not None  # nothing is a match too
    return match.end()
