"""Names of event types, and the families an endpoint can choose.

What lives here: which names and patterns are accepted, and under which keys a name is found.
It must not know which event types are registered.
"""

from __future__ import annotations

import re

from deliveries.errors import InvalidEventType
from deliveries.protocol.writing.sentences import say

NAME_LIMIT = 128
OPERATIONAL_PREFIX = "hookpost."  # sql/accept_events.sql knows it too

_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def check_name(name: str) -> str:
    """Return the name of an event type, such as `invoice.paid`, or raise InvalidEventType."""
    if not isinstance(name, str):
        raise InvalidEventType(say("the name of an event type is a text"))
    if len(name) > NAME_LIMIT:
        raise InvalidEventType(say("an event type has at most {name_limit} characters", name_limit=NAME_LIMIT))
    if _NAME.fullmatch(name) is None:
        raise InvalidEventType(say("an event type is made of letters, digits, _ and -, in parts joined by single dots"))
    return name


def is_ours(name: str) -> bool:
    """Say whether only Hookpost itself emits events of this name; endpoints get them only if they name them."""
    return name.startswith(OPERATIONAL_PREFIX)


def check_own_name(name: str, *, field: str) -> str:
    """Return the name of an event type that is not Hookpost's own, however its letters are written."""
    try:
        check_name(name)
    except InvalidEventType as error:
        raise InvalidEventType(error.detail, field=field) from error
    if name.lower().startswith(OPERATIONAL_PREFIX):
        raise InvalidEventType(say("names that begin with hookpost. are reserved"), field=field)
    return name


def check_pattern(pattern: str) -> str:
    """Return a name, or a family such as `invoice.*`; anything else raises InvalidEventType."""
    if pattern == "*":
        raise InvalidEventType(say("leave event_types empty to receive all of them; * alone is no pattern"))
    if len(pattern) > NAME_LIMIT:
        raise InvalidEventType(say("a pattern has at most {name_limit} characters", name_limit=NAME_LIMIT))
    stem = pattern.removesuffix(".*")
    if "*" in stem:
        raise InvalidEventType(say("the star stands only at the end, after a dot, as in invoice.*"))
    check_name(stem)
    return pattern


def matching_keys(name: str) -> list[str]:
    """Return every name and family that an endpoint may have chosen to receive this event type.

    `invoice.paid.eu` is found under itself, `invoice.paid.*` and `invoice.*`; SQL compares the list
    with the endpoint's `event_types` by array overlap.
    """
    keys = [name]
    stem, dot, _ = name.rpartition(".")
    while dot:
        keys.append(f"{stem}.*")
        stem, dot, _ = stem.rpartition(".")
    return keys
