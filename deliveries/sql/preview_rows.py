"""What the rows of the statements of previews hold, as rows.py has it for all others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID


class ExplainFilterRow(NamedTuple):
    """What became of the condition at a place, from 1, for an event; `found` is JSON, the first of what is there."""

    event_id: UUID
    place: int
    holds: bool | None
    found_count: int
    found: Sequence[str]


class PreviewFilterRow(NamedTuple):
    """Whether a filter lets an event through."""

    event_id: UUID
    matches: bool
