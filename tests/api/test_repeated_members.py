"""A member that is named twice: no reader is left to choose, whichever way the event comes in."""

from __future__ import annotations

import pytest

from deliveries.models import Event
from tests.api.conftest import Caller, Tenant

EVENT = b'"customer":"alice","type":"a.b","data":{}'
TWICE = {
    "in data": (b'{"customer":"alice","type":"a.b","data":{"a":1,"b":[{"c":1,"c":2}]}}', "/data/b/0/c"),
    "in data, with escapes": (b'{"customer":"alice","type":"a.b","data":{"a":1,"\\u0061":2}}', "/data/a"),
    "data": (b'{"data":{"a":1},%b}' % EVENT, "/data"),
    "type": (b'{"type":"a.b",%b}' % EVENT, "/type"),
    "customer": (b'{"customer":"bob",%b}' % EVENT, "/customer"),
    "customer, with spaces": (b'{"customer" : "bob" , %b}' % EVENT, "/customer"),
    "timestamp": (b'{"timestamp":null,"timestamp":"2026-01-01T00:00:00Z",%b}' % EVENT, "/timestamp"),
    "timestamp, without": (b'{"timestamp":"2026-01-01T00:00:00Z","timestamp":null,%b}' % EVENT, "/timestamp"),
}


@pytest.mark.parametrize(("raw", "pointer"), TWICE.values(), ids=TWICE)
def test_an_event_that_names_a_member_twice_is_refused_and_told_where(
    ops: Caller, alice: Tenant, raw: bytes, pointer: str
) -> None:
    answer = ops.post("/events", raw=raw)
    assert (answer.status, answer.pointers()) == (422, [pointer])
    assert answer.json["detail"] == f"an object names {pointer} twice"
    assert not Event.objects.exists()


@pytest.mark.parametrize(("raw", "pointer"), TWICE.values(), ids=TWICE)
def test_in_a_batch_that_event_is_refused_and_the_others_are_stored(
    ops: Caller, alice: Tenant, raw: bytes, pointer: str
) -> None:
    answer = ops.post("/events/batch", raw=b'{"events":[{%b},%b]}' % (EVENT, raw))
    assert answer.status == 202
    stored, refused = answer.json["results"]
    assert stored["deliveries"] == 1
    assert [each["pointer"] for each in refused["error"]["errors"]] == [pointer]
    assert Event.objects.count() == 1


def test_an_atomic_batch_points_at_the_member_of_the_event(ops: Caller, alice: Tenant) -> None:
    raw = b'{"atomic":true,"events":[{%b},%b]}' % (EVENT, TWICE["in data"][0])
    answer = ops.post("/events/batch", raw=raw)
    assert (answer.status, answer.pointers()) == (422, ["/events/1/data/b/0/c"])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"events":[{%b}],"events":[{%b}]}' % (EVENT, EVENT), "/events"),
        (b'{"events":[],"events":[{%b}]}' % EVENT, "/events"),
        (b'{"atomic":true,"atomic":false,"events":[{%b}]}' % EVENT, "/atomic"),
        (b'{"atomic":true,"atomic":true,"events":[{%b}]}' % EVENT, "/atomic"),
        (b'{"atomic":true,"atomic":false,"events":[{%b},{"data":NaN}]}' % EVENT, "/atomic"),
        (b'{"events":[{%b}],"events":[{"data":NaN}]}' % EVENT, "/events"),
    ],
)
def test_a_batch_that_names_its_own_members_twice_is_refused_whole(
    ops: Caller, alice: Tenant, raw: bytes, pointer: str
) -> None:
    answer = ops.post("/events/batch", raw=raw)
    assert (answer.status, answer.pointers()) == (422, [pointer])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "data", [b'{"a":"a","b":{"a":"{\\"a\\":1}"}}', b'{ "a" : "\\u0022", "\\u0022a" : [ {}, {} ] }', b"{}"]
)
def test_what_only_looks_alike_is_accepted_as_it_is(ops: Caller, alice: Tenant, data: bytes) -> None:
    raw = b'{ "data" : %b , "timestamp" : null, "customer":"\\u0061lice", "type":"a.b" }' % data
    assert ops.post("/events", raw=raw).status == 202
    assert ops.post("/events/batch", raw=b'{ "atomic" : false , "events" : [ %b , %b ] }' % (raw, raw)).status == 202
    assert [event.body.endswith(b'"data":%b}' % data) for event in Event.objects.all()] == [True] * 3


def test_other_bodies_are_told_where_too(ops: Caller) -> None:
    answer = ops.post("/customers", raw=b'{"name":"x","metadata":{"a":{"b":1,"b":2}}}')
    assert (answer.status, answer.pointers()) == (422, ["/metadata/a/b"])
