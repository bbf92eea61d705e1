"""How far a host's clock is from the database's, as one round trip tells it.

What lives here: a reading and what follows from it. Pure: the times come in, as Unix seconds. It must not know
how a database is asked. Source: the offset and delay of RFC 5905 8, with one round trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """The host's clock minus the database's, known to within `uncertainty_seconds`."""

    offset_seconds: float
    uncertainty_seconds: float

    @property
    def correction_seconds(self) -> float:
        """What is to be taken from the host's clock: only what is sure, so that a slow answer moves no right clock."""
        sure = max(0.0, abs(self.offset_seconds) - self.uncertainty_seconds)
        return sure if self.offset_seconds > 0 else -sure

    def is_off(self, tolerance_seconds: float) -> bool:
        """Say whether the clocks differ by more, however the round trip was spent."""
        return abs(self.correction_seconds) > tolerance_seconds

    def agrees(self, tolerance_seconds: float) -> bool:
        """Say whether the clocks differ by less for certain: what cannot be taken back asks for this."""
        return abs(self.offset_seconds) + self.uncertainty_seconds <= tolerance_seconds

    def in_words(self) -> str:
        """Return which clock is off and by how much, for people."""
        direction = "ahead of" if self.offset_seconds > 0 else "behind"
        return f"this host's clock is {span_in_words(abs(self.offset_seconds))} {direction} the database's"


def compare(database_time: float, *, asked_at: float, answered_at: float) -> Reading:
    """Return what the database's time says about a host that asked and got its answer at these times of its own."""
    return Reading((asked_at + answered_at) / 2 - database_time, abs(answered_at - asked_at) / 2)


def span_in_words(seconds: float) -> str:
    """Return a span in the unit that people would use: `400.0 days`, `2.5 hours`, `60.0 minutes`, `45.0 seconds`."""
    for (unit, size), (_, smaller) in pairwise(UNITS):
        if round(seconds / smaller, 1) * smaller >= 2 * size:  # as it would be written in the smaller one
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"
