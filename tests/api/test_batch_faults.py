"""A batch in which something is wrong: the event at fault is refused and pointed at, the others are stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.api import batches
from deliveries.api.batches import TooDearError, TooManyMembersError, members, named_members, taken_apart
from deliveries.models import Event
from tests.api.conftest import Caller, Tenant

GOOD = b'{"customer":"alice","type":"a.b","data":{"text":"]},{[ \\" \\\\"}}'


def event(data: bytes) -> bytes:
    """An event with this data."""
    return b'{"customer":"alice","type":"a.b","data":%b}' % data


FAULTS = {
    "half a pair": (event(b'{"a":"\\ud83d"}'), "/data"),
    "deep": (event(b'{"a":' * 1100 + b"1" + b"}" * 1100), "/data"),
    "deeper than one of our readers goes": (event(b'{"a":' * 1000 + b"1" + b"}" * 1000), "/data"),
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
    assert members(b'[1, "a,b]", {"c": [1,2]}, [] ]') == [b"1", b'"a,b]"', b'{"c": [1,2]}', b"[]"]
    assert named_members(b'{"a": {"b": 1}, "c\\"": [1,2]}') == [("a", b'{"b": 1}'), ('c"', b"[1,2]")]
    assert members(b" [ ] ") == []


MEMBERS = st.recursive(
    st.integers() | st.floats(allow_nan=True) | st.booleans() | st.none() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
UNREADABLE = [b"tru", b'{"a":\xff}', b"[1 2]", b'{"a" 1}', b"01", b'"\\ud83d"', b'"\\x"', b'{"a":[],}', b"1" * 5000]


@given(st.lists(MEMBERS, max_size=5), st.lists(st.sampled_from(UNREADABLE), max_size=3), st.sampled_from(["", "\n "]))
def test_members_are_found_beside_those_that_nobody_can_read(
    values: list[object], bad: list[bytes], space: str
) -> None:
    found = [*(json.dumps(each, indent=1).encode() for each in values), *bad]
    between = space.encode()
    listed = (between + b"," + between).join(found)
    assert [each.strip() for each in members(b"[%b%b%b]" % (between, listed, between))] == found


def test_members_beyond_those_that_are_wanted_are_not_looked_for() -> None:
    """Given more members than a batch may have, then what follows is not read: here, that it is no JSON."""
    with pytest.raises(TooManyMembersError):
        taken_apart(b'{"events":[1,2,3,4' + b"!" * 10, name="events", most=3)
    assert taken_apart(b'{"events":[1,2,3],"x":{}}', name="events", most=3) == ([("x", b"{}")], [b"1", b"2", b"3"])


def test_what_the_quick_reader_cannot_read_is_gone_through_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SIGNS_LIMIT", 10)
    assert members(b"[x,y,z,[1,2,3,4,5,6,7,8,9,10,11,12],x]")[-1] == b"x"
    with pytest.raises(TooDearError):
        members(b"[x,y,z,[1,2,3,4,5,6,7,8,9,x],x]")


def test_a_member_that_is_larger_than_the_quick_reader_is_shown_is_found_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIECE_BYTES", 4)
    assert members(b'[1234567, "abcdefg", [1,2,3,4], 5]') == [b"1234567", b'"abcdefg"', b"[1,2,3,4]", b"5"]


LARGE = 1_048_577


def large(events: bytes) -> bytes:
    """A batch of more than a megabyte, of which commas are a tenth."""
    padding = b'{"customer":"alice","type":"a.b","data":{"a":[%b1]}}' % (b"1," * 60_000)
    return b'{"events":[%b,%b%b]}' % (b",".join([padding] * 10), b" " * LARGE, events)


def test_a_large_batch_of_the_smallest_is_counted_before_it_is_read(ops: Caller, alice: Tenant) -> None:
    """Given a body of 8,000,000 members, then the answer is that a batch has 1,000 at most, without reading them."""
    answer = ops.post("/events/batch", raw=b'{"events":[' + b"1," * 8_000_000 + b"1]}")
    assert (answer.status, answer.pointers()) == (422, ["/events"])
    assert answer.json["detail"] == "a batch has 1 to 1000 events"


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (event(b'{"a":"\\ud83d"}'), "/data"),
        (event(b'{"a":{"b":1,"b":2}}'), "/data"),
        (event(b'{"a":' * 500 + b'{"b":1,"b":2}' + b"}" * 500), "/data"),
        (event(b'{"a":"' + b"x" * 300_000 + b'"}'), "/data"),
        (b'{"customer":"alice","customer":"alice","type":"a.b","data":{}}', "/customer"),
    ],
)
def test_in_a_large_batch_the_event_at_fault_is_pointed_at_too(
    ops: Caller, alice: Tenant, raw: bytes, pointer: str
) -> None:
    answer = ops.post("/events/batch", raw=large(b"%b,%b" % (raw, GOOD)))
    assert answer.status == 202
    *_, wrong, last = answer.json["results"]
    assert [each["pointer"] for each in wrong["error"]["errors"]] == [pointer]
    assert (last["deliveries"], Event.objects.count()) == (1, 11)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (large(GOOD)[:-1] + b',"events":[]}', "/events"),
        (large(GOOD)[:-1] + b',"atomic":true,"atomic":true}', "/atomic"),
        (large(GOOD)[:-1] + b',"more":1}', "/more"),
        (b'{"events":{"a":[%b1]}}' % (b"1," * 600_000), "/events"),
    ],
)
def test_a_large_batch_that_is_no_batch_is_refused_whole(ops: Caller, alice: Tenant, raw: bytes, pointer: str) -> None:
    answer = ops.post("/events/batch", raw=raw)
    assert (answer.status, answer.pointers()) == (422, [pointer])
    assert not Event.objects.exists()
