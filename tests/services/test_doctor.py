"""`manage.py doctor`: each fault that is cheap to make gets its line, with what to do, and the exit status."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import dramatiq
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from deliveries import __version__
from deliveries.management.commands.doctor import line_of
from deliveries.management.doctor import database, surroundings
from deliveries.management.doctor.diagnosis import Diagnosis, asked
from deliveries.models import Worker
from deliveries.services.housekeeping.retention import open_partitions
from tests.smtp_server import MailServer


def found(check: object) -> dict[str, str]:
    """The grades of a check's findings, by what they are about."""
    return {finding.about: finding.grade.value for finding in lines(check)}


def lines(check: object) -> list[Diagnosis]:
    findings = list(asked([check]))  # type: ignore[list-item]
    assert all(finding.do for finding in findings if finding.grade != "ok")
    return findings


@contextmanager
def configured(module: object, **changes: object) -> Iterator[None]:
    """Inside, a module of the doctor's sees other settings."""
    kept = module.conf  # type: ignore[attr-defined]
    module.conf = replace(kept, **changes)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.conf = kept  # type: ignore[attr-defined]


def a_worker(**fields: object) -> Worker:
    """A worker that lives."""
    now = timezone.now()
    given = {"id": uuid.uuid4(), "host": "h1", "pid": 7, "since": now, "beat_at": now, "version": __version__}
    return Worker.objects.create(**given | fields)


def test_without_a_worker_and_a_leader_the_exit_status_is_1(db: None) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    said = out.getvalue()
    assert ended.value.code == 1
    assert "fail  workers" in said
    assert "-> Start manage.py worker." in said
    assert "ok    broker       takes messages and gives them back" in said
    assert "ok    keys" in said
    assert "ok    tables" in said


def test_a_finding_says_what_to_do_on_a_line_of_its_own() -> None:
    finding = database.fail("disk", "is full", "Make room.")
    assert line_of(finding).splitlines()[1].strip() == "-> Make room."


def test_without_a_database_nothing_else_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "database_word", lambda: "unreachable")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)
    assert "fail  database     unreachable" in out.getvalue()
    assert "tables" not in out.getvalue()


def test_living_workers_and_a_leader_are_named(db: None) -> None:
    a_worker()
    a_worker(host="h2", beat_at=timezone.now() - timedelta(seconds=30))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO hookpost_leader (name, holder, until) VALUES ('dispatcher', 'h1:7:ab', now() + interval '5 s')"
        )
    assert {finding.about: finding.says for finding in lines(database.processes)} == {
        "workers": "1 deliver or lead: h1:7", "leader": "h1:7"
    }  # fmt: skip


def test_two_versions_at_work_are_a_warning(db: None) -> None:
    a_worker(version="0.0.1")
    assert [finding.grade for finding in lines(database.processes)] == ["ok", "warn", "fail"]


@pytest.mark.parametrize(("offset", "grade"), [(0.01, "ok"), (-4.0, "warn"), (90.0, "fail")])
def test_the_clock_of_a_worker_is_judged_by_the_databases(db: None, offset: float, grade: str) -> None:
    a_worker(clock_offset_seconds=offset)
    here, there = lines(database.clocks)
    assert (here.grade, there.grade) == ("ok", grade)
    assert there.says.startswith("h1, process 7 is ")


def test_a_day_that_is_not_open_fails(db: None) -> None:
    open_partitions()
    assert found(database.days) == {"days": "ok"}
    today = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE hookpost_attempt_p{today + timedelta(days=2):%Y%m%d}")
    (finding,) = lines(database.days)
    assert (finding.grade, "is missing" in finding.says) == ("fail", True)


def test_a_user_who_may_not_open_days_is_told_before_they_run_out(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE a_guest; GRANT SELECT ON ALL TABLES IN SCHEMA public TO a_guest")
        cursor.execute("SET ROLE a_guest")
        (finding,) = lines(database.days)
        cursor.execute("RESET ROLE")
    assert (finding.grade, "may open and drop them" in finding.says) == ("fail", True)


def test_days_that_should_be_gone_are_a_warning(db: None) -> None:
    open_partitions(days_back=5)
    with configured(database, retention_days=1):
        assert found(database.days) == {"days": "warn"}


@pytest.mark.parametrize(("late", "grade"), [(2.0, "ok"), (100.0, "warn"), (1000.0, "fail")])
def test_what_waits_for_a_worker_is_late(monkeypatch: pytest.MonkeyPatch, late: float, grade: str) -> None:
    stats = SimpleNamespace(oldest_due_seconds=late, due=1, held=0, lanes_resting=0, lanes_leased=1)
    monkeypatch.setattr(database, "queue_stats", lambda: stats)
    assert found(database.lanes) == {"lanes": grade}


def test_deliveries_that_nobody_has_in_hand_fail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a dispatcher alone, which gives signs of life as workers do, then the doctor is not content with it."""
    stats = SimpleNamespace(oldest_due_seconds=25.0, due=9, held=0, lanes_resting=0, lanes_leased=0)
    monkeypatch.setattr(database, "queue_stats", lambda: stats)
    (finding,) = lines(database.lanes)
    assert (finding.grade, "no worker" in finding.says) == ("fail", True)


def test_keys_that_open_nothing_any_more_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    use = SimpleNamespace(kind="secret", key_id="k0", number=1, opens=False)
    monkeypatch.setattr(database.keyring, "stored_keys", lambda: [use])
    monkeypatch.setattr(database.keyring, "ring_problem", lambda: "")
    assert found(database.stored_keys) == {"keys": "fail"}
    use.opens = True
    assert found(database.stored_keys) == {"keys": "warn"}


def test_a_migration_that_has_not_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "missing_migrations", lambda: ["deliveries.0099_x"])
    assert found(database.tables) == {"tables": "fail"}


def test_a_pooler_without_a_limit_for_statements_is_a_warning(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "is_pooled", True)
    assert [finding.grade for finding in database._pooling("0")] == ["warn"]
    assert [finding.grade for finding in database._pooling("30s")] == ["ok"]
    monkeypatch.setattr(database, "allows_transactions", lambda: False)
    (finding,) = database._pooling("30s")
    assert (finding.grade, finding.says) == ("fail", "by statement")


def test_the_server_is_named_and_what_it_risks(db: None) -> None:
    """Given the tests' server, which was told to forgo fsync, then that is said."""
    assert found(database.server) == {"server": "ok", "durability": "warn", "pooling": "ok"}


def test_a_mail_server_that_lets_us_in_is_well_and_one_that_is_away_is_not(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST = "127.0.0.1"  # type: ignore[attr-defined]
    with MailServer() as server, configured(surroundings, email_url=f"smtp://127.0.0.1:{server.port}"):
        settings.EMAIL_PORT = server.port  # type: ignore[attr-defined]
        assert found(surroundings.mail) == {"mail": "ok"}
    with configured(surroundings, email_url="smtp://127.0.0.1:1"):
        settings.EMAIL_PORT = 1  # type: ignore[attr-defined]
        assert found(surroundings.mail) == {"mail": "fail"}


def test_a_risky_setting_and_a_wrong_one_are_told() -> None:
    with configured(surroundings, secret_key="short", lease_seconds=2):
        assert [finding.grade for finding in lines(surroundings.settings)] == ["warn", "warn"]
    with configured(surroundings, idempotency_hours=720, retention_days=1):
        assert lines(surroundings.settings)[0].grade == "fail"


def test_an_egress_proxy_that_is_away_fails() -> None:
    with configured(surroundings, egress_proxy="http://127.0.0.1:1"):
        assert found(surroundings.addresses)["egress proxy"] == "fail"


@pytest.mark.parametrize("word", surroundings.BROKER_ADVICE)
def test_every_fault_of_the_broker_has_its_advice(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setattr(surroundings, "broker_word", lambda: word)
    assert found(surroundings.broker) == {"broker": "fail"}


def test_a_broker_that_throws_messages_out_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    about = {"maxmemory": 1000, "maxmemory_policy": "allkeys-lru", "redis_version": "7.0"}
    broker = SimpleNamespace(client=SimpleNamespace(info=lambda section: about))
    monkeypatch.setattr(surroundings, "broker_word", lambda: "ok")
    monkeypatch.setattr(dramatiq, "get_broker", lambda: broker)
    assert [finding.grade for finding in lines(surroundings.broker)] == ["ok", "warn"]


@pytest.mark.parametrize(("free", "grade"), [(50, "ok"), (5, "warn"), (1, "fail")])
def test_a_disk_that_fills_up_is_told(monkeypatch: pytest.MonkeyPatch, free: int, grade: str) -> None:
    monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda path: SimpleNamespace(free=free, total=100))
    with configured(surroundings, database_url=""):
        assert found(surroundings.disk) == {"disk": grade}


def test_a_question_that_cannot_be_asked_is_a_finding() -> None:
    def broken() -> list[Diagnosis]:
        raise RuntimeError("no")

    assert found(broken) == {"broken": "fail"}
