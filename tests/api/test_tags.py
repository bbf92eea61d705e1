"""Tags: which events an endpoint gets, what is refused, and what lists and bulk work find by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

import deliveries
from deliveries.errors import InvalidInput
from deliveries.models import Delivery, DueDelivery, Endpoint, Event, FailureGroup, Job
from deliveries.models.base import new_id
from deliveries.services.accepting import event_store, fan_out
from deliveries.services.accepting.events import send_test_event
from deliveries.services.endpoints import create_endpoint, update_endpoint
from deliveries.services.job_steps import run_job_step
from tests.api.conftest import Caller, Tenant

pytestmark = pytest.mark.django_db(transaction=True)

SINCE = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
TAGS = {"plain": [], "eu": ["eu"], "both": ["eu", "project:7"], "us": ["us"]}


@pytest.fixture
def endpoints(alice: Tenant, url: str) -> dict[str, Endpoint]:
    """One endpoint for each kind of tags."""
    made = {
        name: create_endpoint(alice.customer, {"url": url, "uid": name, "tags": tags}, actor="system")[0]
        for name, tags in TAGS.items()
    }
    alice.endpoint.delete()
    return made


def emit(ops: Caller, tags: list[str] | None = None, **more: Any) -> str:
    body = {"customer": "alice", "type": "invoice.paid", "data": {"n": 1}, **more}
    answer = ops.post("/events", body if tags is None else {**body, "tags": tags})
    assert answer.status == 202, answer.json
    return str(answer.json["id"])


def sent_to(ops: Caller, event: str) -> set[str]:
    """The uids of the endpoints that an event goes to."""
    found = {row["endpoint"] for row in ops.get(f"/deliveries?event={event}").json["results"]}
    return {str(each.uid) for each in Endpoint.objects.all() if each.public_id in found}


CASES = [
    (None, {"plain"}),
    ([], {"plain"}),
    (["eu"], {"plain", "eu", "both"}),
    (["project:7", "asia"], {"plain", "both"}),
    (["us", "eu"], {"plain", "eu", "both", "us"}),
    (["asia"], {"plain"}),
]


@pytest.mark.parametrize("limit", [200, 0])
def test_an_endpoint_with_tags_gets_only_events_that_share_one(
    limit: int, ops: Caller, endpoints: dict[str, Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given endpoints with and without tags, then the fan-out with the event and the one after it choose alike."""
    monkeypatch.setattr(event_store, "SHARED", event_store.FanOutLimits(endpoint_limit=limit))
    monkeypatch.setattr(
        "deliveries.services.accepting.shared_commits.SHARED", event_store.FanOutLimits(endpoint_limit=limit)
    )
    monkeypatch.setattr("deliveries.api.emit.begin_fan_outs", lambda wake, **posted: None)
    for tags, wanted in CASES:
        event = emit(ops, tags)
        while fan_out.continue_fan_outs(lambda lanes: None):
            pass
        assert sent_to(ops, event) == wanted, tags
        assert ops.get(f"/events/{event}").json["tags"] == (tags or [])


def test_types_and_filter_hold_besides_and_news_of_endpoints_heeds_no_tags(
    ops: Caller, endpoints: dict[str, Endpoint]
) -> None:
    update_endpoint(endpoints["eu"], {"event_types": ["user.*"]}, actor="system")
    update_endpoint(endpoints["both"], {"filter": "$.data.n > 5"}, actor="system")
    assert sent_to(ops, emit(ops, ["eu"])) == {"plain"}
    assert send_test_event(endpoints["us"]).deliveries == 1


def test_a_batch_and_an_emit_from_inside_carry_tags_too(ops: Caller, endpoints: dict[str, Endpoint]) -> None:
    base = {"customer": "alice", "type": "invoice.paid", "data": {}}
    events = [base, {**base, "tags": ["us"]}, {**base, "tags": ["not one"]}]
    results = ops.post("/events/batch", {"events": events}).json["results"]
    assert [result.get("deliveries") for result in results] == [1, 2, None]
    assert results[2]["error"]["errors"][0]["pointer"] == "/tags"
    with transaction.atomic():
        assert deliveries.emit("alice", "invoice.paid", {"n": 1}, tags=["us", "eu"]).deliveries == 4
        with pytest.raises(InvalidInput):
            deliveries.emit("alice", "invoice.paid", {"n": 1}, tags=["a b"])


@pytest.mark.parametrize(
    "tags", [[""], ["a b"], ["a,b"], ["-a"], ["ä"], ["x" * 65], [7], "eu", [f"t{n}" for n in range(11)], ["a\u0000"]]
)
def test_what_is_no_tag_is_refused_on_both_sides(ops: Caller, alice: Tenant, tags: Any) -> None:
    event = ops.post("/events", {"customer": "alice", "type": "a.b", "data": {}, "tags": tags})
    assert (event.status, event.pointers()[0].startswith("/tags")) == (422, True)
    change = ops.patch("/customers/alice/endpoints/main", {"tags": tags})
    assert (change.status, change.pointers()[0].startswith("/tags")) == (422, True)
    assert not Event.objects.exists()


def test_a_name_that_comes_twice_beside_tags_is_refused(ops: Caller, alice: Tenant) -> None:
    raw = b'{"customer":"alice","type":"a.b","data":{},"tags":["eu"],"tags":["us"]}'
    assert ops.post("/events", raw=raw).pointers() == ["/tags"]


def test_tags_and_metadata_of_an_endpoint_are_kept_and_cleared(ops: Caller, alice: Tenant) -> None:
    main = "/customers/alice/endpoints/main"
    shown = ops.get(main).json
    assert (shown["tags"], shown["metadata"]) == ([], {})
    changed = ops.patch(main, {"tags": ["eu", "eu", "us"], "metadata": {"team": "billing"}}).json
    assert (changed["tags"], changed["metadata"]) == (["eu", "us"], {"team": "billing"})
    assert ops.get("/customers/alice/endpoints?tag=us,asia").json["results"][0]["uid"] == "main"
    assert ops.get("/customers/alice/endpoints?tag=asia").json["results"] == []
    assert ops.get("/customers/alice/endpoints?tag=a%20b").status == 400
    cleared = ops.patch(main, {"tags": [], "metadata": {}}).json
    assert (cleared["tags"], cleared["metadata"]) == ([], {})
    assert Endpoint.objects.get(uid="main").tags is None
    for wrong in ([], "x", {"a": "x" * 17_000}):
        assert ops.patch(main, {"metadata": wrong}).status == 422


def test_lists_feed_and_bulk_work_are_narrowed_by_tags(ops: Caller, alice: Tenant) -> None:
    wanted, other = emit(ops, ["eu", "project:7"]), emit(ops, ["us"])
    emit(ops)
    for path in ("/events?customer=alice&tag=eu,asia", "/customers/alice/events?tag=project:7"):
        assert [row["id"] for row in ops.get(path).json["results"]] == [wanted]
    assert [row["event"] for row in ops.get("/deliveries?tag=us").json["results"]] == [other]
    assert ops.get("/deliveries?tag=,").status == 400
    assert ops.post("/deliveries/cancel", {"tag": "us", "dry_run": True}).json == {"count": 1}
    job = ops.post("/deliveries/cancel", {"customer": "alice", "tag": "us,eu"}).json
    assert job["filters"]["tag"] == "us,eu"
    run_job_step(Job.objects.get().id)
    assert DueDelivery.objects.count() == 1
    assert Delivery.objects.filter(state="cancelled").count() == 2


def test_a_replay_sends_what_matches_now(ops: Caller, alice: Tenant) -> None:
    main = "/customers/alice/endpoints/main"
    ops.patch(main, {"tags": ["eu"]})
    for tags in (None, ["us"], ["us", "asia"]):
        assert sent_to(ops, emit(ops, tags)) == set()
    ops.patch(main, {"tags": ["asia"]})
    assert ops.post(f"{main}/replay", {"since": SINCE, "dry_run": True}).json == {"count": 1}


def test_recover_replay_and_a_failure_group_take_what_carries_a_tag(ops: Caller, alice: Tenant) -> None:
    """Given failed deliveries and events that were never sent, then a tag narrows each kind of bulk work alike."""
    main, carried = "/customers/alice/endpoints/main", ([], ["eu"], ["eu", "us"])
    for tags in carried:
        emit(ops, list(tags))
    Delivery.objects.update(
        state="exhausted", attempts=1, error="http_4xx", status_code=404, failed_at=datetime.now(UTC)
    )
    DueDelivery.objects.all().delete()
    oldest = Delivery.objects.order_by("id")[0]
    group = FailureGroup.objects.create(
        endpoint=alice.endpoint,
        customer=alice.customer,
        error="http_4xx",
        status_code=404,
        first_at=datetime.now(UTC),
        last_at=datetime.now(UTC),
        deliveries=3,
        attempts=3,
        oldest_id=oldest.id,
        example_id=oldest.id,
    )
    ops.patch(main, {"event_types": ["other.*"]})
    for tags in carried:
        emit(ops, list(tags), type="order.paid")
    ops.patch(main, {"event_types": []})
    span = {"since": SINCE, "dry_run": True}
    for tag, number in (("us", 1), ("eu,asia", 2), ("asia", 0)):
        for act in ("recover", "replay"):
            assert ops.post(f"{main}/{act}", {**span, "tag": tag}).json == {"count": number}, (act, tag)
        asked = {"group": group.public_id, "tag": tag, "dry_run": True}
        assert ops.post("/deliveries/redeliver", asked).json == {"count": number}, tag
    for path, body in ((f"{main}/replay", span), ("/deliveries/redeliver", {"group": group.public_id})):
        assert ops.post(path, {**body, "tag": "a b"}).pointers() == ["/tag"]
    job = ops.post(f"{main}/replay", {"since": SINCE, "tag": "us"}).json
    assert job["filters"]["tag"] == "us"
    run_job_step(Job.objects.get().id)
    assert Event.objects.get(pk=DueDelivery.objects.get().event_id).tags == ["eu", "us"]


def test_failures_are_found_by_the_tags_of_their_endpoints(ops: Caller, alice: Tenant) -> None:
    now = datetime.now(UTC)
    fields = {"endpoint": alice.endpoint, "customer": alice.customer, "error": "timeout", "status_code": 0}
    counts = {"deliveries": 1, "attempts": 1, "oldest_id": new_id(), "example_id": new_id()}
    FailureGroup.objects.create(**fields, **counts, first_at=now, last_at=now)
    ops.patch("/customers/alice/endpoints/main", {"tags": ["eu"]})
    assert [len(ops.get(f"/failures?tag={tag}").json["results"]) for tag in ("eu,us", "us")] == [1, 0]
    assert ops.get("/failures?tag=a%20b").status == 400
