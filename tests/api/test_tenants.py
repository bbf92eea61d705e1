"""One tenant's key on another's ids: 404 everywhere, and nothing changes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import URLPattern

from deliveries.api.auth import Scope
from deliveries.api.urls import api
from deliveries.models import Delivery, DueDelivery, Endpoint, EventType, Job
from deliveries.services.catalogue.api_versions import create_version
from deliveries.services.catalogue.event_types import create_event_type
from deliveries.services.reading.selection import Selection
from deliveries.services.resending.jobs import start_job
from tests.api.conftest import Tenant
from tests.api.logs import log_attempt, log_delivery

METHODS = ("GET", "POST", "PATCH", "DELETE")
PARAMETER = re.compile(r"<str:(\w+)>")
# A span that recover and replay understand; others refuse a body only after they found the row.
BODY = {"since": "2020-01-01T00:00:00Z"}


def routes() -> list[tuple[str, str]]:
    """Each path with a parameter, with each method that it answers to."""
    found = []
    for pattern in api:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        view = getattr(pattern.callback, "view_class", None)
        if view is None or not PARAMETER.search(route):
            continue
        found += [(route, method) for method in METHODS if hasattr(view, method.lower())]
    return found


@pytest.fixture
def bobs(bob: Tenant) -> dict[str, str]:
    """Something of everything of Bob's."""
    delivery = log_delivery(bob.endpoint, state="exhausted")
    log_attempt(delivery)
    job = start_job(Job.Kind.REDELIVER, Selection(customer_id=bob.customer.id), customer=bob.customer, actor="key:bob")
    create_event_type({"name": "bobs.own"}, customer=bob.customer, actor="key:bob")
    create_version({"name": "2027-01-01"}, actor="key:ops")  # which is being prepared
    return {
        "customer": bob.customer.public_id,
        "endpoint": bob.endpoint.public_id,
        "event": delivery.event.public_id,
        "delivery": delivery.public_id,
        "job": job.public_id,
        "name": "bobs.own",
        "version": "2027-01-01",
    }


def snapshot() -> list[Any]:
    """What a call could have changed."""
    return [list(model.objects.order_by("pk").values()) for model in (Endpoint, EventType, Job, Delivery, DueDelivery)]


@pytest.mark.parametrize(("route", "method"), routes())
def test_anothers_id_is_404(alice: Tenant, bobs: dict[str, str], route: str, method: str) -> None:
    before = snapshot()
    path = PARAMETER.sub(lambda match: bobs[match[1]], route)
    answer = alice.caller.send(method, f"/{path}", BODY if method in ("POST", "PATCH") else None)
    assert answer.status == 404, (path, answer.raw)
    assert answer.headers["content-type"] == "application/problem+json"
    assert snapshot() == before


@pytest.mark.parametrize(("route", "method"), [pair for pair in routes() if len(PARAMETER.findall(pair[0])) == 2])
def test_anothers_row_under_ones_own_customer_is_404(
    alice: Tenant, bobs: dict[str, str], route: str, method: str
) -> None:
    path = PARAMETER.sub(lambda match: "alice" if match[1] == "customer" else bobs[match[1]], route)
    answer = alice.caller.send(method, f"/{path}", BODY if method in ("POST", "PATCH") else None)
    assert answer.status == 404, (path, answer.raw)


@pytest.mark.parametrize("uid", ["bob", "main"])
def test_anothers_uid_is_404(alice: Tenant, bobs: dict[str, str], uid: str) -> None:
    assert alice.caller.get(f"/customers/{uid}").status == 404
    assert alice.caller.get(f"/customers/{uid}/endpoints").status == 404
    assert alice.caller.get(f"/customers/{uid}/events").status == 404


def test_lists_show_nothing_of_anothers(alice: Tenant, bobs: dict[str, str]) -> None:
    for path in (
        "/events",
        "/deliveries",
        "/failures",
        "/jobs",
        "/event-types",
        "/customers",
        "/customers/alice/endpoints",
    ):
        answer = alice.caller.get(path)
        assert answer.status == 200
        for name in bobs.values():
            assert name.encode() not in answer.raw, path


@pytest.mark.parametrize("name", ["customer", "endpoint", "event"])
def test_a_filter_by_anothers_id_is_refused_as_one_that_is_not_there(
    alice: Tenant, bobs: dict[str, str], name: str
) -> None:
    nobodys = f"{bobs[name].partition('_')[0]}_01m7xrh3m4f64af0n940sfkm51"
    refused, unknown = (alice.caller.get(f"/deliveries?{name}={id_}") for id_ in (bobs[name], nobodys))
    assert (refused.status, refused.pointers()) == (400, [f"/{name}"])
    assert refused.json == unknown.json


def test_every_path_is_swept() -> None:
    assert len(routes()) > 25
    assert set(Scope.values) == {"events:write", "deliveries:redeliver", "deliveries:poll", "read", "manage"}
