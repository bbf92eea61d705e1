"""What would only grow is forgotten in time, and nothing a day too early; and no table is without an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection
from structlog.testing import capture_logs

from deliveries.engine import dispatcher
from deliveries.errors import ClockOff
from deliveries.models import AuditEntry, EndpointSecret, Job
from deliveries.protocol.writing.ids import floor_of
from deliveries.services import purge
from deliveries.services.purge import purge_rows
from tests.engine.steps import an_endpoint
from tests.settings import SETTINGS
from tests.wrong_clocks import DAY, host_off_by

pytestmark = pytest.mark.django_db(transaction=True)

# Every table, and what keeps it from growing for ever.
ENDS = {
    "hookpost_access_token": "one for each endpoint, with which it goes; the next one takes its place",
    "hookpost_event": "retention.drop_partitions",
    "hookpost_delivery": "retention.drop_partitions",
    "hookpost_attempt": "retention.drop_partitions",
    "hookpost_due_delivery": "leaves with the outcome, or with its day",
    "hookpost_poll_lease": "leaves with its answer, or when its time is over",
    "hookpost_idempotency_key": "retention.purge_idempotency_keys",
    "hookpost_alert": "alerts.purge_alerts",
    "hookpost_endpoint_hour": "rollup.purge_hours",
    "hookpost_failure_group": "purge_rows",
    "hookpost_watermark": "one row for each figure",
    "hookpost_worker": "one row for each living worker",
    "hookpost_fan_out": "leaves when the last endpoint has its delivery",
    "hookpost_leader": "one row",
    "hookpost_reporter": "one row",
    "hookpost_unbroken": "one row",
    "hookpost_lane": "one for each endpoint",
    "hookpost_audit_entry": "purge_rows",
    "hookpost_job": "purge_rows",
    "hookpost_import_line": "goes with its job",
    "hookpost_portal_link": "purge_rows",
    "hookpost_challenge": "one for each endpoint, with which it goes",
    "hookpost_retest": "one for each endpoint that was disabled for failing, for the days of the setting",
    "hookpost_invitation": "purge_rows",
    "hookpost_password_mail": "purge_rows",
    "hookpost_log_in": "one for each log-in of staff",
    "hookpost_staff_identity": "one for each log-in of staff by the provider, with which it goes",
    "hookpost_endpoint_secret": "purge_rows, once expired",
    "hookpost_customer": "made by callers",
    "hookpost_brand_picture": "three of a customer, with which they go",
    "hookpost_member": "made by callers",
    "hookpost_endpoint": "made by callers, limited",
    "hookpost_event_type": "made by callers, limited",
    "hookpost_api_key": "made by people",
    "hookpost_api_version": "made by callers, limited",
    "hookpost_version_change": "made by callers, limited",
    "hookpost_second_factor": "one for each person",
    "hookpost_api_rate": "one for each key, and 4,096 for addresses",
    "django_session": "purge_rows",
    "axes_accessattempt": "purge_rows",
    "axes_accessattemptexpiration": "goes with its attempt",
    "axes_accesslog": "purge_rows",
    "axes_accessfailurelog": "switched off",
    "django_admin_log": "purge_rows",
    "auth_user": "made by people",
    "auth_group": "made by people",
    "auth_permission": "one for each model",
    "django_content_type": "one for each model",
    "django_migrations": "one for each migration",
}


def ago(**past: float) -> datetime:
    return datetime.now(UTC) - timedelta(**past)


def an_entry(at: datetime) -> AuditEntry:
    return AuditEntry.objects.create(id=floor_of(at), actor="user:alice", action="endpoint.pause", object_id="ep_x")


def a_job(at: datetime, state: str = "done") -> Job:
    ended = None if state in ("pending", "running", "held") else at
    return Job.objects.create(id=floor_of(at), kind="redeliver", state=state, actor="key:x", finished_at=ended)


def a_session(at: datetime) -> Session:
    return Session.objects.create(session_key=f"{at.timestamp()}", session_data="", expire_date=at)


def an_attempt(at: datetime) -> AccessAttempt:
    row = AccessAttempt.objects.create(username="alice", failures_since_start=1)
    AccessAttempt.objects.filter(pk=row.pk).update(attempt_time=at)
    return row


def a_log_in(at: datetime) -> AccessLog:
    row = AccessLog.objects.create(username="alice")
    AccessLog.objects.filter(pk=row.pk).update(attempt_time=at)
    return row


def a_secret(at: datetime) -> EndpointSecret:
    endpoint = an_endpoint("https://93.184.216.34/in")
    return EndpointSecret.objects.create(endpoint=endpoint, sealed=b"x", hint="x", expires_at=at)


@pytest.mark.parametrize(
    ("make", "days"),
    [(an_entry, 730), (a_job, 90), (a_session, 1), (an_attempt, 1), (a_log_in, 730), (a_secret, 1)],
    ids=["audit", "job", "session", "failed log-in", "log-in", "secret"],
)
def test_what_is_over_goes_and_what_is_not_stays(make: Callable[[datetime], Any], days: int) -> None:
    old, young = make(ago(days=days, minutes=5)), make(ago(days=days, minutes=-5))
    assert purge_rows() == 1
    assert list(type(old).objects.filter(pk__in=[old.pk, young.pk])) == [young]


@pytest.mark.parametrize("state", ["pending", "running", "held"])
def test_a_job_that_goes_on_stays_however_old_it_is(state: str) -> None:
    a_job(ago(days=900), state)
    assert purge_rows() == 0


@pytest.mark.parametrize("state", ["done", "cancelled", "failed"])
def test_a_job_is_kept_from_its_end_on(state: str) -> None:
    job = a_job(ago(days=900), state)
    Job.objects.filter(pk=job.pk).update(finished_at=ago(days=1))
    assert purge_rows() == 0


def test_zero_days_keep_the_audit_trail_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "audit_days", 0)
    an_entry(ago(days=9000))
    assert purge_rows() == 0


def test_a_round_takes_a_bounded_number_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_ROUND", 2)
    for day in range(3):
        an_entry(ago(days=800 + day))
    with capture_logs() as logs:
        assert [purge_rows(), purge_rows(), purge_rows()] == [2, 1, 0]
    assert [line["hookpost_audit_entry"] for line in logs if line["event"] == "rows_purged"] == [2, 1]


@pytest.mark.parametrize("seconds", [900 * DAY, -900 * DAY])
def test_a_host_whose_clock_is_off_forgets_nothing(seconds: float) -> None:
    an_entry(ago(days=800))
    with host_off_by(seconds), pytest.raises(ClockOff):
        purge_rows()
    assert AuditEntry.objects.count() == 1


def test_the_dispatcher_does_it() -> None:
    an_entry(ago(days=800))
    dispatcher.housekeeping()
    assert AuditEntry.objects.count() == 0


def test_no_table_is_without_an_end() -> None:
    """Given a new table, then its end is named here first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname = 'public'"
        )
        tables = {name for (name,) in cursor.fetchall()}
    between_models = {field.m2m_db_table() for model in apps.get_models() for field in model._meta.local_many_to_many}
    assert tables - between_models == set(ENDS)
