"""/deliveries: finding, looking, sending one again; and an endpoint's figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deliveries.models import AuditEntry, DueDelivery
from deliveries.protocol.answers.advice import ERRORS
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_attempt, log_delivery, log_due

STATS = "/customers/alice/endpoints/main/stats"


def ids(caller: Caller, query: str) -> list[str]:
    """The ids that a list shows."""
    answer = caller.get(f"/deliveries?{query}")
    assert answer.status == 200
    return [row["id"] for row in answer.json["results"]]


def test_deliveries_are_filtered(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    hour = timedelta(hours=1)
    failed = log_delivery(
        alice.endpoint, state="exhausted", type="invoice.paid", age=2 * hour, status_code=503, error="http_5xx"
    )
    waiting = log_delivery(alice.endpoint, state="pending", type="invoice.sent", age=hour, error="dns_error")
    fine = log_delivery(bob.endpoint, type="user.created", status_code=204)
    everything = {row.public_id: row for row in (failed, waiting, fine)}
    assert ids(ops, "") == [fine.public_id, waiting.public_id, failed.public_id]
    assert ids(ops, "customer=alice") == [waiting.public_id, failed.public_id]
    assert ids(ops, f"customer={bob.customer.public_id}") == [fine.public_id]
    assert ids(ops, f"endpoint={bob.endpoint.public_id}") == [fine.public_id]
    assert ids(ops, "customer=bob&endpoint=main") == [fine.public_id]
    assert ids(ops, f"event={failed.event.public_id}") == [failed.public_id]
    assert ids(ops, "type=invoice.*") == [waiting.public_id, failed.public_id]
    assert ids(ops, "state=exhausted") == [failed.public_id]
    assert ids(ops, "state=exhausted,succeeded") == [fine.public_id, failed.public_id]
    assert ids(ops, "status_code=503") == [failed.public_id]
    assert ids(ops, "error=dns_error") == [waiting.public_id]
    since = (fine.created_at - hour / 2).isoformat().replace("+00:00", "Z")
    assert ids(ops, f"since={since}") == [fine.public_id]
    assert ids(ops, f"until={since}") == [waiting.public_id, failed.public_id]
    assert ids(ops, "customer=alice&state=held") == []
    assert len(everything) == 3


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("state=lost", "/state"),
        ("state=", "/state"),
        ("status_code=abc", "/status_code"),
        ("status_code=99", "/status_code"),
        ("status_code=600", "/status_code"),
        ("error=boom", "/error"),
        ("event=evt_x", "/event"),
        ("event=dlv_01m7xrh3m4f64af0n940sfkm51", "/event"),
        ("type=a b", "/type"),
        ("since=x", "/since"),
        ("stat=exhausted", "/stat"),
        ("customer=%00", "/customer"),
    ],
)
def test_a_wrong_filter_is_400_and_pointed_to(ops: Caller, query: str, pointer: str) -> None:
    answer = ops.get(f"/deliveries?{query}")
    assert answer.status == 400
    assert pointer in answer.pointers()


def test_a_delivery_is_shown_with_its_attempts(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="pending", status_code=503, error="http_5xx", attempts=2)
    log_attempt(
        delivery,
        status_code=503,
        error="http_5xx",
        response_body=b"<b>\xff no</b>",
        detail="busy",
        response_headers="content-type: text/html; charset=latin-1",
    )
    log_attempt(delivery, number=None, actor="user:support", status_code=None, error="dns_error")
    shown = ops.get(f"/deliveries/{delivery.public_id}").json
    assert (shown["state"], shown["status_code"], shown["error"], shown["attempts"]) == ("pending", 503, "http_5xx", 2)
    assert (shown["event"], shown["endpoint"]) == (delivery.event.public_id, alice.endpoint.public_id)
    again, first = ops.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]
    assert (first["number"], first["redelivery"], first["response_body"]) == (1, False, "<b>ÿ no</b>")
    assert first["response_body_format"] == "text"
    assert (again["number"], again["redelivery"], again["actor"]) == (None, True, "user:support")
    assert "resolved" in again["explanation"]
    assert again["advice"] == ERRORS["dns_error"].do


def test_a_customer_does_not_see_who_of_the_operators_people_acted(alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    log_attempt(delivery, number=None, actor="user:support")
    (attempt,) = alice.caller.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]
    assert (attempt["redelivery"], attempt["actor"]) == (True, "the operator")


def test_an_attempt_shows_the_request_as_it_was_sent(alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    log_attempt(
        delivery,
        request_url="https://old.example/hook?a=1",
        request_headers="content-type: application/json\nx-tenant: [hidden]\nwebhook-signature: v1,a= v1,b=",
        signed_with="IQ==\nZ g=",
        dns_ms=3,
        connect_ms=20,
        tls_ms=41,
        first_byte_ms=0,
    )
    (attempt,) = alice.caller.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]
    assert attempt["request"] == {
        "method": "POST",
        "url": "https://old.example/hook?a=1",
        "headers": {
            "content-type": "application/json",
            "x-tenant": "[hidden]",
            "webhook-signature": "v1,a= v1,b=",
        },
        "signed_with": ["IQ==", "Z g="],
        "batch": None,
    }
    assert attempt["phases"] == {"dns_ms": 3, "connect_ms": 20, "tls_ms": 41, "first_byte_ms": 0}


def test_an_attempt_of_which_no_request_was_kept_shows_none(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    log_attempt(delivery)
    (attempt,) = ops.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]
    assert attempt["request"] is None
    assert attempt["phases"] == {"dns_ms": None, "connect_ms": None, "tls_ms": None, "first_byte_ms": None}
    assert (attempt["actor"], attempt["reason"]) == ("", "")


def test_customers_read_why_somebody_sent_again(alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    log_attempt(delivery, number=None, actor="user:support", reason="they mended it")
    (attempt,) = alice.caller.get(f"/deliveries/{delivery.public_id}/attempts").json["results"]
    assert (attempt["actor"], attempt["reason"]) == ("the operator", "they mended it")


def test_attempts_come_in_pages(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint)
    for number in (1, 2, 3):
        log_attempt(delivery, number=number)
    page = ops.get(f"/deliveries/{delivery.public_id}/attempts?limit=2").json
    assert [row["number"] for row in page["results"]] == [3, 2]
    assert [row["number"] for row in ops.get(page["next"]).json["results"]] == [1]


def test_a_delivery_is_sent_again_once(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="exhausted")
    path = f"/deliveries/{delivery.public_id}/redeliver"
    assert ops.post(path, {"reason": "receiver fixed"}).status == 202
    assert ops.post(path).status == 409
    due = DueDelivery.objects.get()
    assert (due.manual, due.actor, due.rank) == (True, "key:ops", 0)
    entry = AuditEntry.objects.get(action="delivery.redeliver")
    assert (entry.reason, entry.object_id) == ("receiver fixed", delivery.public_id)


def test_an_attempt_under_way_refuses_a_redelivery(ops: Caller, alice: Tenant) -> None:
    delivery = log_delivery(alice.endpoint, state="pending")
    log_due(delivery)
    answer = ops.post(f"/deliveries/{delivery.public_id}/redeliver")
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")


@pytest.mark.parametrize("body", [{"reason": 5}, {"reason": "x" * 301}, {"why": "x"}, []])
def test_a_wrong_reason_is_refused(ops: Caller, alice: Tenant, body: object) -> None:
    delivery = log_delivery(alice.endpoint)
    assert ops.post(f"/deliveries/{delivery.public_id}/redeliver", body).status == 422
    assert not DueDelivery.objects.exists()


@pytest.mark.parametrize(
    "ref", ["dlv_01m7xrh3m4f64af0n940sfkm51", "dlv_x", "evt_01m7xrh3m4f64af0n940sfkm51", "%00", "x"]
)
def test_what_is_not_there_is_404(ops: Caller, ref: str) -> None:
    assert ops.get(f"/deliveries/{ref}").status == 404
    assert ops.get(f"/deliveries/{ref}/attempts").status == 404
    assert ops.post(f"/deliveries/{ref}/redeliver").status == 404


def test_figures_count_states_classes_and_durations(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    for duration in range(1, 101):
        log_attempt(log_delivery(alice.endpoint), duration_ms=duration)
    failed = log_delivery(alice.endpoint, state="pending")
    log_attempt(failed, status_code=500, duration_ms=50)
    log_attempt(failed, status_code=None, duration_ms=50)
    log_due(failed)
    log_attempt(log_delivery(bob.endpoint))
    stats = ops.get(STATS).json
    assert (stats["deliveries"], stats["waiting"], stats["sampled"]) == (101, 1, False)
    assert (stats["states"]["succeeded"], stats["states"]["pending"], stats["states"]["held"]) == (100, 1, 0)
    assert (stats["status_classes"]["2xx"], stats["status_classes"]["5xx"], stats["status_classes"]["none"]) == (
        100,
        1,
        1,
    )
    assert (stats["p50_ms"], stats["p95_ms"]) == (50, 95)


def test_figures_of_a_busy_endpoint_come_from_its_newest(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.services.reading.stats.NEWEST", 3)
    for state in ("exhausted", "succeeded", "succeeded", "succeeded"):
        log_delivery(alice.endpoint, state=state)
    stats = ops.get(STATS).json
    assert (stats["deliveries"], stats["states"]["exhausted"], stats["sampled"]) == (3, 0, True)
