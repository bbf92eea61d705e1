"""Moments over the API: what is shown is what is compared, in one form, and no moment of a caller's is our fault."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from deliveries.protocol.writing import timestamps
from tests.api.conftest import Caller, Tenant

SHOWN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EVENT = {"customer": "alice", "type": "invoice.paid", "data": {}}
EDGES = ["0001-01-01T00:59:00+01:00", "9999-12-31T23:00:00-01:00"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/events", "/deliveries", "/customers/alice/events"])
def test_the_moment_that_is_shown_is_the_moment_that_is_compared(ops: Caller, alice: Tenant, path: str) -> None:
    ops.post("/events", EVENT)
    (row,) = ops.get(path).json["results"]
    shown = row["created_at"]
    later = timestamps.write(timestamps.read(shown) + timedelta(milliseconds=1))
    found = {
        query: [each["id"] for each in ops.get(f"{path}?{query}").json["results"]]
        for query in (f"since={shown}", f"until={shown}", f"since={later}", f"until={later}")
    }
    assert list(found.values()) == [[row["id"]], [], [], [row["id"]]]


@pytest.mark.django_db(transaction=True)
def test_a_span_finer_than_milliseconds_does_not_find_what_was_before_it(ops: Caller, alice: Tenant) -> None:
    ops.post("/events", EVENT)
    shown = ops.get("/events").json["results"][0]["created_at"]
    finer = shown.replace("Z", "001Z")
    assert ops.get(f"/events?since={finer}").json["results"] == []
    assert len(ops.get(f"/events?until={finer}").json["results"]) == 1


@pytest.mark.django_db(transaction=True)
def test_every_moment_of_an_answer_has_milliseconds(ops: Caller, alice: Tenant) -> None:
    ops.post("/events", EVENT)
    texts = [
        ops.get(path).raw.decode() for path in ("/events", "/deliveries", "/customers", "/customers/alice/endpoints")
    ]
    moments = [text for page in texts for text in re.findall(r'"(\d{4}-\d\d-\d\dT[^"]*)"', page)]
    assert len(moments) >= 6
    assert [text for text in moments if not SHOWN.fullmatch(text)] == []


@pytest.mark.parametrize("timestamp", [*EDGES, "2026-01-01T00:00:00", "2026-01-01", "soon", "2026-02-30T00:00:00Z"])
def test_a_timestamp_that_is_none_is_refused_at_its_event(ops: Caller, alice: Tenant, timestamp: str) -> None:
    answer = ops.post("/events", {**EVENT, "timestamp": timestamp})
    assert (answer.status, answer.pointers()) == (422, ["/timestamp"])


@pytest.mark.django_db(transaction=True)
def test_a_timestamp_at_the_end_of_the_calendar_refuses_its_own_event_of_a_batch_only(
    ops: Caller, alice: Tenant
) -> None:
    events = [EVENT, *({**EVENT, "timestamp": edge} for edge in EDGES), EVENT]
    answer = ops.post("/events/batch", {"events": events})
    assert answer.status == 202
    assert ["error" in each for each in answer.json["results"]] == [False, True, True, False]
    assert answer.json["results"][1]["error"]["errors"][0]["pointer"].endswith("/timestamp")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("given", "signed"),
    [
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05.000Z"),
        ("2026-01-02T05:04:05.123456789+02:00", "2026-01-02T03:04:05.123Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ],
)
def test_any_form_of_a_timestamp_is_taken_and_one_is_signed(
    ops: Caller, alice: Tenant, given: str, signed: str
) -> None:
    event_id = ops.post("/events", {**EVENT, "timestamp": given}).json["id"]
    assert ops.get(f"/events/{event_id}").json["body"]["timestamp"] == signed


@pytest.mark.parametrize("path", ["/events", "/deliveries", "/customers/alice/events"])
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("2026-01-02t03:04:05z", 200),
        ("2026-01-02T03:04:05.5+02:00", 200),
        ("2026-01-02T03:04:05", 400),
        ("2026-01-02", 400),
        (EDGES[0], 400),
        (EDGES[1], 400),
    ],
)
def test_spans_take_every_form_and_none_without_an_offset(
    ops: Caller, alice: Tenant, path: str, name: str, text: str, status: int
) -> None:
    assert ops.get(f"{path}?{name}={quote(text)}").status == status
    if "+" in text and status == 200:
        assert ops.get(f"{path}?{name}={text}").status == 200  # as a query string without escapes has it
