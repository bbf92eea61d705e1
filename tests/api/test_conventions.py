"""What callers expect of any API: methods, addresses, queries, and where a thing is that was made."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from django.urls import URLPattern
from django.utils.translation import override

from deliveries.models import Customer, Job
from tests.api.conftest import Caller, Tenant, caller_with
from tests.api.logs import log_delivery, log_event

LATE_FIRST = "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"
READING = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")


def test_options_names_the_methods_to_any_key(ops: Caller, nobody: Caller, alice: Tenant) -> None:
    emitter = caller_with("events:write")
    for caller in (ops, alice.caller, emitter):
        answer = caller.send("OPTIONS", "/customers")
        assert (answer.status, answer.raw) == (204, b"")
        assert answer.headers["allow"] == "GET, POST, HEAD, OPTIONS"
    assert emitter.send("OPTIONS", "/events/batch").headers["allow"] == "POST, OPTIONS"
    assert nobody.send("OPTIONS", "/customers").status == 401


@pytest.mark.parametrize("path", READING)
def test_what_is_only_read_refuses_other_methods_as_a_problem(nobody: Caller, path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = nobody.send(method, path)
        assert (answer.status, answer.headers["content-type"]) == (405, "application/problem+json")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert nobody.send("OPTIONS", path).status == 204
    assert nobody.send("HEAD", path).raw == b""


def test_head_is_get_without_a_body(ops: Caller, alice: Tenant) -> None:
    for path in ("/customers", "/customers/alice", "/customers/alice/events", "/meta"):
        asked, read = ops.send("HEAD", path), ops.get(path)
        assert (asked.status, asked.raw) == (200, b"")
        assert asked.headers["content-type"] == read.headers["content-type"] == "application/json"
    assert ops.send("HEAD", "/customers/nobody").status == 404


def test_a_slash_at_the_end_is_named_as_the_mistake(ops: Caller, alice: Tenant) -> None:
    for path in ("/customers/", "/customers/alice/", "/events/"):
        answer = ops.post(path, {}) if path == "/events/" else ops.get(path)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "slash" in answer.json["detail"]
    assert "slash" not in ops.get("/nothing").json["detail"]


def test_any_accept_header_is_answered_in_json(ops: Caller) -> None:
    for accept in ("text/html", "application/xml", "image/*;q=0", "nonsense"):
        assert ops.get("/customers", Accept=accept).headers["content-type"] == "application/json"


def test_a_mistake_is_told_in_english_whatever_language_the_project_around_speaks(ops: Caller) -> None:
    with override("de"):
        answer = ops.post("/customers", {"uid": 7})
    assert {each["detail"] for each in answer.json["errors"]} == {"Not a valid string.", "This field is required."}


def test_a_host_that_is_not_served_is_told_as_such(nobody: Caller) -> None:
    answer = nobody.client.get("/api/v1/meta", headers={"host": "hooks.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert "HOOKPOST_ALLOWED_HOSTS" in answer.json()["detail"]


def test_what_was_made_is_where_location_says(ops: Caller, alice: Tenant, url: str) -> None:
    for path, body in (
        ("/customers", {"name": "Zoe", "uid": "zoe"}),
        ("/event-types", {"name": "invoice.paid"}),
        ("/customers/zoe/endpoints", {"url": url}),
        ("/customers/zoe/event-types", {"name": "own.type"}),
    ):
        made = ops.post(path, body)
        assert made.status == 201
        assert made.headers["location"].startswith("http://testserver/api/v1/")
        assert ops.get(made.headers["location"]).json["id"] == made.json["id"]


def test_the_job_is_where_location_says(ops: Caller, alice: Tenant) -> None:
    log_delivery(alice.endpoint, state="exhausted")
    begun = ops.post("/deliveries/redeliver", {"customer": "alice"})
    assert begun.status == 202
    assert ops.get(begun.headers["location"]).json["id"] == begun.json["id"]
    assert "location" not in ops.post("/deliveries/redeliver", {"customer": "alice", "dry_run": True}).headers


@pytest.mark.parametrize("path", ["/deliveries", "/events", "/customers/alice/events"])
def test_a_span_that_ends_before_it_begins_is_refused(ops: Caller, alice: Tenant, path: str) -> None:
    answer = ops.get(f"{path}?{LATE_FIRST}")
    assert (answer.status, answer.pointers()) == (400, ["/until"])
    assert ops.get(f"{path}?since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z").json["results"] == []


def test_bulk_work_over_such_a_span_is_refused_too(ops: Caller, alice: Tenant) -> None:
    span = {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}
    main = "/customers/alice/endpoints/main"
    for path in ("/deliveries/redeliver", f"{main}/recover", f"{main}/replay"):
        answer = ops.post(path, span)
        assert (answer.status, answer.pointers()) == (422, ["/until"])
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/customers/alice"),
        ("GET", "/customers/alice/endpoints/main"),
        ("GET", "/customers/alice/endpoints/main/stats"),
        ("GET", "/meta"),
        ("POST", "/customers"),
        ("PATCH", "/customers/alice"),
        ("DELETE", "/customers/alice"),
        ("POST", "/customers/alice/endpoints/main/pause"),
        ("POST", "/deliveries/redeliver"),
    ],
)
def test_a_parameter_that_nobody_knows_changes_nothing(ops: Caller, alice: Tenant, method: str, path: str) -> None:
    answer = ops.send(method, f"{path}?dry_run=true", {"name": "Zoe"} if path.startswith("/customers") else None)
    assert (answer.status, answer.pointers()) == (400, ["/dry_run"])
    assert list(Customer.objects.values_list("name", flat=True)) == ["Alice"]
    alice.endpoint.refresh_from_db()
    assert alice.endpoint.state == "enabled"


def test_a_feed_is_known_by_any_of_several_tags(ops: Caller, alice: Tenant) -> None:
    log_event(alice.endpoint)
    tag = ops.get("/customers/alice/events").headers["etag"]
    for named in (f'"other", {tag}', f'W/"other" , W/{tag}', "*"):
        assert ops.get("/customers/alice/events", **{"If-None-Match": named}).status == 304
    for named in ('"other"', tag.strip('"'), "", '"', "\x7f"):
        assert ops.get("/customers/alice/events", **{"If-None-Match": named}).status == 200


@pytest.mark.parametrize(
    ("path", "member", "value", "empty"),
    [
        ("/customers/alice/endpoints/main", "rate_limit", 5, None),
        ("/customers/alice/endpoints/main", "retry_schedule", [0, 9], None),
        ("/customers/alice/endpoints/main", "description", "The shop", ""),
        ("/customers/alice/endpoints/main", "filter", "$.data.amount > 1", ""),
        ("/customers/alice/endpoints/main", "event_types", ["a.*"], []),
        ("/customers/alice", "metadata", {"plan": "pro"}, {}),
        ("/event-types/a.b", "schema", {"type": "object"}, None),
        ("/event-types/a.b", "example", {"x": 1}, None),
        ("/event-types/a.b", "description", "Paid", ""),
    ],
)
def test_each_member_is_cleared_by_its_own_nothing_and_stays_when_absent(
    ops: Caller, alice: Tenant, path: str, member: str, value: object, empty: object
) -> None:
    ops.post("/event-types", {"name": "a.b"})
    before = ops.get(path).json[member]
    assert ops.patch(path, {member: value}).json[member] == value
    assert ops.patch(path, {}).json[member] == value
    assert ops.patch(path, {member: empty}).json[member] == before
    if empty is not None:
        assert ops.patch(path, {member: None}).pointers() == [f"/{member}"]


def views_below(addresses: Any) -> list[Any]:
    """The views of addresses, and of all that is included below them."""
    found: list[Any] = []
    for address in addresses:
        found += [address.callback] if isinstance(address, URLPattern) else views_below(address.url_patterns)
    return found


@pytest.mark.parametrize(
    ("part", "least"), [("api.urls", 40), ("admin.staff_urls", 100), ("admin.portal_urls", 40)], ids=str
)
def test_no_transaction_of_a_project_around_us_is_open_while_a_request_is_answered(part: str, least: int) -> None:
    """Given ATOMIC_REQUESTS, as cookiecutter's projects have it, then no worker is rung before the commit."""
    views = views_below(importlib.import_module(f"deliveries.{part}").urlpatterns)
    assert [view for view in views if "default" not in getattr(view, "_non_atomic_requests", ())] == []
    assert len(views) > least


@pytest.mark.parametrize(
    ("path", "body", "pointer", "words"),
    [
        ("/customers/alice/endpoints/main", {"payload_mode": "fat"}, "/payload_mode", "one of full, thin, data, "),
        ("/customers/alice/endpoints/main", {"state": "off"}, "/state", "one of enabled, paused, disabled"),
        ("/customers/alice/endpoints/main", {"method": 1}, "/method", "one of POST, PUT, PATCH"),
        ("/customers/alice/endpoints/main", {"auth": {"type": "x"}}, "/auth/type", "one of basic, bearer, oauth2"),
        ("/event-types?archived=yes", None, "/archived", "one of true, false"),
        ("/deliveries?error=x", None, "/error", "one of batch_member_failed, "),
    ],
)
def test_who_names_none_of_a_few_words_is_told_which_there_are(
    ops: Caller, alice: Tenant, path: str, body: object, pointer: str, words: str
) -> None:
    answer = ops.get(path) if body is None else ops.patch(path, body)
    [error] = answer.json["errors"]
    assert (error["pointer"], error["detail"][: len(words)]) == (pointer, words)
