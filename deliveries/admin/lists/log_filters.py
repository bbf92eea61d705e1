"""Filters of lists of the log, and of what was done: state, error, status, type and time.

What lives here: what can be chosen, and what it means. It must not know which rows the viewer may see, nor what a
selection means for the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from django.utils.translation import gettext, gettext_noop

from deliveries.admin.lists.list_filters import ChoiceFilter, Narrows, Options, SingleFilter, TextFilter, read_moment
from deliveries.admin.parts.badges import state_word
from deliveries.admin.words.error_words import error_word
from deliveries.errors import InvalidInput
from deliveries.models import visible
from deliveries.models.log import STATES
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.writing.timestamps import to_minute
from deliveries.services.common import clock
from deliveries.services.reading.selection import read_types

WINDOWS: Mapping[str, timedelta] = MappingProxyType(
    {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
)
SUGGESTIONS = 100


class StateFilter(ChoiceFilter):
    """States of a delivery."""

    title, names, word = gettext_noop("State"), ("state",), "states"

    def options(self) -> Options:
        """All states."""
        return [(value, state_word(value).capitalize()) for value, _ in STATES]


class ErrorFilter(SingleFilter):
    """Last error of a delivery."""

    title, names, word, kind = gettext_noop("Last error"), ("error",), "error", "select"

    def options(self) -> Options:
        """All errors that an attempt can end in."""
        return [(name, error_word(name)) for name in EXPLANATIONS]


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
        found = [name for (name,) in visible.first_event_types(self.viewer, SUGGESTIONS)]
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
