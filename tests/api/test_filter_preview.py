"""POST filter-preview, of an endpoint and without one."""

from __future__ import annotations

from deliveries.models import AuditEntry
from tests.api.conftest import Caller, Tenant, caller_with

PATH = "/customers/alice/endpoints/main/filter-preview"


def emit(ops: Caller, **data: object) -> str:
    answer = ops.post("/events", {"customer": "alice", "type": "invoice.paid", "data": data})
    return str(answer.json["id"])


def test_the_last_events_are_counted_and_explained(ops: Caller, alice: Tenant) -> None:
    event = emit(ops, amount=50)
    reader = caller_with("read", customer=alice.customer)
    answer = reader.post(PATH, {"filter": "$.data.amount > 100"})
    assert answer.status == 200
    figures = ("looked_at", "matched", "not_matched", "other_type", "not_judged", "complete", "event_types")
    assert [answer.json[name] for name in figures] == [1, 0, 1, 0, 0, True, []]
    (result,) = answer.json["results"]
    assert (result["event"], result["type"], result["result"]) == (event, "invoice.paid", "not_matched")
    assert result["conditions"] == [
        {
            "condition": "$.data.amount > 100",
            "negated": False,
            "holds": False,
            "met": False,
            "found": ["50"],
            "found_count": 1,
            "says": "The event has 50 there.",
        }
    ]


def test_an_endpoints_own_filter_is_tried_where_none_is_given_and_stays(ops: Caller, alice: Tenant) -> None:
    ops.patch("/customers/alice/endpoints/main", {"filter": "$.data.a == 1", "event_types": ["invoice.*"]})
    emit(ops, a=1)
    acts = AuditEntry.objects.count()
    assert ops.post(PATH, {}).json["filter"] == "$.data.a == 1"
    assert ops.post(PATH, {"filter": "$.data.a == 2", "limit": 1}).json["matched"] == 0
    assert ops.post("/customers/alice/filter-preview", {"event_types": ["order.*"]}).json["other_type"] == 1
    assert ops.get("/customers/alice/endpoints/main").json["filter"] == "$.data.a == 1"
    assert AuditEntry.objects.count() == acts


def test_an_endpoints_own_tags_are_heeded_and_others_can_be_tried(ops: Caller, alice: Tenant) -> None:
    ops.patch("/customers/alice/endpoints/main", {"tags": ["eu"]})
    ops.post("/events", {"customer": "alice", "type": "invoice.paid", "data": {}, "tags": ["us"]})
    answer = ops.post(PATH, {})
    assert (answer.json["tags"], answer.json["other_tags"], answer.json["matched"]) == (["eu"], 1, 0)
    (result,) = answer.json["results"]
    says = "The event has us, and none of eu."
    assert (result["result"], result["tags"]) == ("other_tags", {"found": ["us"], "met": False, "says": says})
    assert ops.post(PATH, {"tags": []}).json["results"][0]["tags"] is None
    assert ops.post(PATH, {"tags": ["us", "asia"]}).json["matched"] == 1
    assert ops.post(PATH, {"tags": ["a b"]}).pointers() == ["/tags"]


def test_what_is_wrong_is_pointed_at(ops: Caller, alice: Tenant) -> None:
    assert ops.post(PATH, {"filter": "$.a =="}).pointers() == ["/filter"]
    assert ops.post(PATH, {"event_types": ["a..b"]}).pointers() == ["/event_types"]
    assert ops.post(PATH, {"limit": 51}).pointers() == ["/limit"]
    assert ops.post(PATH, {"only": "some"}).pointers() == ["/only"]
    assert ops.post(PATH, {"filters": ""}).pointers() == ["/filters"]
