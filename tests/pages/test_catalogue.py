"""The portal's catalogue: what a member reads there is their own, escaped, and the code on it works."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from django.test import Client

from deliveries.admin.portal.catalogue import example_body
from deliveries.admin.portal.schema_members import LINE_LIMIT, Line, differences, members_of
from deliveries.models import EventType
from deliveries.protocol.signing.secrets import SigningKey, format_secret
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.services.catalogue.event_types import create_event_type, update_event_type
from tests.pages.conftest import House

NODE = Path(__file__).parents[1] / "receivers" / "node"
KEY = SigningKey("hmac", b"k" * 32)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount", "lines"],
    "properties": {
        "amount": {"type": "integer", "minimum": 0, "description": "In <cents>."},
        "currency": {"enum": ["EUR", "USD"], "default": "EUR"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
        "paid_at": {"type": ["string", "null"], "format": "date-time"},
    },
    "$defs": {
        "line": {
            "type": "object",
            "required": ["sku"],
            "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]{3}$"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}
EXAMPLE = {"amount": 500, "lines": [{"sku": "ABC"}]}

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(db: None) -> EventType:
    """An event type of the operator's."""
    fields = {"name": "invoice.paid", "description": "Somebody <b>paid</b>.", "schema": SCHEMA, "example": EXAMPLE}
    return create_event_type(fields | {"validation": "reject"}, actor="system")


def page_of(client: Client, row: EventType) -> str:
    """The catalogue's page of an event type."""
    answer = client.get(f"/portal/catalogue/{row.public_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def shown(page: str, element: str) -> str:
    """The text of a preformatted element, as a person would copy it."""
    found = re.search(rf'<pre [^>]*id="{element}">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def delivered(row: EventType) -> tuple[bytes, dict[str, str]]:
    """A body with its headers, as they would arrive now."""
    body = example_body(row)
    return body, dict(signature_headers("standard", [KEY], message_id="evt_1", timestamp=int(time.time()), body=body))


def test_the_menu_leads_to_the_operators_types_and_ones_own(carol: Client, acme: House, paid: EventType) -> None:
    front = carol.get("/portal/").content.decode()
    assert 'href="/portal/catalogue/"' in front
    page = carol.get("/portal/catalogue/").content.decode()
    assert f'href="/portal/catalogue/{paid.public_id}/">invoice.paid<' in page
    assert "acme.own" in page
    assert "Somebody &lt;b&gt;paid&lt;/b&gt;." in page


def test_what_is_anothers_or_archived_is_neither_listed_nor_found(
    carol: Client, acme: House, globex: House, paid: EventType
) -> None:
    update_event_type(paid, {"archived": True}, actor="system")
    page = carol.get("/portal/catalogue/").content.decode()
    assert "globex.own" not in page
    assert "invoice.paid" not in page
    for hidden in (globex.event_type, paid):
        for name in (hidden.public_id, str(hidden.pk)):
            for method in (carol.get, carol.post):
                assert method(f"/portal/catalogue/{name}/").status_code in (404, 405)
            assert carol.get(f"/portal/catalogue/{name}/").status_code == 404


def test_strangers_are_asked_to_log_in(paid: EventType) -> None:
    for address in ("/portal/catalogue/", f"/portal/catalogue/{paid.public_id}/"):
        assert "/portal/login/" in Client().get(address).headers["Location"]


def test_a_search_finds_by_name_and_by_description(carol: Client, acme: House, paid: EventType) -> None:
    for words, count in (("INVOICE", 1), ("somebody", 1), ("nothing of the kind", 0), ("", 2), ("\0", 2)):
        page = carol.get("/portal/catalogue/", {"q": words}).content.decode()
        assert page.count("hp-link hp-code") == count, words


def test_a_page_shows_the_members_the_schema_and_the_example(carol: Client, acme: House, paid: EventType) -> None:
    page = page_of(carol, paid)
    assert json.loads(shown(page, "hp-schema")) == SCHEMA
    assert json.loads(shown(page, "hp-example"))["data"] == EXAMPLE
    assert "In &lt;cents&gt;." in page
    assert "is never sent" in page
    assert "Change it" not in page
    assert "Change it" in page_of(carol, acme.event_type)
    assert "data may be any object" in page_of(carol, acme.event_type)


def test_the_python_code_on_the_page_verifies_a_delivery(carol: Client, acme: House, paid: EventType) -> None:
    names: dict[str, Any] = {}
    exec(compile(shown(page_of(carol, paid), "hp-python"), "page", "exec"), names)
    body, headers = delivered(paid)
    assert names["receive"](body, headers, format_secret(KEY)) == EXAMPLE
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        names["receive"](body + b" ", headers, format_secret(KEY))


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(), reason="no Node packages: make receivers"
)
def test_the_node_code_on_the_page_verifies_a_delivery(carol: Client, acme: House, paid: EventType) -> None:
    body, headers = delivered(paid)
    words = ", ".join(json.dumps(each) for each in (body.decode(), headers, format_secret(KEY)))
    program = shown(page_of(carol, paid), "hp-node") + f"\nconsole.log(JSON.stringify(receive({words})));"
    command = ["node", "--input-type=module", "-e", program]
    ended = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ended.stdout) == EXAMPLE


def test_a_schema_is_read_line_by_line() -> None:
    lines = members_of(SCHEMA)
    assert [line.path for line in lines] == ["amount", "lines", "lines[].sku", "lines[].tags", "currency", "paid_at"]
    assert lines[0] == Line(path="amount", kind="integer", required=True, rules="at least 0", meaning="In <cents>.")
    assert [line.kind for line in lines[1:4]] == ["array of object", "string", "array of string"]
    assert [line.kind for line in lines[4:]] == ["string", "string or null"]
    assert [line.required for line in lines] == [True, True, True, False, False, False]
    assert [line.rules for line in lines[1:3]] == ["1 or more items", "matches ^[A-Z]{3}$"]
    assert lines[4].rules == 'one of "EUR", "USD"; "EUR" when absent'


@pytest.mark.parametrize(
    "schema",
    [
        None,
        True,
        False,
        {},
        {"properties": {"a": True}},
        {"items": False},
        {"allOf": [True, {"properties": {"b": {}}}]},
    ],
)
def test_any_schema_is_read(schema: Any) -> None:
    assert all(line.kind == "any" for line in members_of(schema))


def test_a_schema_without_end_is_cut() -> None:
    wide = {"properties": {f"m{number}": {"type": "integer"} for number in range(2 * LINE_LIMIT)}}
    assert len(members_of(wide)) == LINE_LIMIT
    circle = {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}}}}}
    assert 1 < len(members_of(circle)) <= LINE_LIMIT


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({}, {"a": {"type": "string"}}, [("a", "is new: string")]),
        ({"a": {"type": "string"}}, {}, [("a", "is gone")]),
        ({"a": {"type": "string"}}, {"a": {"type": "string"}}, []),
        ({"a": {"type": "string"}}, {"a": {"type": "integer"}}, [("a", "is integer, and was string")]),
        ({"a": {"minLength": 2}}, {"a": {"minLength": 3}}, [("a", "has other rules: 3 or more characters")]),
        ({"a": {"minLength": 2}}, {"a": {}}, [("a", "has other rules: none")]),
        (
            {"a": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            {"a": {"type": "object", "properties": {"y": {"type": "integer"}}}},
            [("a.x", "is gone"), ("a.y", "is new: integer")],
        ),
    ],
)
def test_two_schemas_differ_member_by_member(
    before: dict[str, object], after: dict[str, object], says: list[tuple[str, str]]
) -> None:
    assert differences({"properties": before}, {"properties": after}) == says


def test_a_member_that_becomes_optional_or_required_is_told() -> None:
    optional = {"properties": {"a": {"type": "string"}}}
    required = {**optional, "required": ["a"]}
    assert differences(optional, required) == [("a", "is always there now")]
    assert differences(required, optional) == [("a", "is not always there any more")]
    assert differences(None, None) == []
    assert differences(None, optional) == [("a", "is new: string")]
