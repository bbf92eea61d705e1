"""The roll-up: attempts of the log added to their hours, once each, a stretch at a time; old hours forgotten.

What lives here: how far the counting has come. It must not know what the figures are for: endpoint_health.py does.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from deliveries import sql
from deliveries.models import EndpointHour, Watermark
from deliveries.protocol.writing import ids
from deliveries.sql.rows import RollUpAttemptsRow

ATTEMPTS = "attempts"
CUSTOMER_HOURS = "customer_hours"  # from here on customers have their sums
# An id tells when its attempt ended by the clock of its worker; it is stored a moment later. What comes later than
# this is not counted. Clocks that are off by more do not send.
LAG_SECONDS = 45.0
STRETCH = 20_000
START = timedelta(days=1)  # of the log that is there already, when the counting begins
IDLE = timedelta(hours=1)
SET_BACK = timedelta(minutes=2)  # so far ahead of now the mark is only where the database's clock was
# The longest wait of the usual schedule is a day: a delivery that fails alone does not begin a group anew each time.
QUIET = timedelta(days=2)
DAYS_KEPT = 92
DAYS_SHOWN = 31  # so far back charts go at most
PURGE_LIMIT = 10_000


def roll_up(*, lag_seconds: float = LAG_SECONDS, limit: int = STRETCH) -> bool:
    """Count the next stretch of attempts; returns whether there is more to count at once."""
    with transaction.atomic():
        mark = _take_watermark()
        if mark is None:
            return False
        row = _count(after=mark.through, lag_seconds=lag_seconds, limit=limit)
        # Without attempts the mark follows all the same, now and then: days gone by need not be looked into again.
        # And where the database's clock was set back, it goes back with it.
        if row.attempts or not -SET_BACK <= ids.time_of(row.bound) - ids.time_of(mark.through) <= IDLE:
            if row.through is not None:
                _group_failures(after=mark.through, through=row.through)
            Watermark.objects.filter(name=ATTEMPTS).update(through=row.through or row.bound)
        sum_customers(ids.time_of(row.bound))
    return row.attempts >= limit


def purge_hours() -> int:
    """Forget hours that no chart shows any more, a bounded number; returns how many rows."""
    old = EndpointHour.objects.filter(hour__lt=Now() - timedelta(days=DAYS_KEPT)).order_by("hour")
    chosen = list(old.values_list("pk", flat=True)[:PURGE_LIMIT])
    return EndpointHour.objects.filter(pk__in=chosen).delete()[0] if chosen else 0


def _take_watermark() -> Watermark | None:
    """Return the mark, locked; None while another process has it."""
    if not Watermark.objects.filter(name=ATTEMPTS).exists():
        bound = _count(after=UUID(int=0), lag_seconds=LAG_SECONDS, limit=0).bound  # by the database's clock
        start = ids.floor_of(ids.time_of(bound) - START)
        Watermark.objects.bulk_create([Watermark(name=ATTEMPTS, through=start)], ignore_conflicts=True)
    return Watermark.objects.select_for_update(skip_locked=True).filter(name=ATTEMPTS).first()


def _count(*, after: UUID, lag_seconds: float, limit: int) -> RollUpAttemptsRow:
    return sql.fetch(RollUpAttemptsRow, {"after": after, "lag_seconds": lag_seconds, "limit": limit})[0]


def sum_customers(now: datetime) -> None:
    """Sum another day of each customer that was counted for its endpoints alone, the newest first; by and by all."""
    ahead = ids.floor_of(now + IDLE + timedelta(seconds=LAG_SECONDS))
    mark, _ = Watermark.objects.get_or_create(name=CUSTOMER_HOURS, defaults={"through": ahead})
    until = ids.time_of(mark.through)
    if until <= now - timedelta(days=DAYS_SHOWN):
        return
    since = until - timedelta(days=1)
    sql.run("sum_customer_hours", {"since": since, "until": until})
    Watermark.objects.filter(name=CUSTOMER_HOURS).update(through=ids.floor_of(since))


def _group_failures(*, after: UUID, through: UUID) -> None:
    sql.run("group_failures", {"after": after, "through": through, "quiet_seconds": QUIET.total_seconds()})
