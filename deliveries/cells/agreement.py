"""What two cells must say alike, or a customer that moves would be sent something else than before.

What lives here: released versions of the API with their mappings, and the keys of services, which are rows of each
cell. It must not know what is moved.
"""

from __future__ import annotations

from collections.abc import Sequence

from deliveries.cells.cell import Connection, Link

VERSIONS = """
SELECT v.name, c.event_type, c.down, c.up
FROM hookpost_api_version v LEFT JOIN hookpost_version_change c ON c.version_id = v.id
WHERE v.released_at IS NOT NULL ORDER BY v.id, c.event_type
"""
SERVICE_KEYS = """
SELECT hashed, name FROM hookpost_api_key
WHERE customer_id IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

Row = tuple[object, ...]


def differing_versions(link: Link) -> str:
    """Say in which the released versions of the API differ; nothing where they do not."""
    here, there = _versions(link.source), _versions(link.destination)
    names = [list(dict.fromkeys(str(name) for name, *_ in rows)) for rows in (here, there)]
    if names[0] != names[1]:
        return f"the released versions of the API are {_listed(names[0])} here and {_listed(names[1])} in {link.name}"
    if other := sorted(set(here) ^ set(there), key=str):
        name, event_type, *_ = other[0]
        return f"the mappings of version {name} for {event_type} are not the same here and in {link.name}"
    return ""


def unknown_keys(link: Link) -> list[str]:
    """Return the names of services' keys that the destination does not know: what they post would be refused there."""
    known = {hashed for hashed, _ in link.destination.execute(SERVICE_KEYS)}
    return sorted(str(name) for hashed, name in link.source.execute(SERVICE_KEYS) if hashed not in known)


def _versions(connection: Connection) -> Sequence[Row]:
    return connection.execute(VERSIONS).fetchall()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
