"""Trace contexts: what is read of the two headers, and what is ignored. Source: W3C Trace Context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.protocol.writing.trace_context import TRACESTATE_LIMIT, read_trace_context, trace_headers, trace_id_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"

PARENTS = [
    (GOOD, GOOD),
    (f" {GOOD}\t", GOOD),
    (f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
    (f"00-{TRACE}-{PARENT}-ff", f"00-{TRACE}-{PARENT}-03"),  # flags that nobody knows are not passed on
    (f"cc-{TRACE}-{PARENT}-01", GOOD),  # a later version: what this one knows of it
    (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", GOOD),
    (f"cc-{TRACE}-{PARENT}-01.what", None),
    (f"ff-{TRACE}-{PARENT}-01", None),
    (f"{GOOD}-what", None),
    (f"00-{TRACE.upper()}-{PARENT}-01", None),
    (f"00-{'0' * 32}-{PARENT}-01", None),
    (f"00-{TRACE}-{'0' * 16}-01", None),
    (f"00-{TRACE[1:]}-{PARENT}-01", None),
    (f"00-{TRACE}-{PARENT[1:]}-01", None),
    (f"00-{TRACE}-{PARENT}-1", None),
    (f"0-{TRACE}-{PARENT}-01", None),
    (f"{GOOD},{GOOD}", None),
    (f"{GOOD}\r\nx: y", None),
    ("", None),
    ("é" * 55, None),
]


@pytest.mark.parametrize(("given", "kept"), PARENTS)
def test_a_traceparent_is_kept_or_ignored(given: str, kept: str | None) -> None:
    assert read_trace_context(given) == kept
    assert trace_id_of(kept) == (TRACE if kept else None)


STATES = [
    ("foo=1", "foo=1"),
    ("foo=1 , bar=2,,\tbaz=3", "foo=1,bar=2,baz=3"),
    ("a1_-*/=x", "a1_-*/=x"),
    ("1a@b2=x", "1a@b2=x"),
    ("foo= a b", "foo= a b"),
    ("", ""),
    (" , ", ""),
    ("foo", ""),
    ("foo=", ""),
    ("foo=a=b", ""),
    ("Foo=1", ""),
    ("1foo=1", ""),
    ("a@1b=1", ""),
    ("foo=1,foo=2", ""),
    ("foo=1,b@r", ""),
    ("foo=é", ""),
    ("foo=1\nx: y", ""),
    (f"{'k' * 256}=1", f"{'k' * 256}=1"),
    (f"{'k' * 257}=1", ""),
    (",".join(f"k{number}=1" for number in range(32)), ",".join(f"k{number}=1" for number in range(32))),
    (",".join(f"k{number}=1" for number in range(33)), ""),
    (f"first=1,long={'x' * 250},second=2,long2={'x' * 250},{','.join(f'k{n}=1234' for n in range(9))}",
     f"first=1,long={'x' * 250},second=2,{','.join(f'k{n}=1234' for n in range(9))}"),
    (",".join(f"k{n}={'x' * 120}" for n in range(5)), ",".join(f"k{n}={'x' * 120}" for n in range(4))),
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), STATES)
def test_a_tracestate_is_kept_as_far_as_it_is_one(given: str, kept: str) -> None:
    context = read_trace_context(GOOD, given)
    assert context is not None
    assert trace_headers(context) == {"traceparent": GOOD} | ({"tracestate": kept} if kept else {})


@given(st.text(), st.text())
def test_whatever_comes_ends_as_two_short_plain_headers(parent: str, state: str) -> None:
    assert read_trace_context(parent, state) is None
    context = read_trace_context(GOOD, state)
    assert context is not None
    for value in trace_headers(context).values():
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= TRACESTATE_LIMIT


def test_without_a_traceparent_there_is_no_tracestate() -> None:
    assert read_trace_context("", "foo=1") is None


@pytest.mark.parametrize(
    ("state", "with_state", "headers"),
    [
        ("", True, {"traceparent": GOOD}),
        ("", False, {"traceparent": GOOD}),
        ("shop=7", True, {"traceparent": GOOD, "tracestate": "shop=7"}),
        ("shop=7", False, {"traceparent": GOOD}),
    ],
)
def test_who_is_outside_is_told_no_state(state: str, with_state: bool, headers: dict[str, str]) -> None:
    context = read_trace_context(GOOD, state)
    assert context is not None
    assert trace_headers(context, with_state=with_state) == headers
