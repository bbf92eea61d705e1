"""What the rows of the statements hold that look for sealed values, as rows.py has it for others.

What lives here: names and types of the columns, in their order. It must not know what they are for.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class SealingKeysRow(NamedTuple):
    """A key that sealed something: the newest value, with the id of its row, and how many there are."""

    kind: str
    key_id: bytes
    id: UUID
    sealed: bytes
    number: int


class StaleCredentialsRow(NamedTuple):
    """An endpoint whose credentials another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleFactorsRow(NamedTuple):
    """A second factor that another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleHeadersRow(NamedTuple):
    """An endpoint whose headers another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleImportsRow(NamedTuple):
    """An item to import that another key than the first sealed."""

    id: UUID
    sealed: bytes


class StaleSecretsRow(NamedTuple):
    """A secret that another key than the first sealed."""

    id: UUID
    sealed: bytes
