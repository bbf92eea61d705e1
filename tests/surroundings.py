"""What a run of the tests must not inherit from who starts it.

What lives here: the names of such variables. It must not know what is set instead.
"""

from __future__ import annotations

from collections.abc import Mapping

OF_LIBPQ = "PG"  # a PGPORT leads past the server that the run starts, for its URL names no port


def misleading(environment: Mapping[str, str]) -> list[str]:
    """Return the names of our settings, and of libpq's where the caller names no database that they could be for."""
    others = () if "DATABASE_URL" in environment else (OF_LIBPQ,)
    return [name for name in environment if name.startswith(("HOOKPOST_", *others))]
