"""GET /failures: what fails in the same way; and sending all of a group again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deliveries.models import FailureGroup, Job
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery

pytestmark = pytest.mark.django_db


def a_group(tenant: Tenant, *, status: int = 401, ago: timedelta = timedelta(0)) -> FailureGroup:
    """A group of one delivery that was given up."""
    delivery = log_delivery(tenant.endpoint, state="exhausted", status_code=status, error="http_4xx")
    at = datetime.now(UTC) - ago
    return FailureGroup.objects.create(
        endpoint=tenant.endpoint,
        customer=tenant.customer,
        error="http_4xx",
        status_code=status,
        first_at=at,
        last_at=at,
        deliveries=1,
        attempts=3,
        oldest_id=delivery.id,
        example_id=delivery.id,
    )


def test_a_group_says_what_fails_since_when_and_what_to_do(alice: Tenant) -> None:
    group = a_group(alice)
    (shown,) = alice.caller.get("/failures").json["results"]
    assert (shown["id"], shown["endpoint"]) == (group.public_id, alice.endpoint.public_id)
    assert (shown["error"], shown["status_code"], shown["count"], shown["attempts"]) == ("http_4xx", 401, 1, 3)
    assert shown["explanation"] == "the receiver answers 401, it refuses our signature"
    assert (shown["state"], shown["example"][:4]) == ("open", "dlv_")


def test_customers_see_their_own_and_service_keys_all(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    a_group(bob)
    assert alice.caller.get("/failures").json["results"] == []
    assert len(ops.get("/failures").json["results"]) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        ("?status_code=404", 1),
        ("?error=tls_error", 0),
        ("?state=open", 1),
        ("?state=acknowledged", 1),
        ("?state=over", 0),
        ("?until=2020-01-01T00:00:00Z", 0),
        ("?since=2020-01-01T00:00:00Z", 2),
    ],
)
def test_filters_narrow_the_list(query: str, found: int, alice: Tenant) -> None:
    a_group(alice)
    known = a_group(alice, status=404)
    FailureGroup.objects.filter(pk=known.pk).update(acknowledged_at=known.last_at)
    assert len(alice.caller.get(f"/failures{query}").json["results"]) == found


def test_all_of_a_group_is_sent_again(alice: Tenant) -> None:
    group = a_group(alice)
    log_delivery(alice.endpoint, state="exhausted", status_code=404, error="http_4xx")
    asked = {"group": group.public_id}
    assert alice.caller.post("/deliveries/redeliver", {**asked, "dry_run": True}).json == {"count": 1}
    answer = alice.caller.post("/deliveries/redeliver", {**asked, "reason": "mended"})
    assert (answer.status, answer.json["total"]) == (202, 1)
    assert Job.objects.get().customer == alice.customer


def test_a_group_of_another_customer_or_with_filters_is_refused(alice: Tenant, bob: Tenant) -> None:
    own, other = a_group(alice), a_group(bob)
    for body in ({"group": other.public_id}, {"group": own.public_id, "error": "http_4xx"}):
        answer = alice.caller.post("/deliveries/redeliver", body)
        assert (answer.status, answer.pointers()) == (422, ["/group"])
    assert not Job.objects.exists()
