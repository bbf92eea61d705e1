"""GET /events and the feed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from deliveries.models import Customer, Event
from deliveries.models.base import new_id
from deliveries.protocol.writing.ids import EVENT, encode_id, floor_of
from tests.api.conftest import Caller, Tenant, caller_with

BODY = (
    b'{"type":"a.b","timestamp":"2026-01-01T00:00:00.000Z",'
    b'"data":{"z":1e2, "a":"\\u00e9", "n":1.50, "big":123456789012345678901}}'
)


def stored(customer: Customer, event_type: str = "a.b", *, body: bytes = BODY, age: timedelta = timedelta(0)) -> str:
    """An event in the log."""
    moment = datetime.now(UTC) - age
    id_ = new_id() if not age else floor_of(moment)
    Event.objects.create(id=id_, customer=customer, type=event_type, body=body, created_at=moment)
    return encode_id(EVENT, id_)


def test_a_body_comes_back_byte_for_byte(ops: Caller, alice: Tenant) -> None:
    id_ = stored(alice.customer)
    assert b'"body":' + BODY + b"}" in ops.get(f"/events/{id_}").raw
    assert b'"body":' + BODY in ops.get("/events").raw
    assert b'"body":' + BODY in ops.get("/customers/alice/events").raw


def test_an_emitted_event_is_found(ops: Caller, alice: Tenant) -> None:
    answer = ops.post("/events", {"customer": "alice", "type": "a.b", "data": {"x": 1}})
    assert (answer.status, answer.json["deliveries"]) == (202, 1)
    found = alice.caller.get(f"/events/{answer.json['id']}").json
    assert (found["type"], found["customer"], found["body"]["data"]) == ("a.b", alice.customer.public_id, {"x": 1})


def test_events_are_filtered(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    old = stored(alice.customer, "invoice.paid", age=timedelta(hours=2))
    new = stored(alice.customer, "invoice.sent")
    other = stored(bob.customer, "user.created")

    def ids(query: str) -> list[str]:
        return [row["id"] for row in ops.get(f"/events?{query}").json["results"]]

    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+", "%2B")
    assert ids("") == [other, new, old]
    assert ids("customer=alice") == [new, old]
    assert ids("type=invoice.*") == [new, old]
    assert ids("type=invoice.paid,user.created") == [other, old]
    assert ids(f"since={hour_ago}") == [other, new]
    assert ids(f"until={hour_ago}&customer={alice.customer.public_id}") == [old]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("since=yesterday", "/since"),
        ("since=", "/since"),
        ("until=99999-01-01T00:00:00Z", "/until"),
        ("type=a..b", "/type"),
        ("type=*", "/type"),
        ("type=" + ",".join(["a"] * 51), "/type"),
        ("after=x", "/after"),
        ("customer=%00", "/customer"),
    ],
)
def test_a_wrong_filter_is_400(ops: Caller, query: str, pointer: str) -> None:
    answer = ops.get(f"/events?{query}")
    assert answer.status == 400
    assert pointer in answer.pointers()


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59Z", "1970-01-01", "2026-01-01T00:00:00"]
)
def test_any_time_is_understood(ops: Caller, since: str) -> None:
    assert ops.get(f"/events?since={since}").status in (200, 400)


def test_the_feed_runs_forward_and_goes_on_after_the_last(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    mine = [stored(alice.customer, age=timedelta(minutes=minute)) for minute in (5, 4, 3, 2)]
    stored(bob.customer, age=timedelta(minutes=1))
    first = ops.get("/customers/alice/events?limit=3").json
    assert [row["id"] for row in first["results"]] == mine[:3]
    second = ops.get(first["next"]).json
    assert [row["id"] for row in second["results"]] == mine[3:]
    assert second["next"] is None
    later = stored(alice.customer, age=timedelta(seconds=30))
    following = ops.get(f"/customers/alice/events?after={mine[-1]}").json
    assert [row["id"] for row in following["results"]] == [later]


def test_the_feed_is_filtered_by_types(ops: Caller, alice: Tenant) -> None:
    stored(alice.customer, "user.created", age=timedelta(minutes=2))
    paid = stored(alice.customer, "invoice.paid", age=timedelta(minutes=1))
    assert [row["id"] for row in ops.get("/customers/alice/events?types=invoice.*").json["results"]] == [paid]
    assert ops.get("/customers/alice/events?types=a..b").pointers() == ["/types"]
    assert ops.get("/customers/alice/events?after=evt_x").pointers() == ["/after"]


def test_polling_an_unchanged_feed_is_304(ops: Caller, alice: Tenant) -> None:
    stored(alice.customer, age=timedelta(minutes=1))
    first = ops.get("/customers/alice/events")
    again = ops.get("/customers/alice/events", **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.raw, again.headers["etag"]) == (304, b"", first.headers["etag"])
    weak = ops.get("/customers/alice/events", **{"If-None-Match": "W/" + first.headers["etag"]})
    assert weak.status == 304
    stored(alice.customer, age=timedelta(seconds=30))
    assert ops.get("/customers/alice/events", **{"If-None-Match": first.headers["etag"]}).status == 200


def test_an_event_of_just_now_is_waited_for(ops: Caller, alice: Tenant) -> None:
    id_ = stored(alice.customer)
    assert [row["id"] for row in ops.get("/customers/alice/events").json["results"]] == [id_]


@pytest.mark.django_db(transaction=True)
def test_the_feed_does_not_pass_an_event_that_is_still_being_committed() -> None:
    """Given an event of an earlier id in an open transaction, when later ones commit, then the feed waits."""
    ops = caller_with("read")
    customer = Customer.objects.create(name="Alice", uid="alice")
    written, go_on = threading.Event(), threading.Event()
    ids: list[str] = []

    def slow_writer() -> None:
        with transaction.atomic():
            ids.append(stored(customer))
            written.set()
            go_on.wait(60)
        connections.close_all()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert written.wait(60)
    ids.append(stored(customer))
    assert ops.get("/customers/alice/events").json["results"] == []
    go_on.set()
    writer.join()
    assert [row["id"] for row in ops.get("/customers/alice/events").json["results"]] == ids
    assert connection.vendor == "postgresql"
