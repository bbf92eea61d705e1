"""Limits by API: told at /meta, refused with the figure, set for a customer by service keys only."""

from __future__ import annotations

import pytest

from deliveries.services.common.limits import LIMITS
from tests.api.conftest import Caller, Tenant
from tests.settings import SETTINGS

URL = "https://93.184.216.34/in"


def test_a_refusal_names_the_limit_its_figure_and_whose_it_is(
    alice: Tenant, bob: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "endpoints_per_customer", 1)
    answer = alice.caller.post("/customers/alice/endpoints", {"url": URL})
    owner = alice.customer.public_id
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json["type"] == "urn:hookpost:problem:limit-reached"
    assert (answer.json["limit"], answer.json["figure"], answer.json["owner"]) == ("endpoints", 1, owner)
    assert answer.json["detail"] == f"the customer {owner} may have at most 1 endpoints, and has 1"


def test_meta_names_every_limit_with_its_figure(ops: Caller, alice: Tenant) -> None:
    meta = ops.get("/meta").json["limits"]
    assert meta.keys() >= LIMITS.keys()
    assert (meta["endpoints"], meta["open_jobs"], meta["event_types"]) == (100, 10, 500)
    assert all(isinstance(figure, int) for name, figure in meta.items() if name != "requests_per_minute")


def test_a_customers_key_is_told_its_own_limit(ops: Caller, alice: Tenant) -> None:
    assert ops.patch("/customers/alice", {"endpoint_limit": 7}).json["endpoint_limit"] == 7
    assert alice.caller.get("/meta").json["limits"]["endpoints"] == 7
    assert ops.get("/meta").json["limits"]["endpoints"] == 100
    assert ops.patch("/customers/alice", {"endpoint_limit": None}).json["endpoint_limit"] is None


@pytest.mark.parametrize("value", [-1, 100_001, "5", 1.5, True])
def test_a_limit_that_makes_no_sense_is_refused(ops: Caller, alice: Tenant, value: object) -> None:
    answer = ops.patch("/customers/alice", {"endpoint_limit": value})
    assert (answer.status, answer.pointers()) == (422, ["/endpoint_limit"])


def test_no_customer_sets_its_own_limit(alice: Tenant) -> None:
    assert alice.caller.patch("/customers/alice", {"endpoint_limit": 1000}).status == 403


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/customers", {"name": "n" * 201}, "/name"),
        ("/customers", {"name": "n", "metadata": {"m": "x" * 65_536}}, "/metadata"),
        ("/customers/alice/endpoints", {"url": URL, "description": "d" * 301}, "/description"),
        ("/customers/alice/endpoints", {"url": URL, "filter": f'$.data.a == "{"x" * 1000}"'}, "/filter"),
        ("/customers/alice/endpoints", {"url": URL, "event_types": [f"a.b{n}" for n in range(201)]}, "/event_types"),
        ("/customers/alice/endpoints", {"url": URL, "retry_schedule": [1] * 31}, "/retry_schedule"),
        ("/customers/alice/endpoints", {"url": URL, "headers": {f"x-{n}": "v" for n in range(21)}}, "/headers"),
        ("/event-types", {"name": "a.b", "description": "d" * 5001}, "/description"),
        ("/event-types", {"name": "a.b", "schema": {"description": "s" * 65_536}}, "/schema"),
        ("/customers/alice/endpoints/main/pause", {"reason": "r" * 301}, "/reason"),
    ],
)
def test_what_is_too_long_is_refused_at_its_field(
    ops: Caller, alice: Tenant, path: str, body: dict[str, object], pointer: str
) -> None:
    answer = ops.post(path, body)
    assert answer.status == 422
    assert answer.pointers()[0].startswith(pointer)
