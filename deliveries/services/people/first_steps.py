"""The first steps of a customer: an endpoint, an answer to a test event, an arrival, the first real event.

What lives here: which of them are done. Each is noted with the customer once it was seen done, so that who has done
all of them is never asked about again, and a step stays done when the log has forgotten it. It must not know pages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from django.db import transaction

from deliveries.models import AuditEntry, Customer, Delivery, Endpoint, visible
from deliveries.models.visible import Viewer
from deliveries.protocol.events.event_types import is_ours
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing import ids
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

LOOKED_AT = 50  # of the newest deliveries, and of the newest tests
DISMISSED = "dismissed"


class FirstStep(StrEnum):
    """What somebody who begins does, in this order."""

    ENDPOINT = "endpoint"
    ANSWERED = "answered"
    ARRIVED = "arrived"
    EVENT = "event"


def steps_done(customer: Customer) -> frozenset[FirstStep] | None:
    """Return the steps that are done, or None when there is nothing left to show; asks only while some are left."""
    known = frozenset(customer.first_steps)
    if is_over(known):
        return None
    done = known | frozenset(_seen_now(customer, known))
    if done != known:
        # Whoever dismissed them meanwhile has the last word.
        same = Customer.objects.filter(pk=customer.pk, first_steps=customer.first_steps, moving=Customer.Moving.NO)
        customer.first_steps = sorted(done)
        same.update(first_steps=customer.first_steps)
    return None if is_over(done) else frozenset(FirstStep(name) for name in done)


def is_over(done: Collection[str]) -> bool:
    """Say whether nothing is left: all is done, a real event arrived, which shows all, or somebody dismissed them."""
    return DISMISSED in done or {FirstStep.ARRIVED, FirstStep.EVENT} <= set(done)


def is_beginning(customer: Customer) -> bool:
    """Say whether no receiver of a customer has answered yet, as far as was noted."""
    known = frozenset(customer.first_steps)
    return not is_over(known) and FirstStep.ANSWERED not in known


def dismiss(customer: Customer, *, actor: str) -> None:
    """Show them no more to anybody of the customer."""
    with transaction.atomic():
        hold(customer)
        customer.first_steps = [DISMISSED]
        customer.save(update_fields=["first_steps"])
        record_act(actor, "customer.dismiss_first_steps", customer=customer, object_id=customer.public_id)


def _seen_now(customer: Customer, known: Collection[str]) -> Iterator[FirstStep]:
    viewer = Viewer(customer_id=customer.pk)
    if FirstStep.ENDPOINT not in known:
        if not visible.endpoints(viewer).exists():
            return
        yield FirstStep.ENDPOINT
    newest = list(visible.deliveries(viewer).order_by("-id")[:LOOKED_AT])
    if any(each.status_code for each in newest):
        yield FirstStep.ANSWERED
    if any(each.state == DeliveryState.SUCCEEDED for each in newest):
        yield FirstStep.ARRIVED
    if FirstStep.EVENT not in known and _has_real(newest):
        yield FirstStep.EVENT


def _has_real(deliveries: Sequence[Delivery]) -> bool:
    """Say whether one of them is no test of a page; tests may be of any type."""
    found = [each for each in deliveries if not is_ours(each.event_type)]
    if not found:
        return False
    endpoints = {ids.encode_id(Endpoint.PREFIX, each.endpoint_id) for each in found}
    tests = AuditEntry.objects.filter(action="endpoint.test", object_id__in=endpoints).order_by("-id")[:LOOKED_AT]
    tested = {entry.detail.get("event") for entry in tests}
    return any(ids.encode_id(ids.EVENT, each.event_id) not in tested for each in found)
