"""Rows that were read a moment ago, and that somebody may have changed or deleted since.

What lives here: holding one as it is now until the transaction ends. It must not know what is done with it. Whoever
holds several holds endpoints before their customer, and a customer before all else that is its.
"""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model

from deliveries.errors import NotFound
from deliveries.models import Endpoint
from deliveries.protocol.writing.sentences import say

GONE = say("it was deleted meanwhile")


def hold(row: Model, *, to_delete: bool = False) -> None:
    """Read a row anew, and let nobody else change it until the transaction ends; raises NotFound when it is gone.

    Who is going to delete it lets nobody make what belongs to it either.
    """
    rows = type(row)._default_manager.select_for_update(of=("self",), no_key=not to_delete)
    try:
        row.refresh_from_db(from_queryset=rows)
    except ObjectDoesNotExist as error:
        raise NotFound(GONE) from error


def hold_living(endpoint: Endpoint) -> None:
    """Hold an endpoint; one that was deleted stays as a row, and is not found either."""
    hold(endpoint)
    if endpoint.deleted_at is not None:
        raise NotFound(GONE)
