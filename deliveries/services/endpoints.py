"""Endpoints: created, changed, paused, resumed, disabled, deleted, and their secrets rotated.

What lives here: the verbs, each with its audit entry. It must not know requests or forms. Pausing and
disabling only set the state: the dispatcher moves what is due to held, and back after a resume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, Endpoint, Lane, PollLease
from deliveries.models.base import REASON_LIMIT
from deliveries.protocol.sending.polled import is_polled
from deliveries.protocol.signing.secrets import read_secret
from deliveries.protocol.writing.sentences import say
from deliveries.services.catalogue.api_versions import newest_version
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import SYSTEM, record_act
from deliveries.services.common.held_rows import hold, hold_living
from deliveries.services.endpoint import challenges
from deliveries.services.endpoint.endpoint_credentials import forget_credentials
from deliveries.services.endpoint.endpoint_fields import check_fields, host_of
from deliveries.services.endpoint.endpoint_rows import check_new, fill_row, save_row, write_changes
from deliveries.services.endpoint.endpoint_secrets import add_secret, check_signing, forget_same, given_or_new
from deliveries.services.endpoint.inboxes import fit_inbox
from deliveries.services.housekeeping.rounds import act_alone
from deliveries.services.resending.backlog import BACKLOG_CANCELLED, DELETED, cancel_waiting
from deliveries.services.telling.alerts import note_disabled

KEEP_HOURS = 24
KEEP_HOURS_MAX = 7 * 24
DELETE_BATCHES = 3  # of what waits

State = Endpoint.State
Given = tuple[str, datetime | None]  # a secret's text, and when it ends


def create_endpoint(customer: Customer, fields: Mapping[str, Any], *, actor: str) -> tuple[Endpoint, str]:
    """Return the new endpoint and its secret, which is shown this once; raises InvalidInput, Conflict, LimitReached."""
    _refuse_too_many(customer)  # before names are looked up, and again before it is written
    given = dict(fields)
    secret = given.pop("secret", None)
    if "url" not in given:
        raise InvalidInput(say("a URL is required"), field="url")
    checked = check_fields(given)
    secret = given_or_new(secret, signing=checked.get("signing", "standard"))
    return store_endpoint(customer, checked, [(secret, None)], actor=actor), secret


def store_endpoint(
    customer: Customer, checked: Mapping[str, object], secrets: Sequence[Given], *, actor: str, vouched: bool = False
) -> Endpoint:
    """Write a new endpoint whose fields and secrets, the newest first, were checked; looks no name up.

    `vouched`: its URL is known to want deliveries, so it is asked nothing.
    """
    endpoint = Endpoint(customer=customer)
    fill_row(endpoint, checked if "api_version" in checked else {"api_version": newest_version(), **checked})
    check_new(endpoint, [read_secret(text) for text, _ in secrets])
    with transaction.atomic():
        limits.lock(customer)
        _refuse_too_many(customer)
        fit_inbox(endpoint, was_inbox=False)
        save_row(endpoint)
        Lane.objects.create(endpoint=endpoint)
        for text, end in reversed(secrets):
            add_secret(endpoint, text, end)
        challenges.begin(endpoint, vouched=vouched)
        _record(endpoint, "endpoint.create", actor=actor, detail={"url": endpoint.url})
    return endpoint


def update_endpoint(endpoint: Endpoint, fields: Mapping[str, object], *, actor: str) -> Endpoint:
    """Change the given fields only; another host clears headers and credentials unless new ones are given."""
    given = {name: value for name, value in fields.items() if not _is_same(endpoint, name, value)}
    return store_changes(endpoint, check_fields(given), actor=actor)


def store_changes(endpoint: Endpoint, fields: Mapping[str, object], *, actor: str, vouched: bool = False) -> Endpoint:
    """Write fields that were checked; looks no name up. `vouched`: another URL is asked nothing."""
    checked = dict(fields)
    state = checked.pop("state", None)
    with transaction.atomic():
        hold_living(endpoint)
        _refuse_other_kind(endpoint, checked)
        before = endpoint.url
        if "url" in checked and host_of(str(checked["url"])) != host_of(before):
            checked = {"headers": {}, **forget_credentials(endpoint), **checked}
        if checked:
            written = write_changes(endpoint, checked)
            challenges.begin_anew(endpoint, before=before, vouched=vouched)
            detail = {"fields": written, **({"url": checked["url"]} if "url" in checked else {})}
            _record(endpoint, "endpoint.update", actor=actor, detail=detail)
        if state is not None and not ("url" in checked and state == State.ENABLED and challenges.is_waiting(endpoint)):
            _change_state(endpoint, str(state), actor=actor)
    return endpoint


def delete_endpoint(endpoint: Endpoint, *, actor: str, reason: str = "") -> None:
    """Forget headers, credentials and secrets; the row stays, because the log names it.

    Its backlog is cancelled: at once what is not very much, the rest by the dispatcher (backlog.cancel_orphans).
    """
    with transaction.atomic():
        hold(endpoint)
        if endpoint.deleted_at is not None:
            return
        endpoint.deleted_at = clock.likely_now()
        endpoint.state, endpoint.draining, endpoint.uid = State.DISABLED, False, None
        endpoint.seal_headers({})
        endpoint.seal_credentials({})
        endpoint.save()
        endpoint.secrets.all().delete()
        challenges.forget(endpoint)
        PollLease.objects.filter(endpoint=endpoint).delete()
        _record(endpoint, "endpoint.delete", actor=actor, reason=reason, detail={"url": endpoint.url})
    cancel_waiting(endpoint_id=endpoint.id, why=DELETED, batches=DELETE_BATCHES)


def rotate_secret(
    endpoint: Endpoint, *, actor: str, secret: str | None = None, keep_hours: float = KEEP_HOURS, reason: str = ""
) -> str:
    """Return the new secret; the old ones go on signing for `keep_hours`, 0 for a leaked one."""
    if not 0 <= keep_hours <= KEEP_HOURS_MAX:
        raise InvalidInput(say("from 0 to {keep_hours_max} hours", keep_hours_max=KEEP_HOURS_MAX), field="keep_hours")
    now = clock.likely_now()
    end = now + timedelta(hours=keep_hours)
    with transaction.atomic():
        hold_living(endpoint)
        fresh = given_or_new(secret, signing=endpoint.signing)
        check_signing(endpoint, [read_secret(fresh)])
        endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=end)).update(expires_at=end)
        endpoint.secrets.filter(expires_at__lte=now).delete()
        if secret is not None:
            forget_same(endpoint, fresh)
        limits.refuse_beyond("signing_secrets", endpoint.secrets.count(), endpoint.customer)
        add_secret(endpoint, fresh)
        _record(endpoint, "endpoint.rotate_secret", actor=actor, reason=reason, detail={"keep_hours": keep_hours})
    return fresh


def pause_endpoint(endpoint: Endpoint, *, actor: str, reason: str = "", note: str = "") -> None:
    """Hold what is due and what comes; a disabled endpoint cannot be paused."""
    _set_state(endpoint, State.PAUSED, actor=actor, action="endpoint.pause", reason=reason, note=note)


def disable_endpoint(endpoint: Endpoint, *, actor: str, reason: str = "", note: str = "") -> None:
    """Hold what is due and what comes until somebody resumes the endpoint."""
    _set_state(endpoint, State.DISABLED, actor=actor, action="endpoint.disable", reason=reason, note=note)


def disable_if_still_at(endpoint_id: UUID, *, url: str, reason: str) -> None:
    """Disable an endpoint that asked for it, unless its URL was changed meanwhile or it is gone.

    Waits for nobody who has its row locked: raises OperationalError then.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update(nowait=True).filter(id=endpoint_id, url=url).first()
        if endpoint is not None:
            act_alone(partial(disable_endpoint, endpoint, actor=SYSTEM, reason=reason), endpoint, event="not_disabled")


def resume_endpoint(
    endpoint: Endpoint, *, actor: str, cancel_backlog: bool = False, reason: str = "", note: str = ""
) -> None:
    """Enable an endpoint again; its backlog drains at a limited rate, or is cancelled by choice."""
    cancelled = 0
    if cancel_backlog:
        cancelled = cancel_waiting(endpoint_id=endpoint.id, backlog_only=True, why=BACKLOG_CANCELLED)
    with transaction.atomic():
        _set_state(
            endpoint,
            State.ENABLED,
            actor=actor,
            action="endpoint.resume",
            reason=reason,
            note=note,
            detail={"cancelled": cancelled} if cancel_backlog else None,
        )
        Lane.objects.filter(endpoint=endpoint).update(rest_until=None, failures=0, opened=0, failing_since=None)


def _refuse_too_many(customer: Customer) -> None:
    limits.refuse_beyond("endpoints", Endpoint.objects.filter(customer=customer, deleted_at=None).count(), customer)


def _refuse_other_kind(endpoint: Endpoint, checked: Mapping[str, object]) -> None:
    if is_polled(str(checked.get("url", endpoint.url))) != is_polled(endpoint.url):
        raise InvalidInput(say("an endpoint is polled or sent to as long as it lives; make another one"), field="url")


def _is_same(endpoint: Endpoint, name: str, value: object) -> bool:
    # An unchanged URL is not looked up again: its name server may be what is broken just now.
    return name in ("url", "state") and getattr(endpoint, name) == value


def _change_state(endpoint: Endpoint, state: str, *, actor: str) -> None:
    if state == State.ENABLED:
        resume_endpoint(endpoint, actor=actor)
    elif state == State.PAUSED:
        pause_endpoint(endpoint, actor=actor)
    else:
        disable_endpoint(endpoint, actor=actor)


def _set_state(
    endpoint: Endpoint,
    state: State,
    *,
    actor: str,
    action: str,
    reason: str,
    note: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    with transaction.atomic():
        hold_living(endpoint)
        if state == State.PAUSED and endpoint.state == State.DISABLED:
            raise Conflict(say("the endpoint is disabled; resume it instead"))
        state, reason = challenges.allowed_state(endpoint, state, reason)
        if challenges.is_settled(endpoint, state, reason):
            return
        endpoint.state, endpoint.state_reason = state, reason[:REASON_LIMIT]
        endpoint.state_changed_at, endpoint.draining = clock.likely_now(), state == State.ENABLED
        endpoint.save(update_fields=["state", "state_reason", "state_changed_at", "draining", "updated_at"])
        _record(endpoint, action, actor=actor, reason=reason, note=note, detail=detail)
        if state == State.DISABLED and actor == SYSTEM:
            note_disabled(endpoint)


def _record(
    endpoint: Endpoint,
    action: str,
    *,
    actor: str,
    reason: str = "",
    note: str = "",
    detail: Mapping[str, object] | None = None,
) -> None:
    customer, object_id = endpoint.customer, endpoint.public_id
    record_act(actor, action, customer=customer, object_id=object_id, reason=reason, note=note, detail=detail)
