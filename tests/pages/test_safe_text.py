"""Bytes of others, made safe to look at."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from deliveries.admin.parts.highlight import coloured_json
from deliveries.admin.parts.safe_text import pretty_json, readable

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='abc"\\:,{}[]'), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_pretty_json_reads_back_as_the_same_value(value: object) -> None:
    assert json.loads(pretty_json(json.dumps(value, ensure_ascii=False).encode())) == value


@given(st.binary(max_size=300))
def test_whatever_bytes_came_the_text_holds_nothing_invisible(raw: bytes) -> None:
    for text in (readable(raw), pretty_json(raw)):
        assert not set(text) & set("\x00\x07\x1b\u202e\u2066\u200b\ufeff")


def test_numbers_and_repeated_keys_stay_as_they_were_sent() -> None:
    assert pretty_json(b'{"a":1e2,"a":1.0}') == '{\n  "a": 1e2,\n  "a": 1.0\n}'


def test_a_text_that_was_cut_off_is_shown_to_its_end() -> None:
    """Given a body without its end, then its last text is one piece, in which nothing is lost or looked at again."""
    assert pretty_json(b'{"a":"b, \\"c') == '{\n  "a": "b, \\"c'
    assert coloured_json(b'{"a":"b').endswith('<span class="hp-j-text">&quot;b</span>')


def test_empty_containers_stay_on_their_line() -> None:
    assert pretty_json(b'{"a":[],"b":{}}') == '{\n  "a": [],\n  "b": {}\n}'


def test_nesting_without_end_does_not_multiply_the_size() -> None:
    assert len(pretty_json(b"[1," * 20_000)) < 5_000_000
