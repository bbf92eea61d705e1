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
from deliveries.protocol.writing.sentences import say

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
_Tokens = deque[Token]


def check_filter(text: str) -> str:
    """Return a predicate over the payload, such as `$.data.amount > 100`, or raise InvalidFilter."""
    if len(text) > LENGTH_LIMIT:
        raise _refused(say("a filter has at most {limit} characters", limit=LENGTH_LIMIT))
    tokens = deque(tokens_of(text))
    if len(tokens) > PARTS_LIMIT:
        # Each part can walk the whole payload once: 200 of them over 256 KB take PostgreSQL 0.2 seconds at worst.
        raise _refused(say("a filter has at most {parts_limit} names, signs and constants", parts_limit=PARTS_LIMIT))
    _skips(tokens, "strict", "lax")
    _read_any(tokens, root="$", depth=0)
    if tokens[0].kind != "end":
        raise _wrong(tokens, say("only && and || join two conditions"))
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


def _read_any(tokens: _Tokens, *, root: str, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise _refused(say("parentheses nest at most {depth_limit} deep", depth_limit=DEPTH_LIMIT))
    _read_one(tokens, root=root, depth=depth)
    while _skips(tokens, "&&", "||"):
        _read_one(tokens, root=root, depth=depth)


def _read_one(tokens: _Tokens, *, root: str, depth: int) -> None:
    negated = _skips(tokens, "!")
    if _skips(tokens, "("):
        _read_any(tokens, root=root, depth=depth + 1)
        _expect(tokens, ")")
        if not negated and _skips(tokens, "is"):
            _expect(tokens, "unknown")
    elif _skips(tokens, "exists"):
        _expect(tokens, "(")
        _read_path(tokens, root=root, depth=depth + 1)
        _expect(tokens, ")")
    elif negated:
        raise _wrong(tokens, say("after ! comes a condition in parentheses"))
    else:
        _read_comparison(tokens, root=root, depth=depth)


def _read_comparison(tokens: _Tokens, *, root: str, depth: int) -> None:
    path_first = _sees(tokens, "$", "@")
    if not path_first:
        _read_constant(tokens)
        _read_comparison_sign(tokens)
        _read_path(tokens, root=root, depth=depth)
        return
    _read_path(tokens, root=root, depth=depth)
    if _skips(tokens, "starts"):
        _expect(tokens, "with")
        if tokens[0].kind != "string":
            raise _wrong(tokens, say('after starts with comes a text, such as "EUR"'))
    else:
        _read_comparison_sign(tokens)
    if _sees(tokens, "$", "@"):
        raise _wrong(tokens, say("a path is compared with a constant, not with another path"))
    _read_constant(tokens)


def _read_comparison_sign(tokens: _Tokens) -> None:
    if _sees(tokens, "like_regex"):
        raise _wrong(tokens, say("like_regex is not available in filters"))
    if _sees(tokens, "="):
        raise _wrong(tokens, say("equality is written =="))
    if not _skips(tokens, *COMPARISONS):
        raise _wrong(tokens, say("a condition compares a path with a constant, as in $.data.amount > 100"))


def _read_constant(tokens: _Tokens) -> None:
    if tokens[0].kind == "string":
        _read_string(tokens)
    elif tokens[0].kind == "number":
        if len(tokens.popleft().text) > NUMBER_LIMIT:
            raise _refused(say("a number has at most {number_limit} characters", number_limit=NUMBER_LIMIT))
    elif not _skips(tokens, "true", "false", "null"):
        raise _wrong(tokens, say('a path such as $.data.amount, a number, a "text", true, false or null is missing'))


def _read_string(tokens: _Tokens) -> None:
    text = json.loads(tokens.popleft().text)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _refused(say("a text holds no \\u0000 and no half of a surrogate pair"))


def _read_path(tokens: _Tokens, *, root: str, depth: int) -> None:
    start = tokens[0]
    if not _skips(tokens, root):
        if root == "@":
            raise _wrong(tokens, say("a path starts with @ inside of ? ( )"))
        raise _wrong(tokens, say("a path starts with $ outside of ? ( )"))
    if tokens[0].kind in ("word", "string") and tokens[0].start == start.end:
        raise _wrong(tokens, say("variables are not available in filters"))
    while True:
        if _skips(tokens, "."):
            _read_member(tokens)
        elif _skips(tokens, "["):
            _read_subscript(tokens)
        elif _skips(tokens, "?"):
            _expect(tokens, "(")
            _read_any(tokens, root="@", depth=depth + 1)
            _expect(tokens, ")")
        else:
            return


def _read_member(tokens: _Tokens) -> None:
    if _skips(tokens, "*"):
        return
    if _sees(tokens, "**"):
        raise _wrong(tokens, say("the recursive .** is not available in filters"))
    name = tokens[0]
    if name.kind == "string":
        _read_string(tokens)
        return
    if name.kind != "word":
        raise _wrong(
            tokens, say('after a dot comes a name; put it in quotes if it has other signs, as in $.data."first-name"')
        )
    tokens.popleft()
    if _skips(tokens, "("):
        if name.text not in METHODS:
            raise _refused(
                say(
                    ".{text}() is not available in filters; these are: {names}",
                    text=name.text,
                    names=", ".join(METHODS),
                )
            )
        _expect(tokens, ")")


def _read_subscript(tokens: _Tokens) -> None:
    if not _skips(tokens, "*"):
        _read_index(tokens)
        if _skips(tokens, "to"):
            _read_index(tokens)
    _expect(tokens, "]")


def _read_index(tokens: _Tokens) -> None:
    if _skips(tokens, "last"):
        return
    if tokens[0].kind != "number" or not tokens[0].text.isdecimal() or int(tokens[0].text) > INDEX_LIMIT:
        raise _wrong(tokens, say("between brackets stands one of *, a number, last, or a range such as 0 to 9"))
    tokens.popleft()


def _sees(tokens: _Tokens, *texts: str) -> bool:
    return tokens[0].kind in ("sign", "word") and tokens[0].text in texts


def _skips(tokens: _Tokens, *texts: str) -> bool:
    seen = _sees(tokens, *texts)
    if seen:
        tokens.popleft()
    return seen


def _expect(tokens: _Tokens, text: str) -> None:
    if not _skips(tokens, text):
        raise _wrong(tokens, say("{text} is missing", text=text))


def _wrong(tokens: _Tokens, detail: str) -> InvalidFilter:
    token = tokens[0]
    if token.text:
        return _refused(say("{detail} (at character {place})", detail=detail, place=token.start + 1))
    return _refused(say("{detail} (at the end)", detail=detail))


def _refused(detail: str) -> InvalidFilter:
    return InvalidFilter(detail, field="filter")
