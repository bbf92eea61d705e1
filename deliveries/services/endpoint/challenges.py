"""Challenges: whose URL has to answer one, and what an endpoint may not do before it has.

What lives here: the rules for rows. An endpoint that has yet to answer is paused, so that what it gets is held like
that of any paused one; what is sent by hand, too, the engine keeps from it (sql/parts/shaping.sql). It must not know
how a URL is asked: challenge_rounds.py does.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction

from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.models import Challenge, Endpoint
from deliveries.protocol.answers.challenge import KINDS, UNVERIFIED
from deliveries.protocol.sending.inbox import is_inbox
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.services.common.audit import record_act
from deliveries.services.resending.cancellations import cancel_deliveries

AGAIN_SECONDS = 10

State = Endpoint.State
COLUMNS = ("unverified", "allowed_rate", "state", "state_reason", "state_changed_at", "draining", "updated_at")


def begin(endpoint: Endpoint, *, vouched: bool = False) -> None:
    """Have the URL of an endpoint answer first, where that is asked for; in the transaction that stored it."""
    forget(endpoint)
    kinds = KINDS[conf.challenge]
    if vouched or not kinds or is_inbox(endpoint.url) or is_polled(endpoint.url):
        return
    endpoint.unverified = kinds[0]
    if endpoint.state == State.ENABLED:
        endpoint.state, endpoint.state_reason = State.PAUSED, UNVERIFIED
        endpoint.state_changed_at, endpoint.draining = clock.likely_now(), False
    endpoint.save(update_fields=COLUMNS)
    Challenge.objects.create(endpoint=endpoint, next_at=clock.likely_now())


def begin_anew(endpoint: Endpoint, *, before: str, vouched: bool = False) -> None:
    """Ask again after a change of the URL: to another origin, or of one that has not answered."""
    if endpoint.url != before and (endpoint.unverified or _origin(endpoint.url) != _origin(before)):
        waited = is_waiting(endpoint)
        begin(endpoint, vouched=vouched)
        if waited and endpoint.unverified is None:
            endpoint.state, endpoint.state_reason, endpoint.draining = State.ENABLED, "", True
            endpoint.state_changed_at = clock.likely_now()
            endpoint.save(update_fields=COLUMNS)


def forget(endpoint: Endpoint) -> None:
    """Forget what a URL was asked, what is on its way there, and what it allowed."""
    asked = Challenge.objects.select_for_update().filter(endpoint=endpoint).first()
    if asked is None:
        return
    asked.delete()
    if endpoint.unverified is not None or endpoint.allowed_rate is not None:
        endpoint.unverified = endpoint.allowed_rate = None
        endpoint.save(update_fields=("unverified", "allowed_rate", "updated_at"))
    if asked.delivery_id is not None:
        cancel_deliveries([asked.delivery_id])


def allowed_state(endpoint: Endpoint, state: State, reason: str) -> tuple[State, str]:
    """Return the state, and why, that somebody may bring an endpoint to; raises Conflict for one that waits already."""
    if state != State.ENABLED or endpoint.unverified is None:
        return state, reason
    if is_waiting(endpoint):
        raise Conflict(say("{unverified}; it goes on by itself as soon as it has", unverified=UNVERIFIED))
    return State.PAUSED, UNVERIFIED


def is_settled(endpoint: Endpoint, state: State, reason: str) -> bool:
    """Say whether an endpoint is in a state already; waiting for its URL and being paused by somebody are two."""
    waits = (endpoint.state_reason == UNVERIFIED, reason == UNVERIFIED)
    return endpoint.state == state and not (state == State.PAUSED and waits[0] != waits[1])


def is_waiting(endpoint: Endpoint) -> bool:
    """Say whether an endpoint goes on as soon as its URL has answered."""
    return endpoint.unverified is not None and endpoint.state == State.PAUSED and endpoint.state_reason == UNVERIFIED


def ask_again(endpoint: Endpoint, *, actor: str) -> Challenge:
    """Ask a URL anew, at once and from the beginning; raises Conflict for one that needs not, or was just asked."""
    with transaction.atomic():
        asked = Challenge.objects.select_for_update().filter(endpoint=endpoint).first()
        if asked is None or asked.state == Challenge.State.VERIFIED:
            raise Conflict(say("its URL has nothing to answer"))
        now, waiting = clock.likely_now(), asked.delivery_id
        if asked.asked_at is not None and asked.asked_at > now - timedelta(seconds=AGAIN_SECONDS):
            raise Conflict(
                say("its URL was asked a moment ago; wait {again_seconds} seconds", again_seconds=AGAIN_SECONDS)
            )
        asked.state, asked.tries, asked.delivery_id, asked.next_at = Challenge.State.WAITING, 0, None, now
        asked.save(update_fields=["state", "tries", "delivery_id", "next_at"])
        record_act(actor, "endpoint.verify", customer=endpoint.customer, object_id=endpoint.public_id)
    if waiting is not None:
        cancel_deliveries([waiting])
    return asked


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
