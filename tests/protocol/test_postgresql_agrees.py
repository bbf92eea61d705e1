"""What this floor and PostgreSQL must see alike: ids computed in SQL, keys of event types, filters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliveries.errors import InvalidFilter
from deliveries.protocol.events.event_types import matching_keys
from deliveries.protocol.events.filters import check_filter
from deliveries.protocol.writing import ids
from tests.protocol.test_filters import ACCEPTED

DELIVERY_ID = """
    SELECT (substr(ev, 1, 13) || '-7' || substr(h, 1, 3) || '-a' || substr(h, 4, 3) || '-' || substr(h, 7, 12))::uuid
    FROM (SELECT %(event)s::uuid::text AS ev, md5(%(event)s::uuid::text || %(endpoint)s::uuid::text) AS h) AS given
"""
PAYLOAD = (
    '{"type": "invoice.paid", "timestamp": "2026-01-02T03:04:05Z", "data": {"amount": 150, "items": [1, [2], {}]}}'
)

NAMES = st.sampled_from(
    [".data", ".amount", ".items", ".*", '."a b"', "[*]", "[0]", "[last]", "[0 to 2]", ".is", ".to"]
)
METHODS = st.sampled_from(["", "", ".size()", ".type()", ".double()", ".abs()"])
CONSTANTS = st.sampled_from(["1", "-1.5e3", "0", '"EUR"', '"\\u00e9\\n\\"/"', '""', "true", "false", "null"])
SIGNS = st.sampled_from(["==", "!=", "<>", "<", "<=", ">", ">="])


@st.composite
def filters(draw: st.DrawFn, *, root: str = "$", depth: int = 0) -> str:
    """A filter by the grammar in protocol/events/filters.py."""
    path = root + "".join(draw(st.lists(NAMES, max_size=4)))
    if depth < 3 and draw(st.integers(0, 5)) == 0:
        path += f" ? ({draw(filters(root='@', depth=depth + 1))})"
    forms = [
        f"{path}{draw(METHODS)} {draw(SIGNS)} {draw(CONSTANTS)}",
        f"{draw(CONSTANTS)}{draw(SIGNS)}{path}",
        f'{path} starts with "a"',
        f"exists({path})",
    ]
    text = draw(st.sampled_from(forms))
    if depth >= 3:
        return text
    nested = filters(root=root, depth=depth + 1)
    wrap = draw(st.sampled_from(["{}", "{}", "({})", "!({})", "({}) is unknown", "{} && {other}", "{}||{other}"]))
    return wrap.format(text, other=draw(nested) if "other" in wrap else "")


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection]:
    """A connection of its own: nothing here needs tables."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def evaluates(database: psycopg.Connection, text: str) -> bool | None:
    """Let PostgreSQL judge the payload by a filter; a filter that it cannot read raises."""
    row = database.execute("SELECT %s::jsonb @@ %s::jsonpath", (PAYLOAD, text)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("text", ACCEPTED)
def test_postgresql_reads_every_accepted_filter(database: psycopg.Connection, text: str) -> None:
    assert evaluates(database, text) in (True, False, None)


@settings(max_examples=300)
@given(text=filters())
def test_postgresql_reads_every_filter_of_the_grammar(database: psycopg.Connection, text: str) -> None:
    assert check_filter(text) == text
    assert evaluates(database, text) in (True, False, None)


PIECES = ["$", "$.", ".a", "@", "[0]", "[*]", "(", ")", "?", "!", "==", "<", "&&", "||", '"x"', "1", "-1", "null"]
WORDS = ["exists", "is unknown", "starts with", "strict", "to", "last", "true", ".size()", ".type", " ", "\n", "1.5"]


@settings(max_examples=500)
@given(text=st.lists(st.sampled_from(PIECES + WORDS), min_size=1, max_size=9).map("".join))
def test_no_jumble_passes_that_postgresql_cannot_read(database: psycopg.Connection, text: str) -> None:
    try:
        check_filter(text)
    except InvalidFilter:
        return
    assert evaluates(database, text) in (True, False, None)


def test_a_filter_decides_by_the_payload(database: psycopg.Connection) -> None:
    assert evaluates(database, "$.data.amount > 100") is True
    assert evaluates(database, "$.data.amount > 200") is False
    assert evaluates(database, "$.data.items[*] == 1") is True


@settings(max_examples=50)
@given(event=st.integers(0, 2**128 - 1).map(lambda number: UUID(int=number)), endpoint=st.uuids())
def test_sql_and_python_compute_the_same_delivery_id(database: psycopg.Connection, event: UUID, endpoint: UUID) -> None:
    row = database.execute(DELIVERY_ID, {"event": event, "endpoint": endpoint}).fetchone()
    assert row == (ids.delivery_id(event, endpoint),)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [(["invoice.*"], True), (["invoice.paid.eu"], True), (["invoice.paid"], False), (["inv.*", "ping"], False)],
)
def test_array_overlap_finds_the_endpoints_that_chose_an_event_type(
    database: psycopg.Connection, chosen: list[str], found: bool
) -> None:
    row = database.execute("SELECT %s::text[] && %s::text[]", (chosen, matching_keys("invoice.paid.eu"))).fetchone()
    assert row == (found,)
