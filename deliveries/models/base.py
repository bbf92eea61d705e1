"""What all tables share: ids and their TypeID form. Knows nothing of requests or queues."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7

from deliveries.protocol.ids import encode_id


def new_id() -> UUID:
    """Return a UUIDv7; ids made in one process rise strictly."""
    return uuid7()


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

    def __str__(self) -> str:
        return self.public_id
