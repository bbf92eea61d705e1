"""What our scripts say, in the language of the page.

What lives here: the messages of static/hookpost/*.js, each `hpSay("…")` once, and the page's part that hands them over.
It must not know what a script does.
"""

from __future__ import annotations

from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.services.common.languages import ENGLISH, spoken

PLACE = "hp-words"
WORDS = (
    *("Copied", "{time} local", "Arrived, %", "{chosen} of {all} chosen"),
    *("Search", "An id, a part of a URL, a name or uid"),
    *("{count} failed", "{count} a second", "{count} a second, about {time} left"),
    *("Looking whether it is reached…", "Search {count} event types", "Search event types"),
    "You were logged out before this was saved. What you had typed is here again, but for secrets.",
    *("example", "Example of {name}", "The example cannot be shown now."),
)


def script_words() -> SafeString:
    """Return what a page holds for its scripts; nothing in English, which they speak by themselves."""
    if spoken() == ENGLISH:
        return SafeString("")
    return json_script({word: gettext(word) for word in WORDS}, PLACE)
