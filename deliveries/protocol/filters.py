"""Filters: which predicates over a payload an endpoint may choose by.

What lives here: a small reader of the SQL/JSON path language that lets through only what PostgreSQL
evaluates in time linear in the payload. It must not know PostgreSQL: the final syntax check is elsewhere.

    filter      [strict | lax] any
    any         one [ && | || one ]...
    one         comparison | ( any ) | ( any ) is unknown | exists( path ) | !( any ) | !exists( path )
    comparison  path == constant | constant == path | path starts with "text"
    path        $.data.items[*].price ? ( any ) .size()      @ instead of $ inside of ? ( )

Refused although PostgreSQL knows it: like_regex (can hang), .datetime(), variables, `.**`, several
subscripts at once, $ inside of ? ( ), arithmetic, and the comparison of two paths: the work for each of
the last five can grow faster than the payload.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import NamedTuple

from deliveries.errors import InvalidFilter
from deliveries.protocol.sentences import say

LENGTH_LIMIT = 1000
PARTS_LIMIT = 200
DEPTH_LIMIT = 10
NUMBER_LIMIT = 30
INDEX_LIMIT = 2**31 - 1
METHODS = ("type", "size", "double", "ceiling", "floor", "abs")

COMPARISONS = ("==", "!=", "<>", "<", "<=", ">", ">=")
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?(?![0-9A-Za-z_.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||==|!=|<>|<=|>=|\*\*|[$@.*\[\]()?!<>=,])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of a filter, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


# What is still to be read of one filter; each function below takes its own part off the left.
_Rest = deque[Token]


def check_filter(text: str) -> str:
    """Return a predicate over the payload, such as `$.data.amount > 100`, or raise InvalidFilter."""
    if len(text) > LENGTH_LIMIT:
        raise _refused(say("a filter has at most {limit} characters", limit=LENGTH_LIMIT))
    rest = deque(tokens_of(text))
    if len(rest) > PARTS_LIMIT:
        # Each part can walk the whole payload once: 200 of them over 256 KB take PostgreSQL 0.2 seconds at worst.
        raise _refused(say("a filter has at most {parts_limit} names, signs and constants", parts_limit=PARTS_LIMIT))
    _skips(rest, "strict", "lax")
    _read_any(rest, root="$", depth=0)
    if rest[0].kind != "end":
        raise _wrong(rest, say("only && and || join two conditions"))
    return text


def tokens_of(text: str) -> list[Token]:
    """Return the pieces of a filter with an end behind them, or raise InvalidFilter."""
    found: list[Token] = []
    position = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refused(
                say(
                    "the filter cannot be read from character {position} on: {text}",
                    position=position + 1,
                    text=repr(text[position:][:20]),
                )
            )
        kind = str(match.lastgroup)
        found.append(Token(kind, match[kind], match.start(kind), match.end()))
        position = match.end()
    return found


def _read_any(rest: _Rest, *, root: str, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise _refused(say("parentheses nest at most {depth_limit} deep", depth_limit=DEPTH_LIMIT))
    _read_one(rest, root=root, depth=depth)
    while _skips(rest, "&&", "||"):
        _read_one(rest, root=root, depth=depth)


def _read_one(rest: _Rest, *, root: str, depth: int) -> None:
    negated = _skips(rest, "!")
    if _skips(rest, "("):
        _read_any(rest, root=root, depth=depth + 1)
        _expect(rest, ")")
        if not negated and _skips(rest, "is"):
            _expect(rest, "unknown")
    elif _skips(rest, "exists"):
        _expect(rest, "(")
        _read_path(rest, root=root, depth=depth + 1)
        _expect(rest, ")")
    elif negated:
        raise _wrong(rest, say("after ! comes a condition in parentheses"))
    else:
        _read_comparison(rest, root=root, depth=depth)


def _read_comparison(rest: _Rest, *, root: str, depth: int) -> None:
    path_first = _sees(rest, "$", "@")
    if not path_first:
        _read_constant(rest)
        _read_comparison_sign(rest)
        _read_path(rest, root=root, depth=depth)
        return
    _read_path(rest, root=root, depth=depth)
    if _skips(rest, "starts"):
        _expect(rest, "with")
        if rest[0].kind != "string":
            raise _wrong(rest, say('after starts with comes a text, such as "EUR"'))
    else:
        _read_comparison_sign(rest)
    if _sees(rest, "$", "@"):
        raise _wrong(rest, say("a path is compared with a constant, not with another path"))
    _read_constant(rest)


def _read_comparison_sign(rest: _Rest) -> None:
    if _sees(rest, "like_regex"):
        raise _wrong(rest, say("like_regex is not available in filters"))
    if _sees(rest, "="):
        raise _wrong(rest, say("equality is written =="))
    if not _skips(rest, *COMPARISONS):
        raise _wrong(rest, say("a condition compares a path with a constant, as in $.data.amount > 100"))


def _read_constant(rest: _Rest) -> None:
    if rest[0].kind == "string":
        _read_string(rest)
    elif rest[0].kind == "number":
        if len(rest.popleft().text) > NUMBER_LIMIT:
            raise _refused(say("a number has at most {number_limit} characters", number_limit=NUMBER_LIMIT))
    elif not _skips(rest, "true", "false", "null"):
        raise _wrong(rest, say('a path such as $.data.amount, a number, a "text", true, false or null is missing'))


def _read_string(rest: _Rest) -> None:
    text = json.loads(rest.popleft().text)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused(say("a text holds no \\u0000 and no half of a surrogate pair"))


def _read_path(rest: _Rest, *, root: str, depth: int) -> None:
    start = rest[0]
    if not _skips(rest, root):
        if root == "@":
            raise _wrong(rest, say("a path starts with @ inside of ? ( )"))
        raise _wrong(rest, say("a path starts with $ outside of ? ( )"))
    if rest[0].kind in ("word", "string") and rest[0].start == start.end:
        raise _wrong(rest, say("variables are not available in filters"))
    while True:
        if _skips(rest, "."):
            _read_member(rest)
        elif _skips(rest, "["):
            _read_subscript(rest)
        elif _skips(rest, "?"):
            _expect(rest, "(")
            _read_any(rest, root="@", depth=depth + 1)
            _expect(rest, ")")
        else:
            return


def _read_member(rest: _Rest) -> None:
    if _skips(rest, "*"):
        return
    if _sees(rest, "**"):
        raise _wrong(rest, say("the recursive .** is not available in filters"))
    name = rest[0]
    if name.kind == "string":
        _read_string(rest)
        return
    if name.kind != "word":
        raise _wrong(
            rest, say('after a dot comes a name; put it in quotes if it has other signs, as in $.data."first-name"')
        )
    rest.popleft()
    if _skips(rest, "("):
        if name.text not in METHODS:
            raise _refused(
                say(
                    ".{text}() is not available in filters; these are: {names}",
                    text=name.text,
                    names=", ".join(METHODS),
                )
            )
        _expect(rest, ")")


def _read_subscript(rest: _Rest) -> None:
    if not _skips(rest, "*"):
        _read_index(rest)
        if _skips(rest, "to"):
            _read_index(rest)
    _expect(rest, "]")


def _read_index(rest: _Rest) -> None:
    if _skips(rest, "last"):
        return
    if rest[0].kind != "number" or not rest[0].text.isdecimal() or int(rest[0].text) > INDEX_LIMIT:
        raise _wrong(rest, say("between brackets stands one of *, a number, last, or a range such as 0 to 9"))
    rest.popleft()


def _sees(rest: _Rest, *texts: str) -> bool:
    return rest[0].kind in ("sign", "word") and rest[0].text in texts


def _skips(rest: _Rest, *texts: str) -> bool:
    seen = _sees(rest, *texts)
    if seen:
        rest.popleft()
    return seen


def _expect(rest: _Rest, text: str) -> None:
    if not _skips(rest, text):
        raise _wrong(rest, say("{text} is missing", text=text))


def _wrong(rest: _Rest, detail: str) -> InvalidFilter:
    token = rest[0]
    if token.text:
        return _refused(say("{detail} (at character {place})", detail=detail, place=token.start + 1))
    return _refused(say("{detail} (at the end)", detail=detail))


def _refused(detail: str) -> InvalidFilter:
    return InvalidFilter(detail, field="filter")
