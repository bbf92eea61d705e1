"""Small pieces of pages: badges, times, links.

What lives here: HTML made of escaped values. It must not ask the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import assert_never

from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext_lazy

from deliveries.admin.parts.pieces import escaped, piece
from deliveries.admin.words.error_words import error_told, error_word
from deliveries.models import Attempt, Delivery
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing.timestamps import short_span, to_second
from deliveries.services.common import clock
from deliveries.services.common.languages import tell
from deliveries.sql.summary_rows import NewestGivenUpRow

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*[,:.]?(?:\s|$)")


def _of_delivery(state: DeliveryState) -> str:
    match state:
        case DeliveryState.PENDING:
            return "info"
        case DeliveryState.HELD:
            return "warning"
        case DeliveryState.SUCCEEDED:
            return "success"
        case DeliveryState.EXHAUSTED:
            return "danger"
        case DeliveryState.CANCELLED:
            return "default"
    assert_never(state)


STATE_WORDS = {
    "pending": pgettext_lazy("state", "pending"),
    "held": pgettext_lazy("state", "held"),
    "succeeded": pgettext_lazy("state", "succeeded"),
    "exhausted": pgettext_lazy("state", "given up"),
    "cancelled": pgettext_lazy("state", "cancelled"),
    "enabled": pgettext_lazy("state", "enabled"),
    "paused": pgettext_lazy("state", "paused"),
    "disabled": pgettext_lazy("state", "disabled"),
    "running": pgettext_lazy("state", "running"),
    "done": pgettext_lazy("state", "done"),
    "failed": pgettext_lazy("state", "failed"),
    "open": pgettext_lazy("state", "open"),
    "acknowledged": pgettext_lazy("state", "acknowledged"),
    "over": pgettext_lazy("state", "over"),
    "healthy": pgettext_lazy("state", "healthy"),
    "failing": pgettext_lazy("state", "failing"),
    "unknown": pgettext_lazy("state", "unknown"),
    "resting": pgettext_lazy("state", "resting"),
    "probing": pgettext_lazy("state", "probing"),
    "draining": pgettext_lazy("state", "draining"),
    "revoked": pgettext_lazy("state", "revoked"),
    "expired": pgettext_lazy("state", "expired"),
    "valid": pgettext_lazy("state", "valid"),
    "schedule": pgettext_lazy("state", "schedule"),
    "order": pgettext_lazy("state", "order"),
    "poll": pgettext_lazy("state", "poll"),
    "rate limit": pgettext_lazy("state", "rate limit"),
    "archived": pgettext_lazy("state", "archived"),
    "offered": pgettext_lazy("state", "offered"),
    "in preparation": pgettext_lazy("state", "in preparation"),
    "released": pgettext_lazy("state", "released"),
}
COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "enabled": "success",
        "paused": "warning",
        "disabled": "danger",
        "running": "info",
        "done": "success",
        "failed": "danger",
        "open": "danger",
        "acknowledged": "warning",
        "over": "success",
    }
)


NOTHING = "\N{EN DASH}"
LINE_LENGTH = 24
WORDS_KEPT = 1000


def first_large(text: str) -> str:
    """Return text with a capital at its beginning, unless that is a name: a host, like_regex or invoice.* stay."""
    return text[:1].upper() + text[1:] if _WORD.match(text) else text


def state_word(word: str) -> str:
    """Return a state in the reader's language; what is no state as it is."""
    return _state_word(word, get_language())


@lru_cache(maxsize=WORDS_KEPT)
def _state_word(word: str, language: str | None) -> str:
    return str(STATE_WORDS.get(word, word))


def badge(text: str, *, colour: str = "", title: str = "") -> SafeString:
    """Return a coloured label; the colour is the state's own unless given."""
    known = colour or colour_of(text)
    return piece('<span class="hp-badge hp-{}" title="{}">{}</span>', known, title, state_word(text))


@lru_cache(maxsize=WORDS_KEPT)
def colour_of(word: str) -> str:
    """Return the colour of a state: of a delivery, an endpoint or a job."""
    return _of_delivery(DeliveryState(word)) if word in set(DeliveryState) else COLOURS.get(word, "default")


def answer_of(row: Delivery | Attempt | NewestGivenUpRow) -> SafeString | str:
    """Return status and error of the last attempt as one badge, with its code and meaning on hover."""
    if row.error:
        words = "" if row.status_code and row.error.startswith("http_") else error_word(row.error)
        text = f"{row.status_code or ''} {words}".strip()
        return badge(text, colour="danger", title=error_told(row.error, row.status_code))
    return badge(str(row.status_code), colour="success") if row.status_code else NOTHING


def moment(value: datetime | None, *, relative: bool = False) -> SafeString | str:
    """Return a time in UTC, or its distance from now; the other on hover. A script adds the reader's own time."""
    if value is None:
        return NOTHING
    away, stamp = distance(value, now=clock.likely_now()), to_second(value)
    shown, title = (away, f"{stamp} UTC") if relative else (stamp, away)
    mark = SafeString(" data-hp-relative") if relative else ""
    form = '<time class="hp-nowrap" datetime="{}Z" title="{}"{}>{}</time>'
    return piece(form, stamp.replace(" ", "T"), title, mark, shown)


def distance(value: datetime, *, now: datetime) -> str:
    """Return how far a time is from now, such as `in 5 min` or `3 h ago`."""
    amount = short_span(abs((value - now).total_seconds()))
    return tell("in {span}", span=amount) if value > now else tell("{span} ago", span=amount)


def link(url: str, text: str, *, title: str = "") -> SafeString:
    """Return a link to one of our own pages; a long text is shortened, with all of it on hover."""
    short = text if isinstance(text, SafeString) else shortened(text)
    return piece('<a class="hp-link" href="{}" title="{}">{}</a>', url, title or (text if short != text else ""), short)


def short_name(text: str) -> SafeString | str:
    """Return what a person called something, shortened where it is long, with all of it on hover."""
    short = shortened(text)
    return text if short == text else piece('<span title="{}">{}</span>', text, short)


def shortened(text: str, *, length: int = 60) -> str:
    """Return text cut in the middle: the start and the end of a URL tell most."""
    if len(text) <= length:
        return text
    head = length * 2 // 3
    return f"{text[:head]}…{text[-(length - head - 1) :]}"


def dotted(name: str) -> SafeString:
    """Return the name of an event type, whose line may break after a dot only."""
    return SafeString(".<wbr>".join(map(escaped, name.split("."))))


def url_in_two_lines(url: str, *, title: str) -> SafeString:
    """Return host and path below each other, each shortened to what a column of a list holds."""
    host, slash, path = url.partition("://")[2].partition("/")
    lines = [shortened(each, length=LINE_LENGTH) for each in (host, f"{slash}{path}") if each not in ("", "/")]
    text = SafeString("<br>".join(map(escaped, lines)))
    return piece('<span class="hp-code hp-nowrap" title="{}">{}</span>', title, text)


def code(text: str, *, title: str = "", one_line: bool = False) -> SafeString:
    """Return text in a fixed-width font."""
    names = "hp-code hp-nowrap" if one_line else "hp-code"
    return piece('<span class="{}" title="{}">{}</span>', names, title or text, text)
