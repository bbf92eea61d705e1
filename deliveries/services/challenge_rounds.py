"""The dispatcher's rounds over URLs that have yet to answer a challenge: ask, look at what came back, enable.

What lives here: when a URL is asked, and what an answer does to its endpoint. Each question is a delivery of its own,
sent like a redelivery, so that it is signed, bounded and logged as everything that is sent. It must not know how.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from deliveries.conf import conf
from deliveries.errors import HookpostError
from deliveries.models import Attempt, Challenge, Delivery, Endpoint
from deliveries.protocol.answers.challenge import (
    CHALLENGE,
    KINDS,
    OPTIONS,
    UNVERIFIED,
    ChallengeKind,
    ChallengeVerdict,
    judge_own,
    judge_permission,
    kind_for,
    next_wait,
    origin_name,
)
from deliveries.protocol.answers.outcome import EXPLANATIONS
from deliveries.protocol.answers.shown_body import shown_body
from deliveries.protocol.sending.request import read_headers, read_method
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.protocol.writing.sentences import say
from deliveries.services.accepting.events import send_to_one
from deliveries.services.common import clock
from deliveries.services.endpoints import resume_endpoint
from deliveries.services.housekeeping.rounds import act_alone
from deliveries.services.resending.cancellations import cancel_deliveries
from deliveries.services.resending.redelivery import redeliver

log = structlog.get_logger(__name__)

ROUND_LIMIT = 200
NOT_LOOKED_AT = "challenge_not_looked_at"
ASKING = say("the challenge that a new URL has to answer")
ANSWERED = say("its URL has answered the challenge")
NO_LONGER = say("challenges are no longer asked for")

State = Challenge.State


def run_challenges() -> int:
    """Look at what came back and ask what is due to be asked; returns how many URLs were asked."""
    rows = Challenge.objects.exclude(state=State.VERIFIED).filter(endpoint__customer__moving="")
    rows = rows.select_related("endpoint__customer")
    kinds = KINDS[conf.challenge]
    if not kinds:
        for asked in rows[:ROUND_LIMIT]:
            verify = partial(_verify, asked, ChallengeVerdict(proven=True), reason=NO_LONGER)
            act_alone(verify, asked.endpoint, event=NOT_LOOKED_AT)
        return 0
    # Those that have come to an attempt: others wait for it, and many of them would keep the rest from being looked at.
    tried = Exists(Attempt.objects.filter(delivery_id=OuterRef("delivery_id")))
    for asked in rows.filter(tried, state=State.WAITING).order_by("asked_at")[:ROUND_LIMIT]:
        act_alone(partial(_look, asked, kinds), asked.endpoint, event=NOT_LOOKED_AT)
    due = rows.filter(state=State.WAITING, delivery_id=None, next_at__lte=clock.likely_now())
    return sum(_ask(asked, kinds) for asked in due.order_by("next_at")[:ROUND_LIMIT])


def _ask(asked: Challenge, kinds: Sequence[ChallengeKind]) -> int:
    """Send a question; what cannot be sent now is asked at the next time."""
    kind, value = kind_for(asked.tries, kinds), secrets.token_urlsafe(24)
    now, wait = clock.likely_now(), next_wait(asked.tries + 1, kinds)
    Endpoint.objects.filter(id=asked.endpoint_id, unverified__isnull=False).update(unverified=kind)
    delivery_id = None
    try:
        event_id = send_to_one(asked.endpoint, CHALLENGE, {"challenge": value}).event_id
        delivery = Delivery.objects.get(event_id=event_id, endpoint_id=asked.endpoint_id)
        delivery_id = delivery.id
        redeliver(delivery, actor=SYSTEM, reason=ASKING)
    except HookpostError as error:
        log.warning("challenge_not_sent", endpoint=asked.endpoint.public_id, error=str(error))
    next_at = None if wait is None else now + timedelta(seconds=wait)
    values = {"value": value, "delivery_id": delivery_id, "asked_at": now, "tries": asked.tries + 1, "next_at": next_at}
    kept = Challenge.objects.filter(pk=asked.pk, state=State.WAITING, delivery_id=None, tries=asked.tries)
    if not kept.update(**values) and delivery_id is not None:  # its URL was changed, or somebody asked, meanwhile
        cancel_deliveries([delivery_id])
    return 1


def _look(asked: Challenge, kinds: Sequence[ChallengeKind]) -> None:
    """Judge what came back, if something did: only at the URL that the endpoint has now."""
    attempts = Attempt.objects.filter(delivery_id=asked.delivery_id) if asked.delivery_id else Attempt.objects.none()
    attempt = attempts.order_by("-id").first()
    if attempt is None:
        return
    verdict = _verdict(asked, attempt)
    if verdict.proven and attempt.request_url == asked.endpoint.url:
        _verify(asked, verdict, reason=ANSWERED)
        return
    is_last = next_wait(asked.tries, kinds) is None
    values = {"detail": verdict.detail[:300], "delivery_id": None, "state": State.FAILED if is_last else State.WAITING}
    if Challenge.objects.filter(pk=asked.pk, delivery_id=asked.delivery_id).update(**values):
        cancel_deliveries([attempt.delivery_id])


def _verdict(asked: Challenge, attempt: Attempt) -> ChallengeVerdict:
    if attempt.error:
        status = f" ({attempt.status_code})" if attempt.status_code else ""
        return ChallengeVerdict(
            proven=False, detail=EXPLANATIONS.get(attempt.error, attempt.error).removesuffix(".") + status
        )
    if read_method(attempt.request_headers) == OPTIONS:
        return judge_permission(read_headers(attempt.response_headers), origin_name(conf.base_url))
    return judge_own(shown_body(bytes(attempt.response_body), attempt.response_headers).text, asked.value)


def _verify(asked: Challenge, verdict: ChallengeVerdict, *, reason: str) -> None:
    """Let an endpoint go on, unless its URL was changed meanwhile; who paused or disabled it is not overruled."""
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().select_related("customer").get(pk=asked.endpoint_id)
        known = Challenge.objects.select_for_update().filter(pk=asked.pk, delivery_id=asked.delivery_id)
        now = clock.likely_now()
        values = {"state": State.VERIFIED, "verified_at": now, "detail": "", "delivery_id": None, "next_at": None}
        if endpoint.deleted_at is not None or endpoint.url != asked.endpoint.url or not known.update(**values):
            return
        endpoint.unverified, endpoint.allowed_rate = None, verdict.per_minute
        endpoint.save(update_fields=["unverified", "allowed_rate", "updated_at"])
        if endpoint.state == Endpoint.State.PAUSED and endpoint.state_reason == UNVERIFIED:
            resume_endpoint(endpoint, actor=SYSTEM, reason=reason)
    if asked.delivery_id is not None:
        cancel_deliveries([asked.delivery_id])
