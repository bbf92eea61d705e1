"""Ids as people paste them.

What lives here: reading one, in either of its two forms. It must not know pages.
"""

from __future__ import annotations

from uuid import UUID

from deliveries.errors import InvalidId
from deliveries.protocol.writing.ids import decode_id


def read_id(prefix: str, text: str) -> UUID | None:
    """Read a TypeID with that prefix, or a UUID; None for anything else."""
    try:
        return decode_id(prefix, text) if "_" in text else UUID(text)
    except (InvalidId, ValueError):
        return None
