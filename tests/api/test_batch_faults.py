"""A batch in which something is wrong: the event at fault is refused and pointed at, the others are stored."""

from __future__ import annotations

import pytest

from deliveries.api.batches import members, named_members
from deliveries.models import Event
from tests.api.conftest import Caller, Tenant

GOOD = b'{"customer":"alice","type":"a.b","data":{"text":"]},{[ \\" \\\\"}}'


def event(data: bytes) -> bytes:
    """An event with this data."""
    return b'{"customer":"alice","type":"a.b","data":%b}' % data


FAULTS = {
    "half a pair": (event(b'{"a":"\\ud83d"}'), "/data"),
    "deep": (event(b'{"a":' * 1100 + b"1" + b"}" * 1100), "/data"),
    "deep lists": (event(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), "/data"),
    "NaN": (event(b'{"a":NaN}'), "/data"),
    "out of range": (event(b'{"a":1e999}'), "/data"),
    "5,000 digits": (event(b'{"a":' + b"9" * 5000 + b"}"), "/data"),
    "NUL": (event(b'{"a":"\\u0000"}'), "/data"),
    "raw NUL": (event(b'{"a":"\x00"}'), "/data"),
    "broken UTF-8": (event(b'{"a":"\xff\xfe"}'), "/data"),
    "a comma too many": (event(b'{"a":1,}'), "/data"),
    "half a word": (event(b'{"a":tru}'), "/data"),
    "data is a list": (event(b"[1]"), "/data"),
    "a number as customer": (b'{"customer":5,"type":"a.b","data":{}}', "/customer"),
    "half a pair in the customer": (b'{"customer":"\\ud83d","type":"a.b","data":{}}', "/customer"),
    "a wrong type": (b'{"customer":"alice","type":"a b","data":{}}', "/type"),
    "an unknown member": (b'{"customer":"alice","type":"a.b","data":{},"x":1}', "/x"),
    "no customer": (b'{"type":"a.b","data":{}}', "/customer"),
    "no object": (b"5", None),
    "a text": (b'"a, b"', None),
    "too large": (event(b'{"a":"' + b"x" * 300_000 + b'"}'), "/data"),
}


@pytest.mark.parametrize(("raw", "pointer"), FAULTS.values(), ids=FAULTS)
def test_one_event_at_fault_is_pointed_at_and_the_others_are_stored(
    ops: Caller, alice: Tenant, raw: bytes, pointer: str | None
) -> None:
    answer = ops.post("/events/batch", raw=b'{"events": [%b, %b,\n%b]}' % (GOOD, raw, GOOD))
    assert answer.status == 202
    first, wrong, last = answer.json["results"]
    assert (first["deliveries"], last["deliveries"]) == (1, 1)
    assert wrong["error"]["status"] in (400, 422)
    if pointer is not None:
        assert [each["pointer"] for each in wrong["error"]["errors"]] == [pointer]
    assert Event.objects.count() == 2


def test_an_atomic_batch_names_the_event_that_cannot_be_read(ops: Caller, alice: Tenant) -> None:
    raw = b'{"atomic": true, "events": [%b, %b]}' % (GOOD, event(b'{"a":"\\ud83d"}'))
    answer = ops.post("/events/batch", raw=raw)
    assert (answer.status, answer.pointers()) == (422, ["/events/1/data"])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"events": [%b, {]}' % GOOD,
        b'{"events": [%b' % GOOD,
        b'{"events": [{"a":"\\ud83d"}]} x',
        b'{"events": [{"a":"\\ud83d"}], "events": []}',
        b'{"events": [{"a":"\\ud83d"}], "atomic": 5}',
        b'{"events": [{"a":"\\ud83d"}], "unknown": 5}',
        b'"\\ud83d"',
        b"[" * 100_000,
        b"",
    ],
)
def test_a_batch_that_is_no_batch_is_refused_whole(ops: Caller, alice: Tenant, raw: bytes) -> None:
    assert ops.post("/events/batch", raw=raw).status in (400, 422)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"[%b,]",
        b"[,%b]",
        b"[%b,, 5]",
        b"[,]",
        b"[%b 5]",
        b"[%b {}]",
        b"[%b:{}]",
        b'[%b "x"]',
        b"[%b}",
        b"[%b,}",
        b"[%b /*,*/]",
    ],
)
@pytest.mark.parametrize("whole", [b'{"events": %b}', b'{"events": %b,}', b'{,"events": %b}', b'{"events": %b]'])
def test_commas_and_brackets_of_the_batch_itself_are_json(ops: Caller, alice: Tenant, whole: bytes, raw: bytes) -> None:
    """Given a list of which nobody could say how many events it has, then it is no batch; the results would not fit."""
    answer = ops.post("/events/batch", raw=whole % (raw % GOOD if b"%b" in raw else raw))
    assert (answer.status, Event.objects.count()) == (400, 0)


@pytest.mark.parametrize("raw", [b'{"events": [%b],}', b'{,"events": [%b]}', b'{"events": [%b]]'])
def test_a_batch_that_is_almost_json_is_refused_whole(ops: Caller, alice: Tenant, raw: bytes) -> None:
    assert ops.post("/events/batch", raw=raw % GOOD).status == 400
    assert not Event.objects.exists()


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\uDE00", b"\\ud83d\\ud83d\\ude00"])
@pytest.mark.parametrize("data", [b'{"a":"%b"}', b'{"%b":1}'])
def test_half_of_a_pair_is_called_so(ops: Caller, alice: Tenant, data: bytes, half: bytes) -> None:
    """Given what one reader takes for a text that ends too early, then the answer says what is wrong with it."""
    answer = ops.post("/events", raw=event(data % half))
    assert answer.status in (400, 422)
    assert "surrogate" in answer.json["detail"]


def test_a_text_without_an_end_is_looked_at_once() -> None:
    """Given quotation marks of which each could begin a text, then it is not a matter of hours that none ends."""
    with pytest.raises(ValueError, match="brackets"):
        named_members(b'{"events":["' + b'\\"' * 1_000_000 + b"]}")


def test_members_are_found_whatever_stands_between_them() -> None:
    assert members(b'[1, "a,b]", {"c": [1,2]}, [] ]') == [b"1", b' "a,b]"', b' {"c": [1,2]}', b" [] "]
    assert named_members(b'{"a": {"b": 1}, "c\\"": [1,2]}') == [("a", b'{"b": 1}'), ('c"', b"[1,2]")]
    assert members(b"[]") == []
