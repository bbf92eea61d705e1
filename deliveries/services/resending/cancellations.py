"""Cancelling in bulk what waits: which deliveries are meant, found part by part, and taking them out of the queue.

What lives here: one bounded part of the work. What waits is looked for in the queue, which is small, and not in the
log. It must not know jobs' rows; job_steps.py counts and steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from deliveries import sql
from deliveries.errors import InvalidInput
from deliveries.models import Delivery, DueDelivery, Lane
from deliveries.models.visible import Viewer
from deliveries.protocol.when.delivery_states import DeliveryState, is_waiting
from deliveries.protocol.writing.sentences import say
from deliveries.services.reading.selection import Selection, deliveries_of
from deliveries.sql.ending_rows import CancelDeliveriesRow

WAITING = (DeliveryState.PENDING, DeliveryState.HELD)
NOT_WAITING = say("only what is pending or held is cancelled")
ORDER = "order"  # an ordered endpoint waits for the retry of its first delivery: engine/phases.py


def waiting_only(selection: Selection) -> Selection:
    """Return what of a selection still waits; raises InvalidInput for a state in which nothing does."""
    if any(not is_waiting(DeliveryState(state)) for state in selection.states):
        raise InvalidInput(NOT_WAITING, field="state")
    return selection if selection.is_empty or selection.states else replace(selection, states=WAITING)


def waiting_rows(selection: Selection, viewer: Viewer) -> tuple[QuerySet[Delivery], QuerySet[DueDelivery]]:
    """Return the deliveries that are meant and wait, and the rows of the queue among which they are."""
    due = DueDelivery.objects.filter(manual=False)
    if selection.endpoint_id:
        due = due.filter(endpoint_id=selection.endpoint_id)
    return deliveries_of(viewer, selection)[0], due


def still_waiting(delivery_ids: Sequence[UUID]) -> list[UUID]:
    """Return which of these have something to send by their schedule."""
    due = DueDelivery.objects.filter(delivery_id__in=delivery_ids, manual=False)
    return list(due.values_list("delivery_id", flat=True))


def cancel_deliveries(delivery_ids: Sequence[UUID]) -> int:
    """Cancel what of these waits; returns how many. What is in flight at this moment may still arrive."""
    with transaction.atomic():
        _end_waits_for(delivery_ids)
        return sql.fetch(CancelDeliveriesRow, {"delivery_ids": list(delivery_ids)})[0].cancelled


def _end_waits_for(delivery_ids: Sequence[UUID]) -> None:
    """Let ordered endpoints go on at once that wait for the retry of one of these; locked before the queue's rows."""
    retries = DueDelivery.objects.filter(delivery_id__in=delivery_ids, manual=False, attempts__gt=0)
    lanes = Lane.objects.select_for_update().filter(rest_reason=ORDER, endpoint_id__in=retries.values("endpoint_id"))
    waiting = list(lanes.order_by("endpoint_id").values_list("endpoint_id", flat=True))
    Lane.objects.filter(endpoint_id__in=waiting).update(rest_until=None, rest_reason="")
