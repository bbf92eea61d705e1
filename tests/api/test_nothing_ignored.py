"""What a caller sends and nobody would read is refused: who sends it expects something of it."""

from __future__ import annotations

import gzip
import json

import pytest

from deliveries.errors import InvalidInput
from deliveries.models import Customer, Endpoint, Event, EventType, Job
from deliveries.services.catalogue.event_types import create_event_type
from tests.api.conftest import Caller, Tenant

EVENT = {"customer": "alice", "type": "a.b", "data": {}}
BATCH = {"events": [EVENT, {"customer": "nosuch", "type": "a.b", "data": {}}]}


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/events?dry_run=true", EVENT, "/dry_run"),
        ("/events?customer=bob&customer=eve", EVENT, "/customer"),
        ("/events/batch?atomic=true", BATCH, "/atomic"),
        ("/events?x", EVENT, "/x"),
        ("/events?a/b=1", EVENT, "/a~1b"),
        ("/customers/alice/erase?dry_run=true", None, "/dry_run"),
    ],
)
def test_a_parameter_that_nobody_reads_is_refused(
    ops: Caller, alice: Tenant, path: str, body: object, pointer: str
) -> None:
    answer = ops.post(path, body)
    assert (answer.status, answer.pointers()) == (400, [pointer])
    assert (Event.objects.count(), Job.objects.count()) == (0, 0)


@pytest.mark.parametrize("path", ["/events", "/events/batch", "/customers", "/customers/alice/erase"])
def test_a_compressed_body_is_refused_by_its_name(ops: Caller, alice: Tenant, path: str) -> None:
    raw = gzip.compress(json.dumps(EVENT).encode())
    answer = ops.post(path, raw=raw, Content_Encoding="gzip")
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.json["detail"] == "a body is sent as it is, without Content-Encoding: gzip"


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Unmodified-Since"])
def test_a_change_under_a_condition_is_refused(ops: Caller, alice: Tenant, header: str) -> None:
    """Given a caller who would change only what it has seen, then it does not overwrite what others made of it."""
    for method, body in (("PATCH", {"name": "Bob"}), ("DELETE", None)):
        answer = ops.send(method, "/customers/alice", body, **{header: '"x"'})
        assert (answer.status, header in answer.json["detail"]) == (400, True)
    assert Customer.objects.get().name == "Alice"


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Unmodified-Since"])
@pytest.mark.parametrize(("path", "body"), [("/events", EVENT), ("/events/batch", BATCH)])
def test_an_event_under_a_condition_is_refused(
    ops: Caller, alice: Tenant, path: str, body: object, header: str
) -> None:
    """Given a caller to whom it means "only once", then the event is not stored as if nothing had been said."""
    answer = ops.post(path, body, **{header: '"x"'})
    assert (answer.status, header in answer.json["detail"]) == (400, True)
    assert ops.post(path, body, **{"If-None-Match": "*"}).status == 400
    assert not Event.objects.exists()
    assert ops.post(path, body, **{"If-Match": "*"}).status == 202


def test_what_is_there_fulfils_the_condition_that_it_is(ops: Caller, alice: Tenant) -> None:
    """Given `If-Match: *`, then it is true of whatever is found (RFC 9110, 13.1.1)."""
    for method, path, status in (("PATCH", "alice", 200), ("PATCH", "nobody", 404), ("DELETE", "alice", 204)):
        body = {"name": "Bob"} if method == "PATCH" else None
        assert ops.send(method, f"/customers/{path}", body, **{"If-Match": "*"}).status == status
    assert not Customer.objects.exists()


def test_identity_is_no_coding(ops: Caller, alice: Tenant) -> None:
    assert ops.post("/events", EVENT, Content_Encoding="Identity").status == 202


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/customers/alice/erase"),
        ("DELETE", "/customers/alice"),
        ("DELETE", "/customers/alice/endpoints/main"),
        ("DELETE", "/customers/alice/event-types/own.one"),
        ("DELETE", "/event-types/our.one"),
        ("GET", "/deliveries"),
        ("GET", "/customers/alice/events"),
        ("GET", "/meta"),
    ],
)
@pytest.mark.parametrize("body", [{"dry_run": True}, {"state": "exhausted"}, [1], "x"])
def test_a_body_that_nobody_reads_is_refused(ops: Caller, alice: Tenant, method: str, path: str, body: object) -> None:
    create_event_type({"name": "own.one"}, customer=alice.customer, actor="system")
    create_event_type({"name": "our.one"}, actor="system")
    answer = ops.send(method, path, body)
    assert (answer.status, answer.json["detail"]) == (422, "some fields are refused")
    assert Customer.objects.filter(uid="alice").exists()
    assert (Endpoint.objects.filter(deleted_at=None).count(), EventType.objects.count(), Job.objects.count()) == (
        1,
        2,
        0,
    )


def test_who_may_not_or_sees_nothing_is_told_that_first(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    for path, status in (("/customers/alice", 403), ("/customers/bob", 404), ("/event-types/nosuch", 404)):
        assert alice.caller.send("DELETE", path, {"dry_run": True}).status == status
    assert alice.caller.post("/customers/bob/erase", {"dry_run": True}).status == 404


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/meta", 200), ("POST", "/customers/alice/erase", 202)])
def test_an_empty_body_is_no_body(ops: Caller, alice: Tenant, method: str, path: str, status: int) -> None:
    assert ops.send(method, path, {}).status == status


@pytest.mark.parametrize("path", ["/events", "/customers"])
def test_json_may_come_without_saying_so(ops: Caller, alice: Tenant, path: str) -> None:
    body = EVENT if path == "/events" else {"name": "Carol"}
    answer = ops.client.post(
        f"/api/v1{path}", json.dumps(body), content_type="", headers={"Authorization": f"Bearer {ops.key}"}
    )
    assert answer.status_code == (202 if path == "/events" else 201)


@pytest.mark.parametrize("path", ["/events", "/events/batch", "/customers"])
@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", "it begins with a byte order mark"),
        ("utf-16", "it is not UTF-8"),
        ("utf-16-be", "it is not UTF-8"),
        ("utf-32", "it is not UTF-8"),
    ],
)
def test_json_in_another_encoding_is_told_so(ops: Caller, path: str, encoding: str, said: str) -> None:
    answer = ops.post(path, raw=json.dumps(EVENT).encode(encoding))
    assert (answer.status, answer.json["detail"]) == (400, f"the body is not JSON: {said}")


@pytest.mark.parametrize("path", ["/events", "/events/batch"])
@pytest.mark.parametrize("raw", [b"null", b"[]", b"5", b'"x"'])
def test_what_is_no_object_is_pointed_at_as_a_whole(ops: Caller, path: str, raw: bytes) -> None:
    answer = ops.post(path, raw=raw)
    assert (answer.status, answer.pointers()) in [(422, [""]), (422, [])]
    assert answer.json["detail"].startswith("expected `object`")


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        (b'{"a":[0,{"b/c":18446744073709551616}]}', "/metadata/a/1/b~1c"),
        (b'{"a":{"b":"\\u0000"}}', "/metadata/a/b"),
        (b'{"a":{"\\u0000":1}}', "/metadata/a"),
    ],
)
def test_a_value_that_cannot_be_kept_is_pointed_at(ops: Caller, metadata: bytes, pointer: str) -> None:
    answer = ops.post("/customers", raw=b'{"name":"x","metadata":%b}' % metadata)
    assert (answer.status, answer.pointers()) == (422, [pointer])


@pytest.mark.parametrize("name", ["hookpost.test", "Hookpost.endpoint.disabled", "HOOKPOST.x"])
def test_nobody_but_hookpost_speaks_in_its_name_however_it_is_written(ops: Caller, alice: Tenant, name: str) -> None:
    assert ops.post("/events", EVENT | {"type": name}).pointers() == ["/type"]
    assert ops.post("/event-types", {"name": name}).pointers() == ["/name"]
    assert alice.caller.post("/customers/alice/event-types", {"name": name}).pointers() == ["/name"]
    with pytest.raises(InvalidInput):
        create_event_type({"name": name}, actor="system")
    assert (Event.objects.count(), EventType.objects.count()) == (0, 0)
