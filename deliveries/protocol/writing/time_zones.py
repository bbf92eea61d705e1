"""Time zones by their names in the IANA database, and moments as people there read them.

What lives here: which names there are, and a moment written in one. It must not know whose zone it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from deliveries.protocol.writing.timestamps import to_minute

NAME_LIMIT = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


def zone_named(name: str) -> ZoneInfo | None:
    """Return the zone of this name; None when there is none."""
    if len(name) > NAME_LIMIT or _NAME.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # zoneinfo's own error is a KeyError
        return None


def stamp(moment: datetime, zone: str = "") -> str:
    """Return a moment to the minute in UTC, and beside it as it is read in a zone, where that is another."""
    utc = f"{to_minute(moment)} UTC"
    found = zone_named(zone) if zone else None
    local = moment.astimezone(found) if found else None
    return utc if local is None or not local.utcoffset() else f"{utc} ({local:%Y-%m-%d %H:%M} {zone})"


def next_at(hour: int, *, zone: str, now: datetime) -> datetime:
    """Return when it is so many o'clock next in a zone, in UTC."""
    local = now.astimezone(zone_named(zone) or UTC)
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (today if today > local else today + timedelta(days=1)).astimezone(UTC)
