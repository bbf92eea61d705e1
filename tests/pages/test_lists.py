"""The lists of both sites: what narrows them, how they are paged, and how little they may take."""

from __future__ import annotations

import gzip
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deliveries.admin.parts import paging
from deliveries.admin.site.sites import portal_site, staff_site
from deliveries.models import AuditEntry, Customer, Delivery, Event, EventType
from deliveries.models.log import EVERYONES
from deliveries.services.endpoints import create_endpoint
from tests.pages.conftest import House
from tests.pages.test_deliveries import emit, shown

pytestmark = pytest.mark.django_db

LIST = "/admin/deliveries/delivery/"
QUERIES, BYTES, PACKED_BYTES = 20, 120_000, 16_000


def lists_of(client: Client, site: str) -> list[str]:
    """The addresses of all lists that are ours."""
    registry = staff_site._registry if site == "admin" else portal_site._registry
    return [
        f"/{site}/deliveries/{model._meta.model_name}/" for model, page in registry.items() if hasattr(page, "asked")
    ]


def chips_of(client: Client, query: str) -> dict[str, str]:
    """What the page says is filtered, each with where removing it leads."""
    text = client.get(LIST + query).content.decode()
    found = re.findall(r'<li><span>(.+?): <b>(.+?)</b></span><a href="([^"]+)"', text)
    return {f"{title}={value}": unescape(url) for title, value, url in found}


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_page_of_fifty_rows_takes_few_questions_and_few_bytes(
    site: str, alice: Client, carol: Client, acme: House
) -> None:
    client = alice if site == "admin" else carol
    emit(acme, 60)
    for number in range(60):
        AuditEntry.objects.create(actor="user:alice", action="endpoint.pause", object_id=acme.endpoint.public_id)
        Customer.objects.create(name=f"Customer {number}", uid=f"uid-{number}")
    addresses = lists_of(client, site)
    assert len(addresses) >= 5
    for address in addresses:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        assert answer.status_code == 200, address
        assert 0 < len(asked) <= QUERIES, (address, len(asked))
        assert len(answer.content) <= BYTES, (address, len(answer.content))
        assert len(gzip.compress(answer.content)) <= PACKED_BYTES, address


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": ["pending", "exhausted"]}, 4),
        ({"state": "pending,exhausted"}, 4),
        ({"state": ["succeeded", "cancelled"]}, 0),
        ({"status": "404"}, 1),
        ({"status": "500"}, 0),
        ({"type": "invoice.*,user.*"}, 1),
        ({"endpoint": "/Acme"}, 4),
        ({"window": "30d", "since": "2099-01-01T00:00"}, 0),
        ({"window": "1h", "since": "2001-01-01T00:00"}, 4),
        ({"customer": "acm", "state": "pending"}, 4),
    ],
)
def test_the_list_is_narrowed_by_several_values(query: dict[str, str], found: int, bob: Client, acme: House) -> None:
    emit(acme, 3)
    assert len(shown(bob, query)) == found


def test_what_is_filtered_is_shown_and_can_be_removed(bob: Client, acme: House) -> None:
    query = "?state=pending&state=held&customer=acme&status=404&type=invoice.*,user.x&p=older-1"
    chips = chips_of(bob, query)
    assert list(chips) == [
        "State=Pending",
        "State=Held",
        "Customer=Acme",
        "Event type=invoice.*",
        "Event type=user.x",
        "Status code=404",
    ]
    assert chips["State=Held"] == "?state=pending&customer=acme&status=404&type=invoice.%2A%2Cuser.x"
    assert chips["Customer=Acme"] == "?state=pending&state=held&status=404&type=invoice.%2A%2Cuser.x"
    assert chips["Event type=user.x"] == "?state=pending&state=held&customer=acme&status=404&type=invoice.%2A"


def test_a_part_of_several_urls_is_not_taken_for_one(bob: Client, acme: House, receiver_ports: list[int]) -> None:
    create_endpoint(acme.customer, {"url": f"http://127.0.0.1:{receiver_ports[0]}/Acme/2"}, actor="system")
    answer = bob.get(LIST, {"endpoint": "/Acme"})
    assert "The URLs of several endpoints contain this." in answer.content.decode()
    assert answer.context["listing"].lines == []


def test_a_name_of_several_customers_means_all_of_them(bob: Client, acme: House, globex: House) -> None:
    Customer.objects.filter(pk=globex.customer.pk).update(name="Acme Too")
    assert len(shown(bob, {"customer": "Acme"})) == 2
    assert list(chips_of(bob, "?customer=Acme")) == ["Customer=2 called “Acme”"]


@pytest.mark.parametrize("name", ["state", "status", "error", "type"])
def test_several_customers_beside_any_filter_read_no_more_than_a_page(
    name: str, bob: Client, acme: House, globex: House
) -> None:
    """Given a log of any length, when a name means several customers, then no statement asks for all of it."""
    Customer.objects.filter(pk=globex.customer.pk).update(name="Acme Too")
    value = {"state": "exhausted", "status": "503", "error": "http_5xx", "type": "invoice.paid"}[name]
    with CaptureQueriesContext(connection) as asked:
        assert bob.get(LIST, {"customer": "Acme", name: value}).status_code == 200
    reading = [each["sql"] for each in asked if 'FROM "hookpost_delivery"' in each["sql"]]
    assert reading
    assert all(" LIMIT " in each for each in reading), reading


def test_a_rare_thing_is_looked_for_window_by_window_and_the_page_says_how_far(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a list that no index narrows, then each page looks through a part of it, and all pages through all."""
    monkeypatch.setattr(paging, "WINDOW", 5)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    emit(acme, 20)
    rare = Delivery.objects.order_by("id")[0]
    seen, address, pages = [], f"{LIST}?type=invoice.paid", 0
    while address:
        answer = bob.get(address)
        listing = answer.context["listing"]
        seen += [row.pk for row in listing.rows]
        pages += 1
        if listing.older:
            assert "Nothing was found back to" in answer.content.decode()
        address = f"{LIST}{listing.older}" if listing.older else ""
    assert seen == [rare.pk]
    assert pages == 4
    assert bob.get(f"{LIST}{listing.newer}").context["listing"].rows == []


def test_what_is_dear_to_look_through_is_looked_through_in_smaller_parts(bob: Client, acme: House) -> None:
    """One look reads so many rows at most, whatever is asked for: the plan says so, no clock."""
    emit(acme, 3)
    of_log = ("hookpost_delivery", "hookpost_event")
    for address, size in ((f"{LIST}?type=nothing.*", paging.WINDOW), (f"{LIST}?tag=none-such", paging.DEAR_WINDOW)):
        with CaptureQueriesContext(connection) as asked:
            assert bob.get(address).context["listing"].rows == []
        edges = {each["sql"].partition(" OFFSET ")[2] for each in asked if any(name in each["sql"] for name in of_log)}
        assert edges - {""} == {str(size)}
    with CaptureQueriesContext(connection) as asked:
        bob.get("/admin/deliveries/event/", {"value": "R-2"})
    assert any(each["sql"].endswith(f" OFFSET {paging.DEAR_WINDOW}") for each in asked)
    assert paging.LOOK_SECONDS <= 0.1


def test_with_time_left_several_windows_fill_one_page(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOW", 5)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 600.0)
    emit(acme, 20)
    assert len(shown(bob, {"type": "order.shipped"})) == 20
    assert len(shown(bob, {"type": "invoice.paid"})) == 1


def test_a_members_events_are_their_own_and_everyones_in_one_order(
    carol: Client, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.admin.lists.listing.ListPages.per_page", 4)
    emit(acme, 5)
    copies = [Event.objects.order_by("-id")[number] for number in (1, 3)]
    for number, copy in enumerate(copies):
        key = copy.pk.int + 1 + number
        Event.objects.create(
            id=type(copy.pk)(int=key), customer_id=EVERYONES, type="news", body=b"{}", created_at=copy.created_at
        )
    mine = list(Event.objects.exclude(customer_id=globex.customer.pk).order_by("-id").values_list("pk", flat=True))
    seen, address = [], "/portal/deliveries/event/"
    while address:
        listing = carol.get(address).context["listing"]
        seen += [row.pk for row in listing.rows]
        address = f"/portal/deliveries/event/{listing.older}" if listing.older else ""
    assert seen == mine
    assert len(seen) == 8
    back = carol.get(f"/portal/deliveries/event/{listing.newer}").context["listing"]
    assert [row.pk for row in back.rows] == seen[-4 - len(listing.rows) : -len(listing.rows)]


def test_event_types_are_paged_by_name(alice: Client, acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.admin.lists.listing.ListPages.per_page", 2)
    for name in ("b.one", "a.two", "c.three", "a.one"):
        EventType.objects.create(name=name)
    seen, address = [], "/admin/deliveries/eventtype/"
    while address:
        listing = alice.get(address).context["listing"]
        seen += [row.name for row in listing.rows]
        address = f"/admin/deliveries/eventtype/{listing.older}" if listing.older else ""
    assert seen == sorted(EventType.objects.values_list("name", flat=True))
    back = alice.get(f"/admin/deliveries/eventtype/{listing.newer}").context["listing"]
    assert [row.name for row in back.rows] == seen[2:4]


def test_what_may_not_be_done_is_not_offered_and_refused(bob: Client, acme: House) -> None:
    from django.contrib.auth.models import Group

    Group.objects.get(name="Hookpost support").permissions.filter(codename="redeliver_delivery").delete()
    answer = bob.get(LIST)
    assert "Redeliver selected" not in answer.content.decode()
    form = {"action": "redeliver_selected", "confirmed": "yes", "_selected_action": str(acme.delivery.pk)}
    assert bob.post(LIST, form).status_code == 403
    assert not AuditEntry.objects.filter(action="delivery.redeliver").exists()


def test_an_empty_list_says_what_to_do(alice: Client) -> None:
    text = alice.get(LIST).content.decode()
    assert "Emit an event by REST" in text
    assert "Nothing matches all of this." in alice.get(LIST, {"state": "held"}).content.decode()


def test_filters_offer_customers_and_endpoints_while_somebody_types(bob: Client, acme: House, globex: House) -> None:
    assert bob.get("/admin/pick/customer/", {"q": "acm"}).json() == [{"value": acme.customer.public_id, "text": "Acme"}]
    (found,) = bob.get("/admin/pick/endpoint/", {"q": "/Globex"}).json()
    assert found["value"] == globex.endpoint.public_id
    assert found["text"].endswith("/Globex (Globex)")
    assert bob.get("/admin/pick/endpoint/", {"q": ""}).json() == []
    assert bob.get("/admin/pick/member/", {"q": "c"}).status_code == 404


def test_members_choose_from_their_own_endpoints(carol: Client, acme: House, globex: House) -> None:
    text = carol.get("/portal/deliveries/delivery/").content.decode()
    assert f'<option value="{acme.endpoint.public_id}">' in text
    assert globex.endpoint.public_id not in text
    assert carol.get("/admin/pick/customer/", {"q": "g"}).status_code == 302


@pytest.mark.parametrize("name", ["nosuch", "e", "<script>", "customer__id__exact"])
def test_a_parameter_that_no_filter_has_is_refused_and_named(name: str, alice: Client) -> None:
    answer = alice.get(LIST, {name: "1"})
    assert answer.status_code == 400
    said = unescape(answer.content.decode())
    assert f"This list is not narrowed by “{name}”." in said
    assert "<script>" not in answer.content.decode()


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_refused_parameter_leads_to_the_same_list_without_it(site: str, alice: Client, carol: Client) -> None:
    client, page = alice if site == "admin" else carol, f"/{site}/deliveries/delivery/"
    query = {"state": ["exhausted", "held"], "nosuch": "1", "e": "2"}
    text = client.get(page, query, headers={"accept-language": "de"}).content.decode()
    assert "Diese Liste kennt keinen Filter „e“." in text
    (address,) = re.findall(r'<a href="([^"]+)">Die Liste ohne diesen Filter</a>', text)
    assert unescape(address) == f"{page}?state=exhausted&state=held"
    assert client.get(unescape(address)).status_code == 200
