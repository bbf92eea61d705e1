"""Filters of the lists: what can be chosen, and what it means.

What lives here: reading choices from an address, as the words of a selection. All filters of a list are one form, so
that choices add up; what is chosen is shown as chips; a value that nobody knows is refused with a sentence.
It must not know which rows the viewer may see, nor what a selection means for the database.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.translation import gettext, gettext_noop

from deliveries.admin.badges import state_word
from deliveries.errors import InvalidInput
from deliveries.models import visible
from deliveries.models.log import STATES
from deliveries.models.visible import Viewer
from deliveries.protocol import timestamps
from deliveries.protocol.outcome import EXPLANATIONS
from deliveries.protocol.timestamps import to_minute
from deliveries.services import clock
from deliveries.services.languages import ENGLISH, spoken, tell
from deliveries.services.selection import read_types

WINDOWS: Mapping[str, timedelta] = MappingProxyType(
    {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
)
VALUES_LIMIT = 20
SUGGESTIONS = 100
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


class StateFilter(ChoiceFilter):
    """States of a delivery."""

    title, names, word = gettext_noop("State"), ("state",), "states"

    def options(self) -> Options:
        """All states."""
        return [(value, state_word(value).capitalize()) for value, _ in STATES]


class SingleFilter(ChoiceFilter):
    """One of a few words."""

    is_single = True

    def meaning(self, chosen: list[str]) -> Narrows:
        """The last one counts."""
        return {self.word: chosen[-1]}


class ErrorFilter(SingleFilter):
    """Last error of a delivery."""

    title, names, word, kind = gettext_noop("Last error"), ("error",), "error", "select"

    def options(self) -> Options:
        """All errors that an attempt can end in."""
        return [(name, name.replace("_", " ")) for name in EXPLANATIONS]


class WindowFilter(SingleFilter):
    """The last hour, day, week or month."""

    title, names = gettext_noop("Time"), ("window",)

    def options(self) -> Options:
        """Windows that end now."""
        return [
            ("1h", gettext("Last hour")),
            ("24h", gettext("Last 24 hours")),
            ("7d", gettext("Last 7 days")),
            ("30d", gettext("Last 30 days")),
        ]

    def meaning(self, chosen: list[str]) -> Narrows:
        """A window begins a while ago."""
        return {"window_since": clock.likely_now() - WINDOWS[chosen[-1]]}


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


class StatusFilter(TextFilter):
    """Status of the last answer."""

    title, names, placeholder, input_mode = gettext_noop("Status code"), ("status",), "404", "numeric"

    def read(self) -> None:
        """A whole number of three digits."""
        if not re.fullmatch("[1-5][0-9][0-9]", self.value, re.ASCII):
            return self.refuse(gettext("A status code is a number from 100 to 599."))
        self.narrows = {"status_code": int(self.value)}
        self.show(self.value)
        return None


class TypeFilter(TextFilter):
    """Event types, by the words that the API takes."""

    title, names, placeholder, takes_several = gettext_noop("Event type"), ("type",), "invoice.paid, user.*", True

    def suggestions(self) -> Sequence[str]:
        """Return names of the catalogue, and their families."""
        names = visible.event_types(self.viewer).filter(archived=False).order_by("name")
        found = list(names.values_list("name", flat=True).distinct()[:SUGGESTIONS])
        families = sorted({f"{name.rpartition('.')[0]}.*" for name in found if "." in name})
        return [*families, *found]

    def read(self) -> None:
        """Take names and families."""
        try:
            self.narrows = {"types": read_types(",".join(self.values["type"]))}
        except InvalidInput:
            return self.refuse(gettext("This is neither an event type nor a family such as invoice.*."))
        for word in self.narrows["types"]:
            self.show(word, word)
        return None


class PeriodFilter(TextFilter):
    """From one moment to another, in UTC."""

    title, names, kind = gettext_noop("Period (UTC)"), ("since", "until"), "period"

    def read(self) -> None:
        """Two moments, either of which may be left out."""
        for name, title in (("since", gettext("From")), ("until", gettext("Until"))):
            if not (text := self.first(name)):
                continue
            if (moment := read_moment(text)) is None:
                return self.refuse(gettext("This is no moment; write it as 2026-01-31T12:00."))
            self.narrows[name] = moment
            self.show(f"{to_minute(moment)} UTC", name=name, title=title)
        return None

    def fields(self) -> list[dict[str, str]]:
        """Return both fields for the form."""
        return [
            {"name": name, "title": title, "value": self.first(name)}
            for name, title in (("since", gettext("From")), ("until", gettext("Until")))
        ]


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
