"""The folded groups of an endpoint's form: their headings say what is set inside.

What lives here: from an endpoint and the fields of a group to a heading. It must not know how fields are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.forms import Field

from deliveries.models import Endpoint

# The columns of fields that are written in words.
COLUMNS = {
    "chosen_tags": "tags",
    "headers": "header_names",
    "schedule": "retry_schedule",
    "window": "delivery_window",
}


def heading_of(title: str, names: Sequence[str], fields: Mapping[str, Field], row: Endpoint | None) -> str:
    """Return the heading of a group, with the labels of what this endpoint has otherwise than a new one."""
    inside = [] if row is None else [str(fields[name].label) for name in names if _is_set(row, name)]
    return f"{title}: {', '.join(inside)}" if inside else title


def _is_set(row: Endpoint, name: str) -> bool:
    column = COLUMNS.get(name, name)
    known = {field.name: field for field in Endpoint._meta.concrete_fields}
    if column not in known:
        return False
    value = getattr(row, column)
    return bool(value) and value != known[column].get_default()
