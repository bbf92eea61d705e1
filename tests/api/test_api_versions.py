"""Versions by API: registered, prepared, tried, released; pinned to; emitted in; and what is refused of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import deliveries
from deliveries.errors import InvalidData, InvalidInput
from deliveries.models import ApiVersion, AuditEntry, Endpoint, Event, VersionChange
from deliveries.services.accepting import fan_out
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.catalogue import validation, version_table
from deliveries.services.common import limits
from tests.api.conftest import Caller, Tenant

MAIN = "/customers/alice/endpoints/main"
NEW = {"type": "object", "required": ["total"], "properties": {"total": {"type": "object"}}}
OLD = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
DOWN = "{amount: total.value}"
CHANGES = "/api-versions/2026-11-01/changes"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Versions of other tests are rolled back and not deleted."""
    forget()
    yield
    forget()


def forget() -> None:
    """Read everything anew; what is changed within a test's transaction is never committed."""
    version_table._forget()
    validation._light_schema_of.cache_clear()
    validation._heavy_schema_of.cache_clear()


@pytest.fixture
def prepared(ops: Caller, alice: Tenant) -> None:
    """Last year's version, and this year's with a change of invoice.paid, not released yet."""
    ops.post("/event-types", {"name": "invoice.paid", "schema": OLD, "validation": "reject", "example": {"amount": 1}})
    ops.post("/api-versions", {"name": "2025-11-01"})
    assert ops.post("/api-versions/2025-11-01/release").status == 200
    assert ops.post("/api-versions", {"name": "2026-11-01", "description": "Totals are objects."}).status == 201
    body = {"event_type": "invoice.paid", "schema": NEW, "down": DOWN, "example": {"total": {"value": 2}}}
    assert ops.post(CHANGES, body).status == 201
    forget()


def emit(ops: Caller, data: Any, **more: Any) -> Any:
    return ops.post("/events", {"customer": "alice", "type": "invoice.paid", "data": data, **more})


def test_data_is_held_against_the_schema_of_the_version_it_is_in(ops: Caller, prepared: None) -> None:
    assert emit(ops, {"amount": 1}).status == 202
    refused = emit(ops, {"amount": 1}, api_version="2026-11-01")
    assert (refused.status, refused.pointers()) == (422, ["/api_version"])
    ops.post("/api-versions/2026-11-01/release")
    forget()
    assert (
        emit(ops, {"amount": 1}).json["detail"] == "data does not fit the schema of invoice.paid in version 2026-11-01"
    )
    assert emit(ops, {"total": {"value": 1}}).status == 202
    assert emit(ops, {"amount": 2}, api_version="2025-11-01").status == 202
    assert emit(ops, {"total": {}}, api_version="2025-11-01").status == 422
    assert [each.api_version for each in Event.objects.order_by("id")] == ["2025-11-01", "2026-11-01", "2025-11-01"]


def test_an_endpoint_is_pinned_to_the_newest_or_to_what_is_said(ops: Caller, prepared: None, url: str) -> None:
    path = "/customers/alice/endpoints"
    assert ops.get(MAIN).json["api_version"] is None
    assert ops.post(path, {"url": url}).json["api_version"] == "2025-11-01"
    refused = ops.post(path, {"url": url, "api_version": "2026-11-01"})
    assert (refused.status, refused.pointers()) == (422, ["/api_version"])
    assert "there are 2025-11-01" in refused.json["errors"][0]["detail"]
    ops.post("/api-versions/2026-11-01/release")
    assert ops.post(path, {"url": url}).json["api_version"] == "2026-11-01"
    assert ops.post(path, {"url": url, "api_version": None}).json["api_version"] is None
    assert ops.patch(MAIN, {"api_version": "2026-11-01"}).json["api_version"] == "2026-11-01"
    assert Endpoint.objects.get(uid="main").api_version == "2026-11-01"
    assert ops.patch(MAIN, {"api_version": ""}).status == 422


def test_an_event_and_a_type_are_read_in_a_version_and_a_change_of_pin_is_tried_before(
    ops: Caller, alice: Tenant, prepared: None
) -> None:
    ops.post("/api-versions/2026-11-01/release")
    forget()
    event = emit(ops, {"total": {"value": 7}}).json["id"]
    old = alice.caller.get(f"/events/{event}?api_version=2025-11-01")
    assert (old.json["api_version"], old.json["body"]["data"]) == ("2025-11-01", {"amount": 7})
    assert alice.caller.get(f"/events/{event}?api_version=oldest").json["body"]["data"] == {"amount": 7}
    assert alice.caller.get(f"/events/{event}").json["body"]["data"] == {"total": {"value": 7}}
    unknown = alice.caller.get(f"/events/{event}?api_version=2024")
    assert (unknown.status, unknown.pointers()) == (400, ["/api_version"])
    earlier = emit(ops, {"amount": 3}, api_version="2025-11-01").json["id"]
    refused = alice.caller.get(f"/events/{earlier}?api_version=2026-11-01")
    assert refused.status == 409
    assert refused.json["detail"] == "no mapping of invoice.paid is declared from 2025-11-01 to 2026-11-01"
    assert alice.caller.get("/event-types/invoice.paid?api_version=2026-11-01").json["schema"] == NEW
    assert alice.caller.get("/event-types/invoice.paid").json["schema"] == OLD
    found = ops.post(f"{MAIN}/payload-preview", {"event": event}).json["results"]
    assert found[0]["headers"]["webhook-version"] == "2025-11-01"
    assert '"data":{"amount":7}' in found[0]["body"]
    found = ops.post(f"{MAIN}/payload-preview", {"event": event, "api_version": "2026-11-01"}).json["results"]
    assert '"data":{"total": {"value": 7}}' in found[0]["body"]
    found = ops.post(f"{MAIN}/payload-preview", {"event": earlier, "api_version": "2026-11-01"}).json["results"]
    assert found[0]["error"] == "version_not_mapped"


def test_a_mapping_is_tried_on_examples_and_events_before_it_is_saved(ops: Caller, prepared: None) -> None:
    event = emit(ops, {"amount": 5}).json["id"]
    tried = {"up": "{total: {value: amount}}", "down": "{amount: total.text}"}
    results = ops.post(f"{CHANGES}/invoice.paid/preview", tried).json["results"]
    assert [(each["event"], each["direction"], each["after"]) for each in results] == [
        (None, "down", {"amount": None}),
        (None, "up", {"total": {"value": 1}}),
        (event, "up", {"total": {"value": 5}}),
    ]
    assert [len(each["violations"]) for each in results] == [1, 0, 0]
    assert results[0]["violations"][0]["pointer"] == "/amount"
    assert VersionChange.objects.get().down == DOWN
    ops.post("/api-versions/2026-11-01/release")
    forget()
    event = emit(ops, {"total": {"value": 9}}).json["id"]
    results = ops.post(f"{CHANGES}/invoice.paid/preview", {"down": "missing", "limit": 1}).json["results"]
    assert [each["error"] for each in results] == ["version_mapping_failed"] * 2
    assert results[1]["event"] == event
    assert ops.post(f"{CHANGES}/invoice.paid/preview", {"down": "{"}).pointers() == ["/down"]
    assert ops.post(f"{CHANGES}/nosuch.type/preview", {}).pointers() == ["/event_type"]


def test_batches_and_calls_within_a_project_name_their_version_too(ops: Caller, alice: Tenant, prepared: None) -> None:
    ops.post("/api-versions/2026-11-01/release")
    forget()
    events = [
        {"customer": "alice", "type": "invoice.paid", "data": {"amount": 1}, "api_version": "2025-11-01"},
        {"customer": "alice", "type": "invoice.paid", "data": {"total": {}}},
        {"customer": "alice", "type": "invoice.paid", "data": {"total": {}}, "api_version": "2024"},
        {"customer": "alice", "type": "invoice.paid", "data": {"total": {}}, "api_version": 7},
    ]
    results = ops.post("/events/batch", {"events": events}).json["results"]
    assert ["id" in each for each in results] == [True, True, False, False]
    assert results[2]["error"]["errors"][0]["pointer"] == "/api_version"
    deliveries.emit("alice", "invoice.paid", {"amount": 2}, api_version="2025-11-01")
    deliveries.emit("alice", "invoice.paid", {"total": {}})
    with pytest.raises(InvalidData):
        deliveries.emit("alice", "invoice.paid", {"amount": 2})
    with pytest.raises(InvalidInput):
        deliveries.emit("alice", "invoice.paid", {"amount": 2}, api_version="2024")
    found = [each.api_version for each in Event.objects.order_by("id")]
    assert found == ["2025-11-01", "2026-11-01"] * 2
    twice = (
        b'{"customer": "alice", "type": "a.b", "data": {}, "api_version": "2025-11-01", "api_version": "2026-11-01"}'
    )
    assert ops.post("/events", raw=twice).pointers() == ["/api_version"]


def test_what_new_endpoints_are_sent_is_in_the_description_of_the_api(ops: Caller, prepared: None) -> None:
    def data() -> Any:
        found = ops.get("/openapi.json").json
        return found["components"]["schemas"]["InvoicePaidEventData"]["required"]

    assert data() == ["amount"]
    ops.post("/api-versions/2026-11-01/release")
    assert data() == ["total"]


def test_a_schema_counts_from_its_version_on_until_the_next_that_changes_the_type(ops: Caller, prepared: None) -> None:
    for name in ("2026-12-01", "2027-01-01"):
        ops.post("/api-versions", {"name": name})
    ops.post(
        "/api-versions/2027-01-01/changes", {"event_type": "invoice.paid", "down": "@", "schema": {"type": "object"}}
    )
    for name in ("2026-11-01", "2026-12-01", "2027-01-01"):
        assert ops.post(f"/api-versions/{name}/release").status == 200
    forget()
    for name, status in (("2025-11-01", 422), ("2026-11-01", 422), ("2026-12-01", 422), ("2027-01-01", 202)):
        assert emit(ops, {"other": 1}, api_version=name).status == status, name
        shown = ops.get(f"/event-types/invoice.paid?api_version={name}").json["schema"]
        assert shown == {"2025-11-01": OLD, "2027-01-01": {"type": "object"}}.get(name, NEW)
    assert emit(ops, {"total": {}}, api_version="2026-12-01").status == 202
    ops.patch("/event-types/invoice.paid", {"validation": "warn"})
    forget()
    assert emit(ops, {}, api_version="2026-12-01").json["warnings"]


def test_what_is_remembered_is_read_again_when_something_changed(ops: Caller, prepared: None) -> None:
    """Given what another process changes, then this one knows it a second later; of a new name it knows at once."""
    table = version_table.version_table()
    assert list(table.names) == ["2025-11-01"]
    ApiVersion.objects.filter(name="2026-11-01").update(
        released_at="2026-11-01T00:00:00Z", updated_at="2026-11-01T00:00:00Z"
    )
    version_table._memory.read_at -= version_table.SOONER_SECONDS
    assert list(version_table.version_table("2026-11-01").names) == ["2025-11-01", "2026-11-01"]
    VersionChange.objects.update(down="{amount: total.cents}", updated_at="2026-11-02T00:00:00Z")
    version_table._memory.read_at -= version_table.REFRESH_SECONDS
    route = version_table.route_of("invoice.paid", "2026-11-01", None)
    assert route is not None
    assert [step.text for step in route.steps] == ["{amount: total.cents}"]
    before = version_table._memory.table
    version_table._memory.read_at -= version_table.REFRESH_SECONDS
    assert version_table.version_table() is before, "nothing changed, so nothing is read but that"
    assert version_table.route_of("invoice.paid", None, None) is None


def test_versions_are_released_in_their_order_with_their_mappings_and_never_taken_back(
    ops: Caller, prepared: None
) -> None:
    ops.post("/api-versions", {"name": "2027-01-01"})
    assert ops.post("/api-versions/2027-01-01/release").json["detail"] == (
        "2026-11-01 comes before it and is not released yet"
    )
    ops.patch(f"{CHANGES}/invoice.paid", {"down": ""})
    refused = ops.post("/api-versions/2026-11-01/release")
    assert (refused.status, "no mapping down is declared for invoice.paid" in refused.json["detail"]) == (409, True)
    ops.patch(f"{CHANGES}/invoice.paid", {"down": DOWN})
    released = ops.post("/api-versions/2026-11-01/release").json
    assert released["released_at"]
    assert ops.post("/api-versions/2026-11-01/release").json == released
    assert [ops.delete(path).status for path in ("/api-versions/2026-11-01", f"{CHANGES}/invoice.paid")] == [409, 409]
    assert ops.delete("/api-versions/2027-01-01").status == 204
    broken = {"schema": {"type": "object"}}
    assert ops.patch(f"{CHANGES}/invoice.paid", broken).status == 409
    assert ops.patch(f"{CHANGES}/invoice.paid?force=true", broken | {"example": None}).status == 200
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {f"api_version.{word}" for word in ("create", "release", "change", "delete")} <= actions


def test_customers_read_what_was_released_and_change_nothing(ops: Caller, alice: Tenant, prepared: None) -> None:
    assert [each["name"] for each in alice.caller.get("/api-versions").json["results"]] == ["2025-11-01"]
    assert [each["name"] for each in ops.get("/api-versions").json["results"]] == ["2026-11-01", "2025-11-01"]
    for method, path in (
        ("GET", "/api-versions/2026-11-01"),
        ("POST", "/api-versions/2026-11-01/release"),
        ("GET", CHANGES),
        ("GET", f"{CHANGES}/invoice.paid"),
    ):
        assert alice.caller.send(method, path).status == 404, path
    for method, path in (
        ("POST", "/api-versions"),
        ("PATCH", "/api-versions/2025-11-01"),
        ("DELETE", "/api-versions/2025-11-01"),
        ("POST", "/api-versions/2025-11-01/release"),
        ("GET", "/api-versions/2025-11-01/changes"),
    ):
        assert alice.caller.send(method, path, None).status == 403, path


def test_what_is_wrong_is_pointed_at(ops: Caller, prepared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ops.post("/api-versions", {"name": "a b"}).pointers() == ["/name"]
    assert ops.post("/api-versions", {"name": "2026-11-01"}).status == 409
    assert ops.post(CHANGES, {"event_type": "invoice.paid", "up": "{"}).pointers() == ["/up"]
    assert ops.post(CHANGES, {"event_type": "nosuch.type"}).pointers() == ["/event_type"]
    assert ops.post(CHANGES, {"event_type": "hookpost.test"}).pointers() == ["/event_type"]
    wrong = {"event_type": "invoice.paid", "example": {"total": 1}}
    assert ops.post(CHANGES, wrong).pointers() == ["/example"]
    assert ops.post(CHANGES, {"event_type": "invoice.paid", "schema": {"type": 7}}).pointers() == ["/schema"]
    assert ops.post("/api-versions/2025-11-01/changes", {"event_type": "invoice.paid"}).status == 409
    assert VersionChange.objects.get().example == {"total": {"value": 2}}
    monkeypatch.setattr(limits, "API_VERSIONS", 2)
    assert ops.post("/api-versions", {"name": "2028"}).status == 409
    assert ApiVersion.objects.count() == 2


def test_what_would_match_is_asked_of_the_endpoints_version_and_without_one_of_the_newest(
    ops: Caller, alice: Tenant, prepared: None
) -> None:
    """Given events of both shapes, then a filter is tried on what an endpoint of then, or of now, would be sent."""
    ops.patch(f"{CHANGES}/invoice.paid", {"up": "{total: {value: amount}}"})
    ops.post("/api-versions/2026-11-01/release")
    forget()
    emit(ops, {"total": {"value": 7}})
    emit(ops, {"amount": 9}, api_version="2025-11-01")
    for path, filter_, matched in (
        (MAIN, "$.data.amount > 6", 2),
        (MAIN, "$.data.total.value > 6", 0),
        ("/customers/alice", "$.data.amount > 6", 0),
        ("/customers/alice", "$.data.total.value > 6", 2),
    ):
        answer = ops.post(f"{path}/filter-preview", {"filter": filter_}).json
        assert (answer["matched"], answer["looked_at"]) == (matched, 2), (path, filter_)
    ops.patch(MAIN, {"api_version": "2026-11-01"})
    answer = ops.post(f"{MAIN}/filter-preview", {"filter": "$.data.total.value == 9"}).json
    (newest, _) = answer["results"]
    assert (newest["result"], newest["conditions"][0]["found"]) == ("matched", ["9"])


def test_an_event_with_a_number_that_nothing_reads_is_no_reason_to_preview_none(
    ops: Caller, alice: Tenant, prepared: None
) -> None:
    """Given a number beyond all doubles in a type's last event, then that event alone is told to be unreadable."""
    ops.patch("/event-types/invoice.paid", {"validation": "off"})
    forget()
    accept_event(EventDraft(type="invoice.paid", data=b'{"amount": 1e400}', customer_id=alice.customer.id))
    answer = ops.post(f"{CHANGES}/invoice.paid/preview", {"up": "{total: {value: amount}}"})
    assert answer.status == 200
    *examples, event = answer.json["results"]
    assert [each["event"] for each in examples] == [None, None]
    assert (event["error"], event["before"], event["after"]) == ("version_mapping_failed", None, None)
    assert event["detail"] == "the event holds a number that cannot be read"


def test_a_filter_goes_on_matching_when_services_emit_the_next_version(
    ops: Caller, alice: Tenant, prepared: None
) -> None:
    """Given an endpoint of before, then the release of a version changes nothing of which events it gets."""
    ops.patch(MAIN, {"filter": "$.data.amount > 6"})
    ops.post("/api-versions/2026-11-01/release")
    forget()
    wanted, other = (emit(ops, {"total": {"value": number}}).json for number in (7, 5))
    assert (wanted["deliveries"], other["deliveries"]) == (None, None), "they are fanned out right after"
    while fan_out.continue_fan_outs(lambda lanes: None):
        pass
    assert [row["event"] for row in ops.get("/deliveries").json["results"]] == [wanted["id"]]
    assert ops.get(f"/events/{wanted['id']}").json["deliveries"] == 1
    ops.patch(MAIN, {"filter": ""})
    assert emit(ops, {"total": {"value": 1}}).json["deliveries"] == 1, "and without a filter with the event"
