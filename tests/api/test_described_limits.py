"""What a request may hold, as the description says it and as it is judged: the same on both sides of each limit."""

from __future__ import annotations

from typing import Any

import pytest

from deliveries.api.openapi import description
from deliveries.models import ApiVersion
from deliveries.protocol.sending.batching import SIZE_MAX, WAIT_MS_MAX
from tests.api.conftest import Caller, Tenant

ENDPOINT = "/customers/alice/endpoints/main"
EVENT = {"customer": "alice", "type": "a.b", "data": {}}
LIMITS: dict[str, tuple[str, str, object, object]] = {
    "max_in_flight, least": (ENDPOINT, "max_in_flight", 1, 0),
    "max_in_flight": (ENDPOINT, "max_in_flight", 100, 101),
    "timeout_seconds, least": (ENDPOINT, "timeout_seconds", 1, 0),
    "timeout_seconds": (ENDPOINT, "timeout_seconds", 30, 31),
    "rate_limit, least": (ENDPOINT, "rate_limit", 1, 0),
    "rate_limit": (ENDPOINT, "rate_limit", 100_000, 100_001),
    "batch_size": (ENDPOINT, "batch_size", SIZE_MAX, SIZE_MAX + 1),
    "batch_wait_ms": (ENDPOINT, "batch_wait_ms", WAIT_MS_MAX, WAIT_MS_MAX + 1),
    "set_aside_after": (ENDPOINT, "set_aside_after", 30, 31),
    "retry_schedule": (ENDPOINT, "retry_schedule", [0] * 30, [0] * 31),
    "no retry_schedule": (ENDPOINT, "retry_schedule", [0], []),
    "a delay": (ENDPOINT, "retry_schedule", [604_800], [604_801]),
    "event_types": (ENDPOINT, "event_types", [f"a.{n}" for n in range(200)], [f"a.{n}" for n in range(201)]),
    "an event type": (ENDPOINT, "event_types", ["a" * 128], ["a" * 129]),
    "tags": (ENDPOINT, "tags", [f"t{n}" for n in range(10)], [f"t{n}" for n in range(11)]),
    "a tag": (ENDPOINT, "tags", ["a" * 64], ["a" * 65]),
    "uid": (ENDPOINT, "uid", "u" * 128, "u" * 129),
    "description": (ENDPOINT, "description", "é" * 300, "é" * 301),
    "filter": (ENDPOINT, "filter", '$.data.a == "%s"' % ("x" * 986), '$.data.a == "%s"' % ("x" * 987)),
    "transformation": (ENDPOINT, "transformation", "@" + " " * 3999, "@" + " " * 4000),
    "a customer's uid": ("/customers/alice", "uid", "u" * 128, "u" * 129),
    "a customer's name": ("/customers/alice", "name", "é" * 200, "é" * 201),
    "a type's description": ("/event-types/a.b", "description", "é" * 5000, "é" * 5001),
    "a version's description": ("/api-versions/2026-01-01", "description", "é" * 5000, "é" * 5001),
    "tags of an event": ("/events", "tags", [f"t{n}" for n in range(10)], [f"t{n}" for n in range(11)]),
    "events of a batch": ("/events/batch", "events", [EVENT] * 1000, [EVENT] * 1001),
    "no events": ("/events/batch", "events", [EVENT], []),
}


@pytest.fixture
def there(ops: Caller, alice: Tenant) -> None:
    """What the paths name."""
    ops.post("/event-types", {"name": "a.b"})
    ApiVersion.objects.create(name="2026-01-01")


@pytest.mark.parametrize(("path", "member", "good", "bad"), LIMITS.values(), ids=LIMITS)
def test_a_limit_of_a_member_is_described(
    ops: Caller, there: None, path: str, member: str, good: object, bad: object
) -> None:
    method, base = ("POST", EVENT if path == "/events" else {}) if path.startswith("/events") else ("PATCH", {})
    assert ops.send(method, path, {**base, member: bad}).status == 422
    assert ops.send(method, path, {**base, member: good}).status in (200, 202)
    assert _is_described(path, method, {**base, member: good})
    assert not _is_described(path, method, {**base, member: bad})


def _is_described(path: str, method: str, body: dict[str, Any]) -> bool:
    from tests.api.described import body_validator, operation_of

    return body_validator(operation_of(method, path)["operationId"]).is_valid(body)


def test_no_request_is_described_with_members_beyond_its_own() -> None:
    components = description()["components"]["schemas"]
    requests = {name: schema for name, schema in components.items() if name.endswith("Request")}
    assert "NewEventRequest" in requests
    assert [name for name, schema in requests.items() if schema.get("additionalProperties") is not False] == []
