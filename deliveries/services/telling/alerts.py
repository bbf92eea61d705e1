"""Alerts: what failed is noted once for each incident, and the customer's own endpoints hear of it.

What lives here: noting, in the transaction of what it tells of where there is one, and the operational events
`hookpost.*` for the endpoints that ask for them. Sends no mail: alert_mail.py does.

An event about an event of ours would go on for ever: what is given up of `hookpost.*` is not noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from uuid import UUID

import orjson
import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from deliveries import sql
from deliveries.conf import conf
from deliveries.errors import ClockOff, HookpostError
from deliveries.models import Alert, Customer, Delivery, Endpoint, Lane
from deliveries.models.base import REASON_LIMIT, new_id
from deliveries.protocol.events.event_types import OPERATIONAL_PREFIX, matching_keys
from deliveries.protocol.writing import ids, timestamps
from deliveries.services.accepting.events import EventDraft, accept_own
from deliveries.services.common import clock
from deliveries.services.reading.early_warnings import (
    certificate_meant,
    ending_certificates,
    long_failing_steps,
    percent_meant,
)
from deliveries.services.reading.endpoint_health import long_failing

log = structlog.get_logger(__name__)

NOTE_LIMIT = 500
TELL_LIMIT = 200
PURGE_LIMIT = 5000
KEYRING = "HOOKPOST_ENCRYPTION_KEYS"

Kind = Alert.Kind


def note_failing() -> int:
    """Note endpoints where nothing has arrived for the hours of the setting; returns how many are new."""
    noted = Alert.objects.filter(
        endpoint_id=OuterRef("endpoint_id"), kind=Kind.FAILING, delivery_id=None, since=OuterRef("failing_since")
    )
    lanes = long_failing(timedelta(hours=conf.alert_after_hours)).filter(~Exists(noted))[:NOTE_LIMIT]
    rows = [_row(Kind.FAILING, lane.endpoint_id, since=since) for lane in lanes if (since := lane.failing_since)]
    Alert.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def note_warnings(*, now: datetime | None = None) -> int:
    """Note which endpoints are disabled and which certificates end soon, each step once; returns how many are new."""
    warned = (_row(Kind.WARNING, lane.endpoint_id, since=since) for lane, since in long_failing_steps())
    ending = (_row(Kind.CERTIFICATE, each.id, since=end.since) for each, end in ending_certificates(now=now))
    rows = chain(warned, ending)  # all of them: those that are known already are no reason to note no others
    return sum(map(_note_fresh, iter(lambda: list(islice(rows, NOTE_LIMIT)), [])))


def _note_fresh(rows: Sequence[Alert]) -> int:
    known = set(
        Alert.objects.filter(
            kind__in=(Kind.WARNING, Kind.CERTIFICATE), endpoint_id__in=[row.endpoint_id for row in rows]
        )
        .filter(since__in=[row.since for row in rows])
        .values_list("kind", "endpoint_id", "since")
    )
    fresh = [row for row in rows if (row.kind, row.endpoint_id, row.since) not in known]
    Alert.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def note_disabled(endpoint: Endpoint) -> None:
    """Note that nobody but Hookpost itself has just disabled an endpoint; part of the caller's transaction."""
    row = _row(Kind.DISABLED, endpoint.id, since=endpoint.state_changed_at, reason=endpoint.state_reason)
    Alert.objects.bulk_create([row], ignore_conflicts=True)


def note_exhausted(given_up: Sequence[tuple[UUID, UUID]]) -> None:
    """Note deliveries that were given up, as (endpoint id, delivery id); part of the caller's transaction."""
    endpoint_ids = list({endpoint_id for endpoint_id, _ in given_up})
    rows: list[tuple[UUID, UUID | None]] = [*given_up, *((endpoint_id, None) for endpoint_id in endpoint_ids)]
    parameters = {
        "ids": [new_id() for _ in rows],
        "endpoint_ids": [endpoint_id for endpoint_id, _ in rows],
        "delivery_ids": [delivery_id for _, delivery_id in rows],
        "keys": matching_keys(type_of(Kind.EXHAUSTED)),
    }
    sql.run("note_exhausted", parameters)


def note_cannot_send(endpoint_id: UUID, *, reason: str) -> None:
    """Note for the operator that a lane can send nothing; a keyring that does not fit is one incident for all."""
    whose = None if KEYRING in reason else endpoint_id
    sql.run("note_cannot_send", {"id": new_id(), "endpoint_id": whose, "reason": reason[:REASON_LIMIT]})


def tell_clock_off(error: ClockOff, *, part: str) -> None:
    """Say to log and operator that a part of this host stands still for its clock."""
    if clock.complain(error, part=part):
        parameters = {"id": new_id(), "endpoint_id": None, "reason": str(error)[:REASON_LIMIT]}
        sql.run("note_cannot_send", parameters)


def tell_customers() -> int:
    """Emit what was noted as events, to the endpoints that ask for them; returns how many alerts were dealt with.

    Event and mark are one transaction: each alert is told once, whoever leads.
    """
    with transaction.atomic():
        untold = staying(Alert.objects.filter(told_at=None)).select_related("endpoint__lane").order_by("id")
        alerts = list(untold.select_for_update(of=("self",), skip_locked=True)[:TELL_LIMIT])
        if not alerts:
            return 0
        for result in accept_own(_drafts(alerts)):
            if isinstance(result, HookpostError):
                log.warning("alert_not_told", error=str(result))
        Alert.objects.filter(id__in=[alert.id for alert in alerts]).update(told_at=clock.likely_now())
    return len(alerts)


def staying(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """Return those to be told by this cell: who moves to another one takes along what is not told yet."""
    return alerts.exclude(endpoint__customer__moving=Customer.Moving.CLOSED)


def purge_alerts(*, now: datetime | None = None) -> int:
    """Forget alerts that are older than the log, a bounded number; one whose incident goes on is kept."""
    oldest = ids.floor_of((now or clock.likely_now()) - timedelta(days=conf.retention_days))
    old = Alert.objects.filter(id__lt=oldest)
    going_on = Exists(Lane.objects.filter(endpoint_id=OuterRef("endpoint_id"), failing_since=OuterRef("since")))
    chosen = old.exclude(going_on).order_by("id").values_list("id", flat=True)[:PURGE_LIMIT]
    return Alert.objects.filter(id__in=list(chosen)).delete()[0]


def type_of(kind: str) -> str:
    """Return the event type that tells of an alert."""
    return OPERATIONAL_PREFIX + kind


def _row(kind: Kind, endpoint_id: UUID, *, since: datetime, reason: str = "") -> Alert:
    now = clock.likely_now()
    return Alert(
        kind=kind, endpoint_id=endpoint_id, since=since, reason=reason[:REASON_LIMIT], created_at=now, mail_due_at=now
    )


def _drafts(alerts: Sequence[Alert]) -> list[EventDraft]:
    listening = _listening(alerts)
    given_up = Delivery.objects.in_bulk([alert.delivery_id for alert in alerts if alert.delivery_id])
    drafts = []
    for alert in alerts:
        endpoint = alert.endpoint
        if endpoint is None or (endpoint.customer_id, alert.kind) not in listening:
            continue
        if (data := _data(alert, endpoint, given_up)) is not None:
            drafts.append(
                EventDraft(
                    type=type_of(alert.kind),
                    data=orjson.dumps(data),
                    customer_id=endpoint.customer_id,
                    timestamp=alert.created_at,
                )
            )
    return drafts


def _listening(alerts: Iterable[Alert]) -> set[tuple[UUID, str]]:
    """Return the customers with an endpoint that asks for a kind of alert; events for nobody are not stored."""
    customer_ids = {alert.endpoint.customer_id for alert in alerts if alert.endpoint}
    asking = Endpoint.objects.filter(customer_id__in=customer_ids, deleted_at=None)
    return {
        (customer_id, kind)
        for kind in {alert.kind for alert in alerts}
        for customer_id in asking.filter(event_types__overlap=matching_keys(type_of(kind))).values_list(
            "customer_id", flat=True
        )
    }


def _data(alert: Alert, endpoint: Endpoint, given_up: Mapping[UUID, Delivery]) -> dict[str, object] | None:
    """Return what the event says; None when there is nothing left to say. URLs may be secrets and are left out."""
    said: dict[str, object] = {"endpoint": endpoint.public_id, "endpoint_uid": endpoint.uid}
    if alert.kind == Kind.FAILING:
        return said | {"failing_since": _written(alert.since), "disabled_after": _written(disabled_after(alert.since))}
    if alert.kind in (Kind.WARNING, Kind.CERTIFICATE):
        return (more := _warned_of(alert, endpoint)) and said | more
    if alert.kind == Kind.DISABLED:
        lane: Lane | None = getattr(endpoint, "lane", None)
        failing_since = _written(lane.failing_since if lane else None)
        return said | {"disabled_at": _written(alert.since), "reason": alert.reason, "failing_since": failing_since}
    delivery = given_up.get(alert.delivery_id) if alert.delivery_id else None
    if delivery is None or delivery.failed_at is None:  # older than the log, or it has arrived since
        return None
    return said | _given_up_of(delivery)


def _given_up_of(delivery: Delivery) -> dict[str, object]:
    return {
        "delivery": delivery.public_id,
        "event": ids.encode_id(ids.EVENT, delivery.event_id),
        "event_type": delivery.event_type,
        "attempts": delivery.attempts,
        "status_code": delivery.status_code,
        "error": delivery.error,
        "exhausted_at": _written(delivery.failed_at),
    }


def _warned_of(alert: Alert, endpoint: Endpoint) -> dict[str, object] | None:
    """Return what a warning says; None once what it warned of is over."""
    if alert.kind == Kind.CERTIFICATE:
        end = certificate_meant(endpoint, alert.since)
        if end is None:
            return None
        return {"certificate": end.name, "expires_at": _written(end.expires_at), "days": end.days}
    lane: Lane | None = getattr(endpoint, "lane", None)
    percent = percent_meant(lane, alert.since)
    if lane is None or percent is None or lane.failing_since is None:
        return None
    after = _written(disabled_after(lane.failing_since))
    return {"failing_since": _written(lane.failing_since), "disabled_after": after, "percent": percent}


def disabled_after(failing_since: datetime) -> datetime | None:
    """Return when an endpoint that goes on failing is disabled; None for never."""
    return failing_since + timedelta(days=conf.disable_after_days) if conf.disable_after_days else None


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else timestamps.write(moment)
