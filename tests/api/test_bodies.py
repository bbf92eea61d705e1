"""Bodies: whatever arrives, the answer is a problem or the exact value back, never a 500."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from deliveries.api.parsers import BODY_LIMIT_BYTES, read_json
from deliveries.api.problems import TooLargeError
from deliveries.models import Customer
from tests.api.conftest import Caller

WRONG = {
    "nothing": b"",
    "cut short": b'{"name": "x"',
    "not JSON": b"name=x",
    "NaN": b'{"name": "x", "metadata": {"a": NaN}}',
    "Infinity": b'{"name": "x", "metadata": {"a": -Infinity}}',
    "out of range": b'{"name": "x", "metadata": {"a": 1e999}}',
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"name": "x"}'.encode("utf-16-le"),
    "broken UTF-8": b'{"name": "\xff\xfe"}',
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "half a surrogate pair": b'{"name": "\\ud800"}',
    "half a surrogate pair as a key": b'{"name": "x", "metadata": {"\\udfff": 1}}',
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"name": "x", "metadata": {"\\u0000": 1}}',
    "raw NUL": b'{"name": "a\x00b"}',
    "duplicate keys": b'{"name": "x", "name": "y"}',
    "inner duplicate keys": b'{"name": "x", "metadata": {"a": 1, "a": 2}}',
    "deep": b'{"name": "x", "metadata": ' + b'{"a":' * 200 + b"1" + b"}" * 201,
    "very deep": b"[" * 100_000,
    "5,000 digits": b'{"name": "x", "metadata": {"a": ' + b"9" * 5000 + b"}}",
    "two values": b'{"name": "x"} {"name": "y"}',
}


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_what_is_not_plain_json_is_a_problem_and_stores_nothing(ops: Caller, raw: bytes) -> None:
    answer = ops.send("POST", "/customers", raw=raw, **{"Content-Type": "application/json"})
    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not Customer.objects.exists()


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_what_is_not_an_object_is_refused(ops: Caller, raw: bytes) -> None:
    assert ops.send("POST", "/customers", raw=raw).status == 422


def test_a_body_over_the_limit_is_413(ops: Caller) -> None:
    raw = b'{"name": "' + b"x" * BODY_LIMIT_BYTES + b'"}'
    answer = ops.send("POST", "/customers", raw=raw)
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_another_content_type_is_415(ops: Caller, kind: str) -> None:
    answer = ops.send("POST", "/customers", raw=b'{"name": "x"}', **{"Content-Type": kind})
    assert (answer.status, answer.headers["content-type"]) == (415, "application/problem+json")


def test_any_accept_gets_json(ops: Caller) -> None:
    assert ops.get("/customers", Accept="text/html").headers["content-type"] == "application/json"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_plain_json_is_read_as_it_is(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        value = read_json(raw)
    except ParseError:
        return
    assert json.loads(raw) == value


def test_the_limit_is_exact() -> None:
    raw = b'"' + b"x" * 8 + b'"'
    assert read_json(raw, limit_bytes=10) == "x" * 8
    with pytest.raises(TooLargeError):
        read_json(raw, limit_bytes=9)


@settings(max_examples=25)
@given(body=JSON)
def test_any_body_for_a_customer_is_answered(ops: Caller, body: object) -> None:
    answer = ops.post("/customers", body)
    assert answer.status in (201, 409, 422)


@settings(max_examples=25)
@given(metadata=st.dictionaries(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), JSON))
def test_metadata_comes_back_as_it_was_given(ops: Caller, metadata: dict[str, object]) -> None:
    answer = ops.post("/customers", {"name": "x", "metadata": metadata})
    assert answer.status == 201
    assert ops.get(f"/customers/{answer.json['id']}").json["metadata"] == metadata
