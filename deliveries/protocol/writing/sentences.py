"""Sentences that pages show in the reader's language: English text that remembers what it was made of.

What lives here: the one kind of text that API, log and database take as it is, in English, and that
services/common/languages.py can say again in another language. It must not know which languages there are.
"""

from __future__ import annotations

from collections.abc import Iterable


class Sentence(str):
    """English, with the message of the catalogs that it was made of and the values that stand in it."""

    __slots__ = ("message", "number", "plural", "values")

    message: str
    plural: str
    number: int
    values: dict[str, object]

    def again(self, **values: object) -> Sentence:
        """Return it with values; the message was kept without."""
        return say(self.message, **values)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel as plain English."""
        return str, (str(self),)


class Joined(Sentence):
    """Several sentences with a sign between them."""

    __slots__ = ("parts", "sign")

    parts: tuple[str, ...]
    sign: str


def joined(parts: Iterable[str], sign: str = "; ") -> Joined:
    """Return sentences in one line."""
    said = tuple(parts)
    made = Joined(sign.join(said))
    made.message, made.plural, made.number, made.values = "", "", 0, {}
    made.parts, made.sign = said, sign
    return made


def say(message: str, /, **values: object) -> Sentence:
    """Return a sentence; `{name}` in the message stands for a value, which may be a sentence itself."""
    return _made(message, "", 0, values)


def say_number(message: str, plural: str, number: int, /, **values: object) -> Sentence:
    """Return a sentence about a number of things, `{number}` in both of its forms; the first is for one."""
    return _made(message, plural, number, {"number": number, **values})


def _made(message: str, plural: str, number: int, values: dict[str, object]) -> Sentence:
    form = plural if plural and number != 1 else message
    made = Sentence(form.format(**values) if values else form)
    made.message, made.plural, made.number, made.values = message, plural, number, values
    return made
