"""Filters of the lists, by their kinds: how a choice is read, what it means and how it is shown.

What lives here: reading choices from an address, as the words of a selection. All filters of a list are one form, so
that choices add up; what is chosen is shown as chips; a value that nobody knows is refused with a sentence.
It must not know any filter: those of the log are in log_filters.py, others with what they are about.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.translation import gettext

from deliveries.errors import InvalidInput
from deliveries.models.visible import Viewer
from deliveries.protocol.writing import timestamps
from deliveries.services.common.languages import ENGLISH, spoken, tell

VALUES_LIMIT = 20
_FIELD = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)?")

Options = Sequence[tuple[str, str]]
Narrows = dict[str, Any]  # words of a selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One thing that a list is narrowed by, and the parameter that says so."""

    title: str
    text: str
    name: str
    value: str
    is_one: bool = False  # of several values of one parameter


class Filter:
    """One thing to narrow by, as one address asks for it.

    `narrows` holds the words of a selection; `trouble` is a sentence for people; nothing is shown when `is_refused`.
    """

    title: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    kind: ClassVar[str] = "text"  # how the form shows it
    takes_several: ClassVar[bool] = False  # as parameters of their own, or in one with commas

    def __init__(self, given: QueryDict, *, viewer: Viewer) -> None:
        self.viewer = viewer
        self.values = {name: values_of(given, name, several=self.takes_several) for name in self.names}
        self.narrows: Narrows = {}
        self.chips: list[Chip] = []
        self.trouble, self.is_refused = "", False
        if any(self.values.values()):
            self.read()

    def read(self) -> None:
        """Understand what was given; called only when something was."""

    @property
    def value(self) -> str:
        """The one value, or the last of several."""
        return self.first(self.names[0])

    def first(self, name: str) -> str:
        """Return the value of one of the filter's parameters."""
        return next(reversed(self.values[name]), "")

    def refuse(self, sentence: str) -> None:
        """Show nothing, and say why."""
        self.trouble, self.is_refused = sentence, True

    def show(self, text: str, value: str = "", *, name: str = "", title: str = "") -> None:
        """Show a chip for what was chosen."""
        name = name or self.names[0]
        chip = Chip(title=title or self.title, text=text, name=name, value=value, is_one=self.takes_several)
        self.chips.append(chip)


class ChoiceFilter(Filter):
    """One or several of a few words."""

    kind, takes_several = "choices", True
    is_single: ClassVar[bool] = False
    word: ClassVar[str]

    @abstractmethod
    def options(self) -> Options:
        """Return what there is to choose: the word in the address, and the one to show."""

    def read(self) -> None:
        """Take the words that are known; any other is refused."""
        known = dict(self.options())
        chosen = self.values[self.names[0]]
        unknown = [each for each in chosen if each not in known]
        if unknown:
            title, words = gettext(self.title), ", ".join(known)
            title = title.lower() if spoken() == ENGLISH else title
            return self.refuse(
                tell("There is no {filter} “{word}”. There is: {words}.", filter=title, word=unknown[0], words=words)
            )
        for each in chosen:
            self.show(known[each], each)
        self.narrows = self.meaning(chosen)
        return None

    def meaning(self, chosen: list[str]) -> Narrows:
        """Return the words of a selection."""
        return {self.word: tuple(chosen)}

    def choices(self) -> list[dict[str, object]]:
        """Return the options for the form."""
        chosen = self.values[self.names[0]]
        return [{"value": value, "text": text, "is_chosen": value in chosen} for value, text in self.options()]


class SingleFilter(ChoiceFilter):
    """One of a few words."""

    is_single = True

    def meaning(self, chosen: list[str]) -> Narrows:
        """The last one counts."""
        return {self.word: chosen[-1]}


class TextFilter(Filter):
    """Something to type."""

    placeholder: ClassVar[str] = ""
    input_mode: ClassVar[str] = ""
    picks: ClassVar[str] = ""  # the noun whose rows are offered while somebody types

    def text(self) -> str:
        """Return what was typed."""
        return ", ".join(self.values[self.names[0]])

    def suggestions(self) -> Sequence[str]:
        """Return what the field offers from the start."""
        return ()


def values_of(given: QueryDict, name: str, *, several: bool) -> list[str]:
    """Return the values of a parameter as text that can be compared; the last one, or all, also those with commas."""
    texts = [clean(value) for value in given.getlist(name)[-VALUES_LIMIT:]]
    words = [word for text in texts for word in text.split(",")] if several else texts[-1:]
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))


def narrowed_by(filters: Iterable[Filter]) -> Narrows:
    """Return the words of a selection that all filters mean together."""
    words = {name: value for each in filters for name, value in each.narrows.items()}
    if (window := words.pop("window_since", None)) is not None:
        words["since"] = max(window, words.get("since", window))
    return words


def read_moment(text: str) -> datetime | None:
    """Read RFC 3339, or what a browser's field for date and time sends, which is labelled UTC; None for the rest."""
    field = _FIELD.fullmatch(text)
    try:
        return timestamps.read(f"{field[1]}{field[2] or ':00'}Z" if field else text)
    except InvalidInput:
        return None


def clean(value: str) -> str:
    """Return text that the database can compare."""
    return str(value).replace("\0", "\ufffd")[:1000].encode(errors="replace").decode()
