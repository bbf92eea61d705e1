"""POST payload-preview: what an endpoint would be sent of the last events."""

from __future__ import annotations

import json

from tests.api.conftest import Caller, Tenant, caller_with

PATH = "/customers/alice/endpoints/main/payload-preview"


def emit(ops: Caller, number: int, customer: str = "alice") -> str:
    data = {"number": number, "text": "é & co"}
    return str(ops.post("/events", {"customer": customer, "type": "invoice.paid", "data": data}).json["id"])


def test_the_last_events_are_shown_as_they_would_be_sent(ops: Caller, alice: Tenant) -> None:
    events = [emit(ops, number) for number in range(3)]
    reader = caller_with("read", customer=alice.customer)
    answer = reader.post(PATH, {"transformation": "{n: data.number}", "method": "PUT", "limit": 2})
    assert answer.status == 200
    assert [each["event"] for each in answer.json["results"]] == [events[2], events[1]]
    first = answer.json["results"][0]
    assert (first["method"], first["body"], first["error"], first["truncated"]) == ("PUT", '{"n":2}', "", False)
    assert first["headers"] == {"content-type": "application/json"}
    (form,) = reader.post(PATH, {"body_format": "form", "payload_mode": "data", "event": events[0]}).json["results"]
    assert form["body"] == "number=0&text=%C3%A9+%26+co"
    (slack,) = reader.post(PATH, {"preset": "slack", "limit": 1}).json["results"]
    assert json.loads(slack["body"])["text"] == "invoice.paid"
    assert ops.get("/customers/alice/endpoints/main").json["transformation"] == ""


def test_a_transformation_that_fails_or_grows_is_answered_as_its_attempt_would_end(ops: Caller, alice: Tenant) -> None:
    emit(ops, 1)
    (failed,) = ops.post(PATH, {"transformation": "data.nothing"}).json["results"]
    assert (failed["error"], failed["body"]) == ("transformation_failed", "")
    assert failed["detail"] == "the transformation makes null of this event"
    grows = "@|" + "|".join(["[@,@]"] * 60)
    assert ops.post(PATH, {"transformation": grows}).json["results"][0]["error"] == "transformation_too_large"


def test_an_endpoint_keeps_its_transformation_and_what_is_wrong_is_pointed_at(
    ops: Caller, alice: Tenant, bob: Tenant
) -> None:
    main = "/customers/alice/endpoints/main"
    assert ops.patch(main, {"transformation": "data.number"}).json["transformation"] == "data.number"
    emit(ops, 7)
    assert ops.post(PATH, {}).json["results"][0]["body"] == "7"
    for refused, pointer in [
        ({"transformation": "data."}, "/transformation"),
        ({"payload_mode": "thin"}, "/transformation"),
        ({"event": emit(ops, 8, customer="bob")}, "/event"),
        ({"preset": "irc"}, "/preset"),
        ({"limit": 11}, "/limit"),
    ]:
        assert ops.post(PATH, refused).pointers() == [pointer], refused
    assert ops.patch(main, {"transformation": "("}).pointers() == ["/transformation"]
    assert ops.patch(main, {"transformation": ""}).json["transformation"] == ""
