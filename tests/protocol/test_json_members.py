"""Members that are named twice: found wherever they are, however they are written, and nowhere else."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.errors import InvalidMember
from deliveries.protocol.writing import json_members
from deliveries.protocol.writing.json_members import check_members, quotes_around, repeated_member

TWICE = {
    b'{"a":1,"a":2}': "/a",
    b'{"a":1,"a":1}': "/a",
    b'{"a":1,"b":{"c":[0,{"d":1,"d":2}]}}': "/b/c/1/d",
    b'[{"a":{}},{"a":{"x/y":1,"x/y":2}}]': "/1/a/x~1y",
    b'{"~":1,"~":2}': "/~0",
    b'{"":1,"":2}': "/",
    b'{"a":1, "\\u0061" :2}': "/a",
    b'{"a\\u0022":"\\u0022","a\\"":2}': '/a"',
    b'{"a":"\\u0022\\u0022","a":2}': "/a",  # as many quotation marks when written again
    b'{"a":{"b":1},\n\t"a"\r\n:{"c":[]}}': "/a",
    b'{"a":1,"b":{"a":{"a":1}},"b":3}': "/b",
    b'{"0":["]},{","\\\\"],"0":1}': "/0",
    '{"ä":1,"\\u00e4":2}'.encode(): "/ä",
    b'{"x":' * 600 + b'{"a":1,"a":2}' + b"}" * 600: "/x" * 600 + "/a",
}
ONCE = [
    b'{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
    b'{"a":"a","b":"{\\"a\\":1,\\"a\\":2}"}',
    b'{"a":"\\u0022","\\u0022a":1}',
    b'{"a":1,"A":2," a":3,"\\u00e4":4,"a\\u0308":5}',
    b'{ "a" : 1.0 , "b" : [ "x" , "x" ] }',
    b'"a"',
    b"[1,2,[],{}]",
    b'{"x":' * 600 + b"1" + b"}" * 600,
]


@pytest.mark.parametrize(("raw", "pointer"), TWICE.items())
def test_what_is_named_twice_is_pointed_at(raw: bytes, pointer: str) -> None:
    assert repeated_member(raw) == pointer
    with pytest.raises(InvalidMember) as refused:
        check_members(raw, orjson.loads(raw), at="/data")
    assert refused.value.pointer == "/data" + pointer


@pytest.mark.parametrize("raw", ONCE)
def test_what_is_named_once_in_each_object_passes(raw: bytes) -> None:
    assert repeated_member(raw) is None
    check_members(raw, orjson.loads(raw))


TEXT = st.text(st.sampled_from('ab"\\:,{}[] \tä'), max_size=3)
ANY = st.recursive(
    st.integers(0, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(TEXT, inner), max_size=3).map(tuple),
    max_leaves=12,
)


def write(value: object, *, escaped: bool, space: str) -> str:
    """Write pairs as an object, repeats included."""
    if isinstance(value, tuple):
        pairs = [
            f"{write(k, escaped=escaped, space=space)}{space}:{write(v, escaped=escaped, space=space)}"
            for k, v in value
        ]
        return "{" + f"{space},".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(each, escaped=escaped, space=space) for each in value) + "]"
    text = json.dumps(value)
    return text.replace('\\"', "\\u0022") if escaped and "\\\\" not in text else text


def repeats(value: object) -> bool:
    if isinstance(value, tuple):
        return len({name for name, _ in value}) < len(value) or any(repeats(each) for _, each in value)
    return isinstance(value, list) and any(repeats(each) for each in value)


@given(ANY, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_the_quick_look_and_the_long_one_agree(value: object, escaped: bool, space: str) -> None:
    raw = write(value, escaped=escaped, space=space).encode()
    assert (repeated_member(raw) is not None) == repeats(value)
    try:
        check_members(raw, orjson.loads(raw))
    except InvalidMember:
        assert repeats(value)
    else:
        assert not repeats(value)


def test_without_pointing_at_it_a_member_that_comes_twice_is_found_by_counting() -> None:
    for raw in TWICE:
        with pytest.raises(InvalidMember) as refused:
            check_members(raw, orjson.loads(raw), at="/data", pointing=False)
        assert refused.value.pointer == "/data"
    for raw in ONCE:
        check_members(raw, orjson.loads(raw), pointing=False)


@pytest.mark.parametrize("raw", [each for each in ONCE if b"{" in each])
def test_nothing_is_gone_through_where_nothing_comes_twice(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given quotation marks in either spelling, then counting them says that there is nothing to look for."""
    looked_for: list[bytes] = []
    monkeypatch.setattr(json_members, "repeated_member", looked_for.append)
    check_members(raw, orjson.loads(raw))
    assert looked_for == []


@pytest.mark.parametrize(
    ("raw", "inner", "around"),
    [
        (b'{"data":{}}', b"{}", 2),
        (b'{"data":{"a":"b"}, "type": "x"}', b'{"a":"b"}', 6),
        (b'{"x":"%b","data":{"a":"%b"}}' % (b"y" * 100, b"y" * 100), b'{"a":"%b"}' % (b"y" * 100), 6),
        (b'{"data":{"a":"%b1"},"x":{"a":"%b2"}}' % (b"y" * 80, b"y" * 80), b'{"a":"%b2"}' % (b"y" * 80), 8),
    ],
)
def test_quotation_marks_are_counted_outside_of_a_part(raw: bytes, inner: bytes, around: int) -> None:
    assert quotes_around(raw, inner) == around
