"""Which fields an item may bring, and what each is made of, before the services look at what it says.

What lives here: types of JSON. It must not know the rules: services check those, as they do for the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

from deliveries.protocol.imports.item import Given, Kind

OBJECT_LIMIT_BYTES = 65_536


class Made(NamedTuple):
    """What a field is made of: in words, and as a test."""

    words: str
    fits: Callable[[object], bool]


def _is_small(value: object) -> bool:
    return len(orjson.dumps(value)) <= OBJECT_LIMIT_BYTES


TEXT = Made("a text", lambda value: isinstance(value, str))
FLAG = Made("true or false", lambda value: isinstance(value, bool))
NUMBER = Made("a whole number or null", lambda value: value is None or type(value) is int)
TEXTS = Made("a list of texts", lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value))
HEADERS = Made(
    "names and values, all texts, each name once",
    lambda value: isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values()),
)
CREDENTIALS = Made("an object of texts or null", lambda value: value is None or HEADERS.fits(value))
SCHEME = Made("a name or an object", lambda value: isinstance(value, str | Mapping))
SCHEDULE = Made("a list of whole numbers or null", lambda value: value is None or isinstance(value, list))
WINDOW = Made("an object or null", lambda value: value is None or isinstance(value, Mapping))
VERSION = Made("a name or null", lambda value: value is None or isinstance(value, str))
OBJECT = Made("an object of at most 64 KB", lambda value: isinstance(value, Mapping) and _is_small(value))
JSON = Made("JSON of at most 64 KB", _is_small)

FIELDS: Mapping[Kind, Mapping[str, Made]] = {
    "customer": {"name": TEXT, "metadata": OBJECT, "endpoint_limit": NUMBER},
    "event_type": {
        **dict.fromkeys(("description", "validation"), TEXT),
        **dict.fromkeys(("schema", "example"), JSON),
        "archived": FLAG,
    },
    "endpoint": {
        **dict.fromkeys(("url", "description", "filter", "payload_mode", "state"), TEXT),
        **dict.fromkeys(("method", "body_format", "transformation"), TEXT),
        **dict.fromkeys(("rate_limit", "max_in_flight", "timeout_seconds", "set_aside_after"), NUMBER),
        **dict.fromkeys(("batch_size", "batch_wait_ms"), NUMBER),
        **dict.fromkeys(("event_types", "tags"), TEXTS),
        "metadata": OBJECT,
        "headers": HEADERS,
        **dict.fromkeys(("auth", "tls"), CREDENTIALS),
        "signing": SCHEME,
        "retry_schedule": SCHEDULE,
        "delivery_window": WINDOW,
        "api_version": VERSION,
        **dict.fromkeys(("ordered", "send_trace_context"), FLAG),
    },
}


def misfit(kind: Kind, fields: Given) -> str:
    """Return what is wrong with the types of an item's fields, in a sentence; empty when nothing is."""
    known = FIELDS[kind]
    for name, value in fields.items():
        if name not in known:
            return f"{name}: there is no such field"
        if not known[name].fits(value):
            return f"{name}: must be {known[name].words}"
    return ""
