"""What all tables share: ids and their TypeID form. Knows nothing of requests or queues."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.db import models
from django.db.models.expressions import Combinable

from deliveries.models import clock
from deliveries.protocol.writing.ids import encode_id, time_of, time_ordered

REASON_LIMIT = 300  # characters of a reason or a note that somebody gives
BACK_MILLISECONDS = 1000  # a correction; a clock that goes back further was wrong, and its ids are not gone on from


class _Ids:
    """The ids of one process: of the database's time as this host knows it, rising strictly."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Go on from no id that was made before."""
        self._milliseconds = self._chance = 0

    def make(self) -> UUID:
        """Return the next id. Source: RFC 9562 6.2, method 2."""
        milliseconds, chance = int(clock.host.likely() * 1000), int.from_bytes(os.urandom(9))
        with self._lock:
            if 0 <= self._milliseconds - milliseconds <= BACK_MILLISECONDS:
                milliseconds, chance = self._milliseconds, self._chance + 1 + (chance >> 40)
            self._milliseconds, self._chance = milliseconds, chance
        return time_ordered(milliseconds, chance)


_ids = _Ids()
os.register_at_fork(after_in_child=_ids.forget)


def new_id() -> UUID:
    """Return a UUIDv7 of the database's time, as well as this host knows it; ids made in one process rise strictly."""
    return _ids.make()


if TYPE_CHECKING:
    DateTimeField = models.DateTimeField[str | datetime | Combinable, datetime]
else:
    DateTimeField = models.DateTimeField


class MomentField(DateTimeField):
    """A moment that is filled in by the database's time, as this host knows it, and not by a host's clock."""

    def pre_save(self, model_instance: models.Model, add: bool) -> datetime:
        """Return what is stored: with `auto_now`, and with `auto_now_add` of a new row, the time."""
        if self.auto_now or (self.auto_now_add and add):
            setattr(model_instance, self.attname, datetime.fromtimestamp(clock.host.likely(), UTC))
        moment: datetime = getattr(model_instance, self.attname)
        return moment

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Return what migrations know it as: Django's own field."""
        name, _, args, named = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, named


class IdentifiedModel(models.Model):
    """A row with a UUIDv7 key, shown to people and programs as a TypeID."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        """The id as the API, the pages and the logs show it."""
        return encode_id(self.PREFIX, self.id)

    @property
    def made_at(self) -> datetime:
        """The moment in the id, to the millisecond: what is shown and what a span of time compares are one."""
        return time_of(self.id)

    def __str__(self) -> str:
        return self.public_id
