"""Rows that would only grow: ended sessions, the audit trail, finished jobs, expired secrets, traces of log-ins.

What lives here: what is forgotten when, a bounded number of rows a call, by the database's clock. Days of the log are
dropped in retention.py, alerts in alerts.py, figures in rollup.py. tests/services/test_purge.py names every table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.apps import apps
from django.conf import settings
from django.db.models import Model, Q, QuerySet

from deliveries.conf import conf
from deliveries.metrics import names
from deliveries.models import AuditEntry, EndpointSecret, FailureGroup, Invitation, Job, PasswordMail, PortalLink
from deliveries.protocol.writing.ids import floor_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock
from deliveries.services.common.audit import SYSTEM
from deliveries.services.endpoint.inboxes import ended_inboxes
from deliveries.services.endpoints import delete_endpoint
from deliveries.services.housekeeping.rounds import act_alone

log = structlog.get_logger(__name__)

ROWS_PER_ROUND = 10_000
GRACE = timedelta(days=1)  # beyond what is over already, so that nobody's clock matters
FINISHED = (Job.State.DONE, Job.State.CANCELLED, Job.State.FAILED)


def purge_rows() -> int:
    """Delete what is older than the settings, a bounded number of each kind; returns how many, and logs the counts.

    Raises ClockOff, with nothing deleted, when this host and the database do not agree on the time.
    """
    now = clock.certain_now()
    counts = {rows.model._meta.db_table: _delete_some(rows) for rows in _past(now)}
    counts["hookpost_endpoint"] = _end_inboxes(now)
    deleted = {table: number for table, number in counts.items() if number}
    if deleted:
        names.ROWS_PURGED.add(sum(deleted.values()))
        log.info("rows_purged", **deleted)
    return sum(deleted.values())


def _past(now: datetime) -> Iterator[QuerySet[Model]]:
    """Yield what is to be forgotten, each found by an index or among few rows."""
    over = now - GRACE
    yield PortalLink.objects.filter(expires_at__lt=over)
    yield Invitation.objects.filter(expires_at__lt=over)
    yield PasswordMail.objects.filter(created_at__lt=over - timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))
    yield EndpointSecret.objects.filter(expires_at__lt=over)
    yield from _of_others("sessions.Session", Q(expire_date__lt=over))
    yield from _of_others("axes.AccessAttempt", Q(attempt_time__lt=over))
    jobs_until = now - timedelta(days=conf.job_days)
    yield Job.objects.filter(id__lt=floor_of(jobs_until), finished_at__lt=jobs_until, state__in=FINISHED)
    yield FailureGroup.objects.filter(last_at__lt=now - timedelta(days=conf.retention_days) - GRACE)
    if conf.audit_days:
        audit_until = now - timedelta(days=conf.audit_days)
        yield AuditEntry.objects.filter(id__lt=floor_of(audit_until))
        yield from _of_others("axes.AccessLog", Q(attempt_time__lt=audit_until))
        yield from _of_others("admin.LogEntry", Q(action_time__lt=audit_until))


def _end_inboxes(now: datetime) -> int:
    end = partial(delete_endpoint, actor=SYSTEM, reason=say("an inbox that nobody changed for 7 days"))
    return sum(act_alone(partial(end, each), each, event="inbox_not_ended") for each in ended_inboxes(now))


def _of_others(model: str, old: Q) -> Iterator[QuerySet[Model]]:
    """Yield rows of another app, if it is installed."""
    if apps.is_installed({"axes": "axes"}.get(app := model.partition(".")[0], f"django.contrib.{app}")):
        yield apps.get_model(model)._default_manager.filter(old)


def _delete_some(rows: QuerySet[Model]) -> int:
    chosen = list(rows.order_by().values_list("pk", flat=True)[:ROWS_PER_ROUND])
    return rows.model._default_manager.filter(pk__in=chosen).delete()[0] if chosen else 0
