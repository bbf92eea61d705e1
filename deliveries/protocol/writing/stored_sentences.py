"""Sentences with values that the database keeps in English, and that pages and letters say in the reader's language.

What lives here: each of them, and how its text is known again. One that stands in no row needs no place here, and one
without values none either: its text is its message. It must not know who stores or shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from deliveries.protocol.writing.sentences import Sentence, say, say_number

TEXT_LIMIT = 1000  # of what is looked at; people's own reasons and what a receiver answered come by here too

NOT_ARRIVED = say_number("no delivery has arrived for {number} day", "no delivery has arrived for {number} days", 2)
RETEST_ARRIVED = say("the retest {delivery} arrived")
OTHER_ORIGIN = say("it allows another origin than {origin}")

_STORED = (NOT_ARRIVED, RETEST_ARRIVED, OTHER_ORIGIN)


def not_arrived(days: int) -> Sentence:
    """Return why an endpoint is disabled where nothing has arrived for so many days."""
    return say_number(NOT_ARRIVED.message, NOT_ARRIVED.plural, days)


def remembered(text: str) -> str:
    """Return the sentence that a stored text was made of; a text that is none of these as it is."""
    if isinstance(text, Sentence) or len(text) > TEXT_LIMIT:
        return text
    for sentence, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            return _again(sentence, found.groupdict())
    return text


def _again(sentence: Sentence, values: dict[str, str]) -> Sentence:
    if not sentence.plural:
        return sentence.again(**values)
    return say_number(sentence.message, sentence.plural, int(values["number"]))


def _patterns() -> Iterator[tuple[Sentence, re.Pattern[str]]]:
    for sentence in _STORED:
        for form in filter(None, (sentence.message, sentence.plural)):
            yield sentence, re.compile(re.sub(r"\\{(\w+)\\}", _place_of, re.escape(form)))


def _place_of(found: re.Match[str]) -> str:
    return rf"(?P<{found[1]}>{'[0-9]{1,9}' if found[1] == 'number' else '.+'})"


_PATTERNS = tuple(_patterns())
