"""The keyring: everything can move to a new key while work goes on, and a wrong key stops the start and the lane."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, ProgrammingError, connection, transaction
from django.db.migrations.exceptions import MigrationSchemaMissing
from structlog.testing import capture_logs

from deliveries.checks import check_encoding, check_keyring
from deliveries.errors import CannotDecrypt, WrongSetting
from deliveries.models import AuditEntry, Endpoint, EndpointSecret
from deliveries.models.keyring import unseal
from deliveries.services.endpoints import rotate_secret
from deliveries.services.housekeeping import tables
from deliveries.services.housekeeping.keyring import refuse_wrong_ring, reseal_all, stored_keys
from tests.engine.steps import emit, the_delivery
from tests.engine.steps import take_turn as turn_over
from tests.receiver import Receiver
from tests.security.steps import a_factor, a_key, a_superuser, an_endpoint, code_of, set_ring

CHECKOUT = Path(__file__).resolve().parents[2]
HEADERS = {"x-token": "a-customers-own-token"}
BASIC = {"type": "basic", "username": "alice", "password": "a-customers-own-password"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything is sealed under the key `old` to begin with."""
    set_ring(monkeypatch, "old")
    return monkeypatch


def used() -> set[tuple[str, str]]:
    return {(use.kind, use.key_id) for use in stored_keys()}


def test_rotation_moves_secrets_headers_and_second_factors_to_the_first_key(ring: pytest.MonkeyPatch) -> None:
    endpoint, secret = an_endpoint(headers=HEADERS, auth=BASIC)
    factor = a_factor(a_superuser())
    set_ring(ring, "new", "old")
    call_command("rotate_keys")
    assert used() == {(kind, "new") for kind in ("secret", "headers", "credentials", "second factor")}
    set_ring(ring, "new")
    assert Endpoint.objects.get(id=endpoint.id).headers == HEADERS
    assert Endpoint.objects.get(id=endpoint.id).credentials == {"auth": BASIC}
    assert EndpointSecret.objects.get(endpoint=endpoint).hint == secret[-4:]
    factor.refresh_from_db()
    assert factor.verify_token(code_of(factor))


def test_rotation_stopped_after_a_batch_keeps_it_and_goes_on_later(ring: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        an_endpoint()
    set_ring(ring, "new", "old")
    steps = reseal_all(actor="system", batch=2)
    assert next(steps).resealed == 2
    steps.close()
    assert sorted((use.key_id, use.number) for use in stored_keys()) == [("new", 2), ("old", 3)]
    assert sum(step.resealed for step in reseal_all(actor="system", batch=2)) == 3
    assert used() == {("secret", "new")}
    entries = AuditEntry.objects.filter(action="keys.rotate").order_by("id")
    assert [entry.detail["values"] for entry in entries] == [2, 3]


def test_a_value_that_no_key_opens_is_counted_and_left(ring: pytest.MonkeyPatch) -> None:
    an_endpoint()
    set_ring(ring, "second")
    an_endpoint()
    set_ring(ring, "new", "second")
    assert [step.unopened for step in reseal_all(actor="system") if step.unopened] == [1]
    assert used() == {("secret", "new"), ("secret", "old")}


def test_rotation_waits_for_a_secret_that_is_being_changed(ring: pytest.MonkeyPatch) -> None:
    endpoint, _ = an_endpoint()
    set_ring(ring, "new", "old")
    done = threading.Event()

    def rotate() -> None:
        list(reseal_all(actor="system"))
        connection.close()
        done.set()

    with transaction.atomic():
        EndpointSecret.objects.select_for_update().get(endpoint=endpoint)
        thread = threading.Thread(target=rotate)
        thread.start()
        assert not done.wait(0.3)
        given = rotate_secret(endpoint, actor="user:alice")
    thread.join(60)
    assert done.is_set()
    newest = EndpointSecret.objects.filter(endpoint=endpoint).order_by("-id")[0]
    sealed = bytes(newest.sealed)
    assert (newest.hint, sealed[2 : 2 + sealed[1]]) == (given[-4:], b"new")


def test_check_names_the_stored_keys_and_fails_while_an_old_one_is(
    ring: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    an_endpoint()
    set_ring(ring, "new", "old")
    with pytest.raises(CommandError, match="1 values are not sealed under 'new'"):
        call_command("rotate_keys", "--check")
    assert re.search(r"old\W+secret\W+1\W+old", capsys.readouterr().out)
    call_command("rotate_keys")
    call_command("rotate_keys", "--check")
    assert re.search(r"new\W+secret\W+1\W+current", capsys.readouterr().out)


@pytest.mark.parametrize("ring_now", [("other",), ("other", "more")])
def test_a_ring_without_the_key_is_refused(ring: pytest.MonkeyPatch, ring_now: tuple[str, ...]) -> None:
    an_endpoint()
    set_ring(ring, *ring_now)
    with pytest.raises(WrongSetting, match=r"^HOOKPOST_ENCRYPTION_KEYS: no key 'old'"):
        refuse_wrong_ring()
    assert [each.id for each in check_keyring(None, databases=["default"])] == ["hookpost.E001"]


@pytest.mark.parametrize(
    ("encoding", "made", "found"),
    [("UTF8", False, []), ("LATIN1", True, ["hookpost.W017"]), ("SQL_ASCII", False, ["hookpost.E017"])],
)
def test_a_database_that_keeps_not_every_character_is_named_and_refused_at_first(
    monkeypatch: pytest.MonkeyPatch, encoding: str, made: bool, found: list[str]
) -> None:
    monkeypatch.setattr(tables, "server_encoding", lambda: encoding)
    monkeypatch.setattr(tables, "are_made", lambda: made)
    assert [each.id for each in check_encoding(None, databases=["default"])] == found


def test_a_user_without_rights_is_told_so_in_a_line() -> None:
    """Django puts an error of its own between us and PostgreSQL's when it cannot make its first table."""
    error = MigrationSchemaMissing("Unable to create the django_migrations table")
    error.__context__ = ProgrammingError()
    error.__context__.__cause__ = psycopg.errors.InsufficientPrivilege("permission denied for schema public\nLINE 1")
    assert "lacks a right: permission denied for schema public;" in tables.explain(error)


def test_a_database_that_takes_no_writes_is_told_so_in_a_line() -> None:
    error = MigrationSchemaMissing("Unable to create the django_migrations table")
    error.__context__ = InternalError()
    error.__context__.__cause__ = psycopg.errors.ReadOnlySqlTransaction("cannot execute CREATE TABLE\nLINE 1")
    assert "takes no writes: cannot execute CREATE TABLE; name the primary" in tables.explain(error)
    error.__context__.__cause__ = psycopg.errors.InvalidSchemaName("no schema has been selected to create in\nLINE 1")
    assert "create in: the first one in the search_path of its user is not there" in tables.explain(error)


def test_a_key_of_the_right_name_and_wrong_bytes_is_refused(ring: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    an_endpoint()
    ring.setattr(settings, "ENCRYPTION_KEYS", (("old", a_key("other")[1]),))
    with pytest.raises(WrongSetting, match="key 'old' does not open"):
        refuse_wrong_ring()


def test_what_no_key_opens_is_removed_only_by_its_number(ring: pytest.MonkeyPatch) -> None:
    endpoint, _ = an_endpoint(headers=HEADERS, auth=BASIC)
    set_ring(ring, "new")
    with pytest.raises(CommandError, match="3 values open with no key of the ring, not 1"):
        call_command("rotate_keys", "--forget-lost", "1")
    assert EndpointSecret.objects.count() == 1
    call_command("rotate_keys", "--forget-lost", "3")
    assert used() == set()
    kept = Endpoint.objects.get(id=endpoint.id)
    assert (kept.headers, kept.credentials, kept.auth) == ({}, {}, None)
    refuse_wrong_ring()
    rotate_secret(endpoint, actor="user:alice")
    assert used() == {("secret", "new")}


def test_a_value_moved_to_another_row_does_not_open() -> None:
    one, other = (EndpointSecret.objects.get(endpoint=an_endpoint()[0]) for _ in range(2))
    one.sealed = other.sealed
    with pytest.raises(CannotDecrypt):
        one.open_key()


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 12, 20, 40])
def test_a_value_cut_short_does_not_open(cut: int) -> None:
    secret = EndpointSecret.objects.get(endpoint=an_endpoint()[0])
    with pytest.raises(CannotDecrypt):
        unseal(bytes(secret.sealed)[:cut], row_id=secret.id)


def test_a_lost_key_of_older_values_is_a_warning(ring: pytest.MonkeyPatch) -> None:
    an_endpoint()
    set_ring(ring, "new")
    an_endpoint()
    refuse_wrong_ring()
    assert [each.id for each in check_keyring(None, databases=["default"])] == ["hookpost.W001"]


def test_an_empty_database_refuses_no_ring() -> None:
    refuse_wrong_ring()
    assert check_keyring(None, databases=["default"]) == []


@pytest.mark.parametrize("command", ["web", "worker", "dispatcher"])
def test_every_process_ends_with_code_2_under_a_wrong_key(command: str) -> None:
    an_endpoint()
    wrong = ":".join(a_key("wrong"))
    name = connection.settings_dict["NAME"]
    url = re.sub(r"^(\w+://[^/?]*)/?[^?]*", rf"\1/{name}", os.environ["DATABASE_URL"])
    environment = os.environ | {"HOOKPOST_ENCRYPTION_KEYS": wrong, "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "manage.py", command, *(["--port", "8000"] if command == "web" else [])],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: HOOKPOST_ENCRYPTION_KEYS")
    assert done.stderr.count("\n") == 1


def test_a_running_worker_without_the_key_sends_nothing_and_says_so(
    ring: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    endpoint, _ = an_endpoint(receiver.url)
    emit(endpoint)
    set_ring(ring, "other")
    with capture_logs() as logs:
        turn_over(endpoint)
    assert receiver.requests == []
    assert the_delivery(endpoint).state == "pending"
    (alert,) = [line for line in logs if line["event"] == "lane_cannot_send"]
    assert "HOOKPOST_ENCRYPTION_KEYS" in alert["reason"]
    set_ring(ring, "old")
    from tests.engine.steps import let_time_pass

    let_time_pass(endpoint)
    turn_over(endpoint)
    assert the_delivery(endpoint).state == "succeeded"
