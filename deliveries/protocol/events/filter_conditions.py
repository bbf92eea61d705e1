"""The conditions that a filter is made of, and a sentence for what became of each.

What lives here: taking a filter apart, as filters.py reads it. It must not know PostgreSQL, which evaluates the parts.
A condition is what && and || join: a comparison, exists( ), or ( ) is unknown. One under an odd number of ! is negated:
then it must not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deliveries.protocol.events.filters import COMPARISONS, Token, tokens_of
from deliveries.protocol.writing.sentences import say

OPENING, CLOSING = ("(", "["), (")", "]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A part of a filter: its text, the path that it looks at (none for a group), what it is compared with."""

    text: str
    path: str = ""
    sign: str = ""
    constant: str = ""
    is_negated: bool = False


def conditions_of(text: str) -> list[Condition]:
    """Return the conditions of a filter that check_filter has let through, in their order."""
    tokens = tokens_of(text)
    place = 1 if tokens[0].text in ("strict", "lax") else 0
    found: list[Condition] = []
    groups: list[bool] = [False]  # of each open parenthesis, whether what is in it is negated
    negated = False
    while tokens[place].kind != "end":
        word = tokens[place].text
        if word in ("&&", "||"):
            place += 1
        elif word == "!":
            negated, place = True, place + 1
        elif word == ")":
            groups.pop()
            place += 1
        elif word == "(" and not _is_unknown(tokens, place):
            groups.append(groups[-1] != negated)
            negated, place = False, place + 1
        else:
            end = _end_of(tokens, place)
            found.append(_condition(text, tokens[place:end], is_negated=groups[-1] != negated))
            negated, place = False, end
    return found


def says(condition: Condition, *, holds: bool | None, found: Sequence[str], count: int) -> str:
    """Return what became of a condition, as a sentence; `found` is JSON, the first of `count` values."""
    if not condition.path:
        return say("It holds.") if holds else say("It does not hold.")
    if not count:
        return say("The event has nothing at {path}.", path=condition.path)
    there: object = ", ".join(found)
    if count > len(found):
        there = say("{values} and {number} more", values=there, number=count - len(found))
    if holds is None and condition.constant:
        return say(
            "The event has {values} there, which cannot be compared with {constant}.",
            values=there,
            constant=condition.constant,
        )
    return say("The event has {values} there.", values=there)


def _is_unknown(tokens: Sequence[Token], place: int) -> bool:
    end = _after_group(tokens, place)
    return tokens[end].text == "is"


def _after_group(tokens: Sequence[Token], place: int) -> int:
    """Return the place after the parenthesis or bracket that opens here."""
    depth = 0
    while True:
        if tokens[place].kind == "sign":
            depth += (tokens[place].text in OPENING) - (tokens[place].text in CLOSING)
        place += 1
        if depth == 0:
            return place


def _end_of(tokens: Sequence[Token], place: int) -> int:
    """Return the place after a condition."""
    while not (tokens[place].kind == "end" or tokens[place].text in ("&&", "||", ")")):
        opens = tokens[place].kind == "sign" and tokens[place].text in OPENING
        place = _after_group(tokens, place) if opens else place + 1
    return place


def _condition(text: str, tokens: Sequence[Token], *, is_negated: bool) -> Condition:
    whole = _text(text, tokens)
    if tokens[0].text == "(":
        return Condition(text=whole, is_negated=is_negated)
    if tokens[0].text == "exists" and tokens[0].kind == "word":
        return Condition(text=whole, path=_text(text, tokens[2:-1]), sign="exists", is_negated=is_negated)
    middle = _sign_at(tokens)
    length = 2 if tokens[middle].text == "starts" else 1
    left, right = _text(text, tokens[:middle]), _text(text, tokens[middle + length :])
    path, constant = (left, right) if tokens[0].text == "$" else (right, left)
    sign = _text(text, tokens[middle : middle + length])
    return Condition(text=whole, path=path, sign=sign, constant=constant, is_negated=is_negated)


def _sign_at(tokens: Sequence[Token]) -> int:
    place = 0
    while not (tokens[place].kind in ("sign", "word") and tokens[place].text in (*COMPARISONS, "starts")):
        is_member = tokens[place].text == "."
        opens = tokens[place].kind == "sign" and tokens[place].text in OPENING
        place = place + 2 if is_member else _after_group(tokens, place) if opens else place + 1
    return place


def _text(text: str, tokens: Sequence[Token]) -> str:
    return text[tokens[0].start : tokens[-1].end]
