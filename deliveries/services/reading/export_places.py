"""Who exports at the moment: whoever reads slowly holds a thread, for as long as they like.

What lives here: the places of a process for exports. It must not know what is exported, nor as what.
"""

from __future__ import annotations

import threading
from uuid import UUID
from weakref import WeakSet

from deliveries.conf import conf
from deliveries.services.common.limits import EXPORTS

STAFF_AT_ONCE = 2  # of each process


class ExportPlace:
    """A place for an export, of a customer or with None of the operator."""

    def __init__(self, owner: UUID | None) -> None:
        self.owner = owner


class ExportPlaces:
    """Each customer has a place, all of them together some of the threads, and the operator places of its own.

    A place is taken while its export is there, also one that nobody closes.
    """

    def __init__(self) -> None:
        self.taken: WeakSet[ExportPlace] = WeakSet()
        self._lock = threading.Lock()

    def take(self, owner: UUID | None) -> ExportPlace | None:
        """Return a place, or None when there is none left for this owner."""
        with self._lock:
            own = sum(1 for place in self.taken if place.owner == owner)
            customers = sum(1 for place in self.taken if place.owner is not None)
            if own >= (STAFF_AT_ONCE if owner is None else EXPORTS) or (owner and customers >= customers_at_once()):
                return None
            place = ExportPlace(owner)
            self.taken.add(place)
            return place

    def give_back(self, place: ExportPlace) -> None:
        """End a place."""
        with self._lock:
            self.taken.discard(place)


def customers_at_once() -> int:
    """Return how many customers may export at once: a quarter of the threads."""
    return max(2, conf.web_threads // 4)


export_places = ExportPlaces()
