"""What callers see of endpoints that fail, and the names that they may not use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deliveries.models import Event, Lane
from deliveries.services.endpoints import create_endpoint, disable_endpoint
from tests.api.conftest import Caller, Tenant

MAIN = "/customers/alice/endpoints/main"


def test_an_endpoint_shows_since_when_it_fails(ops: Caller, alice: Tenant) -> None:
    assert ops.get(MAIN).json["failing_since"] is None
    Lane.objects.update(failing_since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert ops.get(MAIN).json["failing_since"] == "2026-01-02T03:04:05.000Z"
    (listed,) = ops.get("/customers/alice/endpoints").json["results"]
    assert listed["failing_since"] == "2026-01-02T03:04:05.000Z"


def test_a_disabled_endpoint_shows_why_and_since_when(ops: Caller, alice: Tenant) -> None:
    disable_endpoint(alice.endpoint, actor="system", reason="every attempt failed for 5 days")
    shown = ops.get(MAIN).json
    assert (shown["state"], shown["state_reason"]) == ("disabled", "every attempt failed for 5 days")
    changed = datetime.fromisoformat(shown["state_changed_at"])
    assert abs(datetime.now(UTC) - changed) < timedelta(minutes=1)


def test_a_resumed_endpoint_is_given_a_fresh_start(ops: Caller, alice: Tenant) -> None:
    disable_endpoint(alice.endpoint, actor="system", reason="every attempt failed for 5 days")
    Lane.objects.update(failing_since=datetime.now(UTC))
    assert ops.post(f"{MAIN}/resume").json["failing_since"] is None


def test_a_list_asks_as_many_questions_for_many_endpoints_as_for_one(ops: Caller, alice: Tenant, url: str) -> None:
    ops.get("/customers/alice/endpoints")  # the first request of a key notes that it was used
    with CaptureQueriesContext(connection) as one:
        ops.get("/customers/alice/endpoints")
    for _ in range(3):
        create_endpoint(alice.customer, {"url": url}, actor="system")
    with CaptureQueriesContext(connection) as many:
        ops.get("/customers/alice/endpoints")
    assert len(many) == len(one) > 0


@pytest.mark.parametrize("name", ["hookpost.endpoint.failing", "hookpost.test"])
def test_a_caller_may_not_emit_under_our_name(name: str, ops: Caller, alice: Tenant) -> None:
    event = {"customer": "alice", "type": name, "data": {}}
    refused = ops.post("/events", event)
    assert (refused.status, refused.pointers()) == (422, ["/type"])
    (result,) = ops.post("/events/batch", {"events": [event]}).json["results"]
    assert result["error"]["status"] == 422
    assert not Event.objects.exists()


def test_a_caller_may_not_register_a_type_under_our_name(ops: Caller, alice: Tenant) -> None:
    refused = ops.post("/event-types", {"name": "hookpost.endpoint.failing"})
    assert (refused.status, refused.pointers()) == (422, ["/name"])


def test_an_endpoint_may_ask_for_our_events(ops: Caller, alice: Tenant) -> None:
    changed = ops.patch(MAIN, {"event_types": ["invoice.*", "hookpost.*"]})
    assert (changed.status, changed.json["event_types"]) == (200, ["invoice.*", "hookpost.*"])
