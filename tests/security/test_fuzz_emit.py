"""Whatever is posted as an event, it is refused with a problem or stored byte for byte; it is never a 500.

An endpoint with a filter listens, so that PostgreSQL has to read what was accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from deliveries.conf import conf
from deliveries.models import Delivery, Event
from deliveries.protocol.writing.ids import EVENT, decode_id
from deliveries.services.people.api_keys import create_api_key
from tests.security.steps import an_endpoint

pytestmark = pytest.mark.django_db

SOME = settings(
    max_examples=150,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
NASTY = {
    "half a pair": rb'{"a":"\ud800"}',
    "half a pair as a key": rb'{"\udc00":1}',
    "two low halves": rb'{"a":"\udc00\udc00"}',
    "a whole pair": rb'{"a":"\ud83d\ude00"}',
    "escaped NUL": rb'{"a":"\u0000"}',
    "escaped NUL as a key": rb'{"\u0000":1}',
    "escaped backslash before u0000": rb'{"a":"\\u0000"}',
    "NUL after an escaped backslash": rb'{"a":"\\\u0000"}',
    "raw NUL": b'{"a":"\x00"}',
    "raw control characters": b'{"a":"\x01\x1f\x7f"}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "float out of range": b'{"a":1e400}',
    "far out of range": b'{"a":1e999999999}',
    "very small": b'{"a":1e-400}',
    "minus zero": b'{"a":-0,"b":-0.0}',
    "1e2 stays 1e2": b'{"a":1e2,"b":1E+2,"c":100.0}',
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "5,000 decimals": b'{"a":0.' + b"1" * 5000 + b"}",
    "leading zeros": b'{"a":007}',
    "hexadecimal": b'{"a":0x10}',
    "duplicate keys": b'{"a":1,"a":2}',
    "duplicate keys by escape": rb'{"a":1,"\u0061":2}',
    "proto": b'{"__proto__":{"a":1},"constructor":1}',
    "empty key": b'{"":1}',
    "deep lists": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "as deep as may be": b'{"a":' + b"[" * 100 + b"]" * 100 + b"}",
    "very deep and open": b'{"a":' + b"[" * 100_000,
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "broken UTF-8": b'{"a":"\xff\xfe"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}',
    "cut in a character": b'{"a":"\xc3"}',
    "noncharacters": '{"a":"\ufffe\uffff\U0010ffff"}'.encode(),
    "separators of lines": '{"a":"\u2028\u2029\u0085"}'.encode(),
    "odd whitespace": '{"a":\u00a01}'.encode(),
    "much whitespace": b'{ \n\t\r "a" \n : \t 1 \r }',
    "comment": b'{"a":1 /* x */}',
    "comma at the end": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "list": b"[1]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "nothing": b"",
    "two values": b'{"a":1}{"a":2}',
    "closes the event and goes on": b'{"a":1},"unknown":"b.c"',
    "escaped NUL far down": rb'{"b":"\u0000","a":' + b"[" * 500 + b"]" * 500 + b"}",
    "backslashes": b'{"a":"' + b"\\\\" * 20_000 + b'u0000"}',
    "100,000 keys": b"{" + b",".join(b'"%d":1' % number for number in range(20_000)) + b"}",
}


@pytest.fixture
def post(db: None) -> Iterator[Any]:
    """Posts raw bytes to a path below /api/v1; answers status and body."""
    endpoint, _ = an_endpoint(filter="$.data.a > 10")
    an_endpoint()
    endpoint.customer.uid = "alice"
    endpoint.customer.save()
    key = create_api_key("fuzz", ["events:write"], actor="system")[1]
    client = Client(headers={"authorization": f"Bearer {key}"}, raise_request_exception=False)

    def post(path: str, raw: bytes, **headers: str) -> tuple[int, Any]:
        answer = client.post(f"/api/v1{path}", raw, content_type="application/json", headers=headers)
        kind = "application/json" if answer.status_code == 202 else "application/problem+json"
        assert answer.headers["Content-Type"] == kind
        return answer.status_code, json.loads(answer.content)

    return post


def event_with(data: bytes) -> bytes:
    return b'{"customer":"alice","type":"a.b","data":' + data + b"}"


def assert_exact(given_id: str, data: bytes) -> None:
    body = bytes(Event.objects.get(id=decode_id(EVENT, given_id)).body)
    assert body.startswith(b'{"type":"a.b","timestamp":"')
    assert body.endswith(b'","data":' + data + b"}")
    assert json.loads(body)["type"] == "a.b"


@pytest.mark.parametrize("data", NASTY.values(), ids=NASTY)
def test_nasty_data_is_refused_or_kept_as_it_is(data: bytes, post: Any) -> None:
    status, answer = post("/events", event_with(data))
    assert status in (202, 400, 413, 422)
    if status == 202:
        assert_exact(answer["id"], data)
    else:
        assert not Event.objects.exists()


@pytest.mark.parametrize("data", NASTY.values(), ids=NASTY)
def test_nasty_data_in_a_batch_harms_no_neighbour(data: bytes, post: Any) -> None:
    good = b'{"a":11}'
    status, answer = post("/events/batch", b'{"events":[' + b",".join(map(event_with, (good, data, good))) + b"]}")
    assert status in (202, 400, 413, 422)
    if status == 202:
        first, second, third = answer["results"]
        assert_exact(first["id"], good)
        assert_exact(third["id"], good)
        assert first["deliveries"] == 1
        if "id" in second:
            assert_exact(second["id"], data)
    else:
        assert not Event.objects.exists()


@pytest.mark.parametrize("data", [data for name, data in NASTY.items() if name not in ("a whole pair", "minus zero")])
def test_an_atomic_batch_is_all_or_nothing(data: bytes, post: Any) -> None:
    status, _ = post(
        "/events/batch", b'{"atomic":true,"events":[' + event_with(b"{}") + b"," + event_with(data) + b"]}"
    )
    assert Event.objects.count() == (2 if status == 202 else 0)
    assert status in (202, 400, 413, 422)


@pytest.mark.parametrize("path", ["/events", "/events/batch"])
@given(raw=st.binary(max_size=300))
@example(raw=b'{"events":[\x00]}')
@SOME
def test_any_bytes_are_answered(path: str, raw: bytes, post: Any) -> None:
    status, answer = post(path, raw)
    is_all_refused = status == 202 and path == "/events/batch" and all("error" in each for each in answer["results"])
    assert status in (400, 413, 415, 422) or is_all_refused


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(
    value=st.dictionaries(st.text(max_size=8), VALUES, max_size=5),
    ascii_only=st.booleans(),
    indent=st.none() | st.just(1),
)
@SOME
def test_any_object_is_kept_byte_for_byte(
    value: dict[str, Any], ascii_only: bool, indent: int | None, post: Any
) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    status, answer = post("/events", event_with(data))
    assert status in (202, 400, 422)
    if status == 202:
        assert_exact(answer["id"], data)


@given(data=st.data())
@SOME
def test_a_byte_changed_anywhere_is_answered(data: st.DataObject, post: Any) -> None:
    raw = bytearray(event_with(rb'{"a":[1,{"b":"\u00e4\n"}],"c":1.5e3}'))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    status, answer = post("/events", bytes(raw))
    assert status in (202, 400, 404, 413, 422)
    assert status != 202 or Event.objects.filter(id=decode_id(EVENT, answer["id"])).exists()


@given(
    members=st.dictionaries(
        st.sampled_from(["customer", "type", "data", "timestamp", "more"]), VALUES | st.just("alice") | st.just("a.b")
    )
)
@SOME
def test_any_members_are_answered(members: dict[str, Any], post: Any) -> None:
    raw = json.dumps(members).encode()
    assert post("/events", raw)[0] in (202, 400, 404, 422)
    assert post("/events/batch", b'{"events":[' + raw + b"]}")[0] in (202, 400, 422)


@pytest.mark.parametrize(("more", "statuses"), [(-1, {202}), (0, {202}), (1, {413, 422}), (100_000, {413})])
def test_the_limit_of_a_stored_body_is_exact(more: int, statuses: set[int], post: Any) -> None:
    _, answer = post("/events", event_with(b'{"a":""}'))
    smallest = len(bytes(Event.objects.get(id=decode_id(EVENT, answer["id"])).body))
    data = b'{"a":"' + b"x" * (conf.body_limit_bytes - smallest + more) + b'"}'
    status, answer = post("/events", event_with(data))
    assert status in statuses
    if status == 202:
        assert_exact(answer["id"], data)


def test_of_members_given_twice_none_counts(post: Any) -> None:
    status, answer = post("/events", b'{"customer":"x","customer":"alice","type":"a.b","data":{"a":1},"data":{"a":2}}')
    assert (status, answer["errors"][0]["pointer"]) == (422, "/customer")
    assert not Event.objects.exists()


@given(key=st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=255), max_size=300))
@SOME
def test_any_idempotency_key_is_answered(key: str, post: Any) -> None:
    status, _ = post("/events", event_with(b"{}"), **{"idempotency-key": key.replace("\n", "").replace("\r", "")})
    assert status in (202, 422)


def test_a_filter_that_cannot_read_the_payload_loses_no_event(post: Any) -> None:
    status, answer = post("/events", event_with(b'{"a":1e400}'))
    if status == 202:
        assert Event.objects.count() == 1
        assert Delivery.objects.count() == answer["deliveries"]
    assert status in (202, 422)
