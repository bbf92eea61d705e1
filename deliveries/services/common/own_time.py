"""The time zone that somebody reads moments in, beside UTC; the browser's where they chose none.

What lives here: choosing it, and what was chosen. It must not know pages.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser

from deliveries.errors import InvalidInput
from deliveries.models import LogIn
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.time_zones import zone_named
from deliveries.services.common.languages import chosen_by_address

NO_ZONE = say("a name of the IANA's time zones, such as Europe/Berlin")


def choose_zone(user: AbstractUser, name: str) -> str:
    """Keep the time zone that somebody chose, empty for the browser's; raises InvalidInput for a name of none."""
    name = name.strip()
    if name and zone_named(name) is None:
        raise InvalidInput(NO_ZONE, field="time_zone")
    LogIn.objects.update_or_create(user_id=user.pk, defaults={"time_zone": name})
    return name


def zone_of(user: AbstractUser) -> str:
    """Return the time zone that somebody chose; empty for none."""
    return LogIn.objects.filter(user_id=user.pk).values_list("time_zone", flat=True).first() or ""


def zone_of_address(address: str) -> str:
    """Return the time zone that whoever has this mail address chose; empty for strangers, and for several people."""
    return chosen_by_address(address, "time_zone")
