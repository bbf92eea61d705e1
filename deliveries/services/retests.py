"""Retests: an endpoint that was disabled for failing is tried by itself, and enabled again when it answers.

What lives here: who is retested, when, and what an answer means. All retests of an endpoint are attempts of one
delivery, a test event, so that they stand in the log together and make no backlog. They go at growing distances and end
after the days of the setting: a dead endpoint is asked some ten times a week. It must not know how a delivery is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db.models import F, Q, QuerySet

from deliveries.conf import conf
from deliveries.errors import HookpostError
from deliveries.models import Delivery, Endpoint, Retest
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.protocol.writing.sentences import say
from deliveries.protocol.writing.stored_sentences import RETEST_ARRIVED
from deliveries.services.accepting.events import send_test_event
from deliveries.services.common import clock
from deliveries.services.endpoints import resume_endpoint
from deliveries.services.housekeeping.rounds import act_alone, held_as_seen
from deliveries.services.resending.cancellations import cancel_deliveries
from deliveries.services.resending.redelivery import redeliver

log = structlog.get_logger(__name__)

FIRST_HOURS, LONGEST_HOURS = 1, 24
ROUND_LIMIT = 100
RETESTED = say("a retest, because it was disabled for failing")


def begin_retesting(endpoint: Endpoint) -> None:
    """Let an endpoint that was just disabled for failing be retested, if that is wanted."""
    if conf.retest_days:
        values = {
            "disabled_at": endpoint.state_changed_at,
            "delivery_id": None,
            "tries": 0,
            "next_at": clock.likely_now() + timedelta(hours=FIRST_HOURS),
        }
        Retest.objects.update_or_create(endpoint=endpoint, defaults=values)


def retest_disabled() -> int:
    """Send the retests that are due, enable what answered, forget what is over; returns how many were sent."""
    for retest in _over()[:ROUND_LIMIT]:
        end_retesting(retest)
    for retest in _answered():
        act_alone(partial(_enable, retest), retest.endpoint, event="endpoint_not_enabled_by_retest")
    due = _staying().filter(next_at__lte=clock.likely_now())
    return sum(_send(retest) for retest in due.order_by("next_at")[:ROUND_LIMIT])


def end_retesting(retest: Retest) -> None:
    """Retest no more, and take back what was to be sent for it."""
    Retest.objects.filter(pk=retest.pk).delete()
    if retest.delivery_id is not None:
        cancel_deliveries([retest.delivery_id])


def _staying() -> QuerySet[Retest]:
    """Return the retests of this cell: those of a customer that moves to another one go on there."""
    return Retest.objects.filter(endpoint__customer__moving="").select_related("endpoint__customer")


def _over() -> list[Retest]:
    """Return the retests of what somebody resumed, disabled anew or deleted, and those that went on for long enough."""
    rows = _staying()
    stale = ~Q(endpoint__state=Endpoint.State.DISABLED) | ~Q(endpoint__state_changed_at=F("disabled_at"))
    oldest = clock.likely_now() - timedelta(days=conf.retest_days)
    return list(rows.filter(stale | Q(endpoint__deleted_at__isnull=False) | Q(disabled_at__lt=oldest)))


def _answered() -> list[Retest]:
    retests = _staying().exclude(delivery_id=None)
    found = {retest.delivery_id: retest for retest in retests}
    arrived = Delivery.objects.filter(id__in=list(found), state=DeliveryState.SUCCEEDED)
    return [found[key] for key in arrived.values_list("id", flat=True)]


def _enable(retest: Retest) -> None:
    delivery = Delivery(id=retest.delivery_id)
    with held_as_seen(retest.endpoint):
        resume_endpoint(retest.endpoint, actor=SYSTEM, reason=RETEST_ARRIVED.again(delivery=delivery.public_id))
    Retest.objects.filter(pk=retest.pk).delete()
    log.info("endpoint_enabled_by_retest", endpoint=retest.endpoint.public_id, tries=retest.tries)


def _send(retest: Retest) -> int:
    """Send the next retest and say when the one after it goes; one that cannot be sent now is tried then."""
    sent = 0
    try:
        delivery = _delivery_of(retest)
        redeliver(delivery, actor=SYSTEM, reason=RETESTED)
        retest.delivery_id, sent = delivery.id, 1
    except HookpostError as error:
        log.warning("retest_not_sent", endpoint=retest.endpoint.public_id, error=str(error))
    retest.tries += 1
    retest.next_at = _next_at(retest.tries)
    Retest.objects.filter(pk=retest.pk).update(
        delivery_id=retest.delivery_id, tries=retest.tries, next_at=retest.next_at
    )
    return sent


def _next_at(tries: int) -> datetime:
    return clock.likely_now() + timedelta(hours=min(LONGEST_HOURS, FIRST_HOURS * 2**tries))


def _delivery_of(retest: Retest) -> Delivery:
    """Return the delivery by which an endpoint is retested; another one where the log has dropped the first."""
    known = Delivery.objects.filter(id=retest.delivery_id).first() if retest.delivery_id else None
    if known is not None:
        return known
    event_id: UUID = send_test_event(retest.endpoint).event_id
    return Delivery.objects.get(event_id=event_id, endpoint_id=retest.endpoint_id)
