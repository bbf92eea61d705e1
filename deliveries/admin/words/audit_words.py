"""What an audit entry keeps besides its columns, in lines that a person reads.

What lives here: from JSON to names and values; ids as everywhere else. It must not know a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.utils.translation import gettext

from deliveries.protocol.writing import ids

PREFIXES = {
    "customer": ids.CUSTOMER,
    "delivery": ids.DELIVERY,
    "endpoint": ids.ENDPOINT,
    "event": ids.EVENT,
    "event_type": ids.EVENT_TYPE,
    "job": ids.JOB,
    "member": ids.MEMBER,
}


def in_lines(detail: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and value of each thing in a piece of JSON, the deepest ones."""
    if isinstance(detail, dict):
        for each, value in detail.items():
            yield from in_lines(value, f"{name} {each}".strip())
    elif isinstance(detail, list):
        yield name.replace("_", " "), ", ".join(_shown(each, name) for each in detail) or gettext("none")
    else:
        yield name.replace("_", " "), _shown(detail, name)


def _shown(value: object, name: str) -> str:
    if value is None or isinstance(value, bool):
        return gettext("none") if value is None else gettext("yes") if value else gettext("no")
    noun = name.rpartition(" ")[2].removesuffix("_ids").removesuffix("_id").removesuffix("s")
    prefix = PREFIXES.get(noun, "")
    try:
        return ids.encode_id(prefix, UUID(str(value))) if prefix else str(value)
    except ValueError:
        return str(value)
