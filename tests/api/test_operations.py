"""Rates, facts, health, figures, portal links, error pages, the command line."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, OperationalError, connection
from django.test import Client, RequestFactory
from django.utils import timezone

from deliveries import sql
from deliveries.api import error_handlers, readiness
from deliveries.models import ApiKey, AuditEntry, Lane, Member, PortalLink
from deliveries.services.people.portal_links import redeem_link
from deliveries.services.process import readiness as readiness_word
from deliveries.sql.rows import AcceptEventsRow, TakeTokenRow
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_due
from tests.settings import SETTINGS
from tests.wrong_clocks import DAY, host_off_by


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "api_rate_limit", 3)


@pytest.mark.parametrize(
    ("error", "word"), [(psycopg.errors.DiskFull, "disk full"), (psycopg.errors.LockNotAvailable, "locked")]
)
def test_a_full_disk_or_a_lock_is_said_and_no_batch_is_taken_for_stored_while_reading_goes_on(
    limited: None, ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch, error: type[Exception], word: str
) -> None:
    """Given no room on the disk, or a locked table, then a batch is a 503 as an event is, and not a 202 of errors."""
    fetch = sql.fetch

    def refuse(row: type[NamedTuple], parameters: sql.Parameters, **given: Any) -> Any:
        if issubclass(row, AcceptEventsRow | TakeTokenRow):
            raise OperationalError("could not extend file") from error()
        return fetch(row, parameters, **given)

    monkeypatch.setattr(sql, "fetch", refuse)
    monkeypatch.setattr(readiness_word, "_refused", dict.fromkeys(readiness_word._refused, 0.0))
    event = {"customer": "alice", "type": "invoice.paid", "data": {}}
    for path, body in (("/events", event), ("/events/batch", {"events": [event, event, {}]})):
        answer = ops.post(path, body)
        assert (answer.status, answer.headers["retry-after"], "nothing was stored" in answer.json["detail"]) == (
            *(503, "1"),
            True,
        )
    assert ops.get("/customers").status == 200
    ready = ops.get("/readyz")
    assert (ready.status, ready.json["database"]) == (503, word)


def test_without_a_limit_no_header_speaks_of_one(ops: Caller) -> None:
    assert not {"ratelimit", "ratelimit-policy"} & ops.get("/meta").headers.keys()


def test_each_answer_tells_what_is_left_and_then_429(limited: None, ops: Caller, alice: Tenant) -> None:
    left = [ops.get("/meta").headers["ratelimit"].split(";")[1] for _ in range(3)]
    assert left == ["r=2", "r=1", "r=0"]
    refused = ops.get("/meta")
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["ratelimit-policy"] == '"key";q=3;w=60'
    assert alice.caller.get("/meta").status == 200


def test_a_bucket_refills_steadily(limited: None, ops: Caller) -> None:
    for _ in range(4):
        ops.get("/meta")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hookpost_api_rate SET refilled_at = refilled_at - interval '21 seconds'")
    assert ops.get("/meta").status == 200
    assert ops.get("/meta").status == 429


def test_posting_events_is_not_limited(limited: None, ops: Caller, alice: Tenant) -> None:
    body = {"customer": "alice", "type": "a.b", "data": {}}
    assert {ops.post("/events", body).status for _ in range(5)} == {202}


def test_meta_tells_what_firewalls_and_callers_want_to_know(alice: Tenant) -> None:
    meta = alice.caller.get("/meta").json
    assert meta["retry_schedule"][:3] == [0, 5, 300]
    assert meta["limits"]["batch_events"] == 1000
    assert meta["egress_addresses"] == []


def test_health_asks_nobody(nobody: Caller, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert nobody.get("/healthz").json == {"status": "ok"}


def test_a_broker_that_is_away_is_degraded_and_still_ready(nobody: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nobody.get("/readyz").json == {"status": "ready", "database": "ok", "broker": "ok", "clock": "ok"}
    monkeypatch.setattr(readiness, "broker_word", lambda: "full")
    answer = nobody.get("/readyz")
    assert (answer.status, answer.json["status"]) == (200, "degraded")
    assert answer.json["broker"] == "full"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-40 * DAY, "40.0 days behind the database's"), (45.0, "45.0 seconds ahead of the database's")],
)
def test_a_host_whose_clock_is_off_is_not_ready_and_says_by_how_much(
    nobody: Caller, seconds: float, words: str
) -> None:
    with host_off_by(seconds):
        answer = nobody.get("/readyz")
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert words in answer.json["clock"]


def test_without_a_database_it_is_not_ready(nobody: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "database_word", lambda: "unreachable")
    answer = nobody.get("/readyz")
    assert (answer.status, answer.json["status"]) == (503, "unavailable")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1", "unix:///nowhere/valkey.sock?db=1"])
def test_a_broker_where_nobody_listens_does_not_answer(url: str) -> None:
    assert not readiness.broker_answers(url)


def test_figures_are_for_prometheus(nobody: Caller, alice: Tenant) -> None:
    log_due(log_delivery(alice.endpoint, state="pending"))
    log_due(log_delivery(alice.endpoint, state="held"), due_at=None)
    Lane.objects.update(failing_since="2026-01-01T00:00:00Z")
    lines = nobody.get("/metrics").raw.decode().splitlines()
    assert "hookpost_due 1.0" in lines
    assert "hookpost_held 1.0" in lines
    assert "hookpost_accepted_last_minute 2.0" in lines
    assert "hookpost_endpoints_failing 1.0" in lines
    assert alice.customer.name not in "".join(lines)


def test_a_portal_link_logs_a_member_in_once(ops: Caller, alice: Tenant) -> None:
    made = ops.post("/customers/alice/portal-link", {"email": "Alice@example.com"})
    assert made.status == 201
    member = Member.objects.get()
    assert (member.customer, member.user.email) == (alice.customer, "alice@example.com")
    browser = Client()
    path = "/" + made.json["url"].split("/", 3)[3]
    token = path.partition("token=")[2]
    assert browser.get(path).status_code == 200
    assert browser.get(path).status_code == 200  # looking uses nothing up
    entered = browser.post("/portal-link", {"token": token})
    assert (entered.status_code, entered.headers["location"]) == (302, "/portal/")
    assert browser.get("/portal/").status_code == 200
    assert Client().post("/portal-link", {"token": token}).status_code == 410
    assert token not in str(list(PortalLink.objects.values()))
    acts = list(AuditEntry.objects.filter(action__startswith="portal_link").order_by("id").values_list("action"))
    assert acts == [("portal_link.create",), ("portal_link.use",)]


def test_a_portal_link_lives_ten_minutes(ops: Caller, alice: Tenant) -> None:
    token = ops.post("/customers/alice/portal-link").json["url"].partition("token=")[2]
    PortalLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert redeem_link(token) is None
    assert redeem_link("nonsense\x00\ud800") is None


def test_a_link_without_an_address_is_for_the_first_member(ops: Caller, alice: Tenant) -> None:
    for _ in range(2):
        assert ops.post("/customers/alice/portal-link").status == 201
    assert Member.objects.count() == 1


def test_a_link_never_gives_away_somebody_elses_log_in(
    ops: Caller, alice: Tenant, bob: Tenant, django_user_model: type
) -> None:
    django_user_model.objects.create_user(username="root@example.com", email="root@example.com", is_staff=True)  # type: ignore[attr-defined]
    assert ops.post("/customers/alice/portal-link", {"email": "root@example.com"}).status == 409
    assert ops.post("/customers/alice/portal-link", {"email": "x"}).pointers() == ["/email"]
    ops.post("/customers/alice/portal-link", {"email": "a@example.com"})
    assert ops.post("/customers/bob/portal-link", {"email": "a@example.com"}).status == 409


def test_the_page_of_a_link_wants_its_own_form(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/portal-link", {"token": "x"}).status_code == 403
    page = browser.get("/portal-link?token=%22%3E%3Cscript%3E")
    assert b"<script>" not in page.content
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_unknown_paths_are_problems_under_api_and_pages_elsewhere(nobody: Caller) -> None:
    for path in ("/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/customers", "/api/v1/%00"):
        answer = nobody.get(path if path != "/api" else "/api/x")
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert Client().get("/nothing").headers["content-type"].startswith("text/html")


def test_an_unknown_host_is_a_problem_too(db: None) -> None:
    answer = Client(raise_request_exception=False).get("/api/v1/customers", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_mistake_of_ours_is_a_problem_without_details(rf: RequestFactory) -> None:
    answer = error_handlers.server_error(rf.get("/api/v1/customers"))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    denied = error_handlers.permission_denied(rf.get("/api/v1/customers"), Exception())
    assert denied.status_code == 403


def test_the_command_prints_the_key_alone_on_its_last_line(alice: Tenant) -> None:
    out = StringIO()
    call_command("create_api_key", "ci", scopes=["read"], customer="alice", days=7, stdout=out)
    text = out.getvalue().rstrip("\n").rsplit("\n", 1)[1]
    assert Caller(text).get("/customers").status == 200
    key = ApiKey.objects.get(name="ci")
    assert (key.customer, key.scopes) == (alice.customer, ["read"])
    assert key.expires_at is not None


def test_the_command_refuses_what_is_not_there(db: None) -> None:
    with pytest.raises(CommandError):
        call_command("create_api_key", "ci", customer="nobody")
    with pytest.raises(CommandError):
        call_command("create_api_key", "")
    with pytest.raises(CommandError):
        call_command("create_api_key", "ci", "--scope", "root")


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/customers"])
def test_whoever_writes_on_a_read_only_database_is_told_so(rf: RequestFactory, path: str) -> None:
    refused = InternalError("cannot execute INSERT in a read-only transaction")
    refused.__cause__ = psycopg.errors.ReadOnlySqlTransaction()
    try:
        raise refused
    except InternalError:
        answer = error_handlers.server_error(rf.post(path))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert b"read-only" in answer.content
