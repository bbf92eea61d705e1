"""What lists and dry runs look at: parts that are counted in rows and look-ups, however long log and queue are."""

from __future__ import annotations

import re
from unittest import mock
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse, set_script_prefix

from deliveries.admin.delivery import delivery_list
from deliveries.admin.parts import page_addresses, paging
from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.paging import Place, Source, read_page
from deliveries.models import AuditEntry, Customer, Delivery, DueDelivery, EventType, FailureGroup, Job
from deliveries.models.visible import OPERATOR
from deliveries.services.common.audit import record_act
from deliveries.services.reading.selection import Selection, among
from deliveries.services.resending import candidates
from deliveries.services.resending.failure_groups import last_job
from deliveries.services.resending.jobs import count_matching
from tests.pages.conftest import House
from tests.pages.test_deliveries import emit
from tests.reading import rows_read

pytestmark = pytest.mark.django_db

LIST = "/admin/deliveries/delivery/"
TRAIL = "/admin/deliveries/auditentry/"


def found_on_all_pages(client: Client, address: str) -> tuple[list[object], int]:
    """The keys of the rows of a list and of all its older pages, and how many pages there were."""
    seen, pages, query = [], 0, address
    while query:
        listing = client.get(query).context["listing"]
        seen += [row.pk for row in listing.rows]
        pages += 1
        query = f"{address.partition('?')[0]}{listing.older}" if listing.older else ""
    return seen, pages


def test_what_several_customers_wait_for_is_looked_for_in_parts_of_the_queue(
    bob: Client, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given many that wait for others, when a name means several customers, then each page looks through so many."""
    Customer.objects.filter(pk=globex.customer.pk).update(name="Globex One")
    Customer.objects.create(name="Globex Two")
    emit(globex, 2)
    emit(acme, 30)
    wanted = Delivery.objects.filter(customer=globex.customer, state="pending").order_by("-id")
    monkeypatch.setattr(paging, "DEAR_WINDOW", 10)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr("deliveries.admin.lists.listing.ListPages.per_page", 5)
    with rows_read("hookpost_delivery%") as read:
        bob.get(f"{LIST}?customer=Globex&state=pending")
    assert read.rows <= 10
    seen, pages = found_on_all_pages(bob, f"{LIST}?customer=Globex&state=pending")
    assert seen == [row.pk for row in wanted]
    assert pages == 4


@pytest.mark.parametrize("small_queue", [True, False])
def test_what_one_customer_waits_for_is_found_in_the_queue_while_it_is_small_and_else_in_its_log(
    small_queue: bool, bob: Client, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit(globex, 3)
    emit(acme, 30)
    monkeypatch.setattr(delivery_list, "DEAR_WINDOW", 100 if small_queue else 10)
    with CaptureQueriesContext(connection) as asked:
        rows = bob.get(f"{LIST}?customer={globex.customer.public_id}&state=pending").context["listing"].rows
    assert {row.pk for row in rows} == set(
        Delivery.objects.filter(customer=globex.customer, state="pending").values_list("pk", flat=True)
    )
    assert any("unnest" in each["sql"] for each in asked) is small_queue


def test_the_queue_is_gone_through_to_newer_pages_too(bob: Client, acme: House) -> None:
    emit(acme, 120)
    first = bob.get(f"{LIST}?state=pending").context["listing"]
    second = bob.get(f"{LIST}{first.older}").context["listing"]
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}
    back = bob.get(f"{LIST}{second.newer}").context["listing"]
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]


def test_so_many_ids_are_one_value_of_a_statement(acme: House) -> None:
    emit(acme, 3)
    keys = list(DueDelivery.objects.values_list("delivery_id", flat=True))
    assert len(keys) >= 3
    with CaptureQueriesContext(connection) as asked:
        assert set(among(Delivery.objects.all(), keys).values_list("id", flat=True)) == set(keys)
        assert list(among(Delivery.objects.all(), [])) == []
    assert asked[0]["sql"].count("unnest") == 1


def test_the_trail_of_one_thing_is_found_by_its_id_and_what_has_no_index_part_by_part(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a long trail, when an id is looked for, then it alone is read; of an act so many are looked at a page."""
    AuditEntry.objects.all().delete()
    Customer.objects.create(name="Acme Two")
    record_act("user:bob", "endpoint.pause", customer=acme.customer, object_id=acme.endpoint.public_id)
    for _ in range(30):
        AuditEntry.objects.create(actor="user:alice", action="endpoint.update", object_id="ep_other")
    monkeypatch.setattr(paging, "WINDOW", 9)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 0.0)
    wanted = [AuditEntry.objects.get(action="endpoint.pause").pk]
    with rows_read("hookpost_audit_entry") as read:
        assert [row.pk for row in bob.get(TRAIL, {"q": acme.endpoint.public_id}).context["listing"].rows] == wanted
    assert read.rows <= 1
    for query in ("q=endpoint.pause", "action=endpoint.pause", "q=bob", "customer=Acme&action=endpoint.pause"):
        with rows_read("hookpost_audit_entry") as read:
            bob.get(f"{TRAIL}?{query}")
        assert read.rows <= 20, query
        assert found_on_all_pages(bob, f"{TRAIL}?{query}") == (wanted, 4), query
    assert bob.get(f"{TRAIL}?action=endpoint.pause").context["listing"].searched_to


def test_what_one_did_and_the_last_job_of_a_group_are_found_among_many(bob: Client, acme: House) -> None:
    group = FailureGroup.objects.get(pk=acme.failure.pk)
    filters = {"endpoint_id": str(group.endpoint_id), "error": group.error, "status_code": group.status_code}
    other = {**filters, "endpoint_id": str(acme.customer.pk)}
    job = Job.objects.create(customer=acme.customer, kind="redeliver", filters=filters, actor="user:bob")
    Job.objects.bulk_create(
        Job(customer=acme.customer, kind="redeliver", filters=other, actor="user:bob") for _ in range(40)
    )
    with rows_read("hookpost_job") as read:
        assert last_job(group) == job
    assert read.rows <= 1
    AuditEntry.objects.bulk_create(AuditEntry(actor="user:alice", action="x", object_id="ep_x") for _ in range(40))
    with rows_read("hookpost_audit_entry") as read:
        bob.get("/admin/profile/")
    assert read.rows <= AuditEntry.objects.filter(actor="user:bob").count()


@pytest.mark.parametrize("kind", ["redeliver", "cancel"])
def test_a_page_counts_so_many_and_says_that_there_are_more(
    kind: str, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit(acme, 30)
    if kind == "redeliver":
        DueDelivery.objects.all().delete()
    monkeypatch.setattr(candidates, "COUNT_CHUNK", 2)
    monkeypatch.setattr(candidates, "QUEUE_WINDOW", 10)
    of_page = count_matching(
        kind, Selection(customer_id=acme.customer.pk), viewer=OPERATOR, looks=candidates.PAGE_LOOKS
    )
    assert (of_page.number, of_page.is_complete) == (12, False)
    whole = count_matching(kind, Selection(customer_id=acme.customer.pk), viewer=OPERATOR)
    assert whole.is_complete
    assert whole.number > 20


def test_what_is_counted_is_what_would_be_queued(acme: House, globex: House) -> None:
    """Given deliveries of which some are refused for each reason, then the number is that of those that are not."""
    emit(acme, 6)
    emit(globex, 2)
    keys = list(Delivery.objects.order_by("id").values_list("id", flat=True))
    DueDelivery.objects.filter(delivery_id__in=keys[::2]).delete()
    DueDelivery.objects.filter(delivery_id=keys[1]).update(due_at="2020-01-01T00:00Z")
    erased = Delivery.objects.get(pk=keys[2])
    erased.event.erased_at = erased.created_at
    erased.event.save(update_fields=["erased_at"])
    Delivery.objects.get(pk=keys[3]).event.delete()
    type(globex.endpoint).objects.filter(pk=globex.endpoint.pk).update(deleted_at=erased.created_at)
    selection = Selection(states=("pending",))
    found = candidates.eligible("redeliver", selection, keys)
    assert 0 < len(found.ids) < len(keys) - 3
    assert candidates.count_part("redeliver", selection, keys) == len(found.ids)


@pytest.mark.parametrize("args", [[], ["dlv_01h455vb4pex5vsknk084sn02q"], ["a b/ü?"], ["hp-the-id"]])
def test_an_address_is_what_django_says(args: list[str]) -> None:
    view = f"hookpost_portal:deliveries_delivery_{'change' if args else 'changelist'}"
    for prefix in ("/", "/embedded/", "/"):
        set_script_prefix(prefix)
        try:
            assert [address_of(view, args) for _ in range(2)] == [reverse(view, args=args)] * 2
        finally:
            set_script_prefix("/")


def test_a_list_asks_for_the_address_of_each_kind_of_page_once(bob: Client, acme: House) -> None:
    emit(acme, 50)
    with mock.patch.object(page_addresses, "reverse", wraps=reverse) as asked:
        text = bob.get(LIST).content.decode()
        bob.get(LIST)
    assert len(re.findall(r"/admin/deliveries/delivery/dlv_\w+/change/", text)) >= 50
    assert asked.call_count <= 30


def test_what_waits_is_looked_for_a_little_further_before_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a page that lacks a few rows, then some hundred places of the queue are looked up, not thousands."""
    looks: list[int] = []

    def look(source: Source, place: Place, window: int) -> tuple[QuerySet[Delivery], UUID | None]:
        looks.append(window)
        return Delivery.objects.none(), None if len(looks) == 5 else uuid4()

    monkeypatch.setattr(paging, "_look", look)
    monkeypatch.setattr(paging, "LOOK_SECONDS", 3600)
    read_page([Source(rows=Delivery.objects.all(), queue=DueDelivery.objects.all())], Place(), size=50)
    assert looks == [100, 400, 1600, 2000, 2000]


@pytest.mark.parametrize(
    ("site", "page"),
    [
        *((site, page) for site in ("admin", "portal") for page in ("delivery/", "event/", "endpoint/{}/change/")),
        ("portal", "endpoint/add/"),
    ],
)
def test_of_a_large_catalogue_no_more_is_read_than_is_offered(
    site: str, page: str, alice: Client, carol: Client, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given many types of the operator, of a customer and of another, when some are offered, so many are read."""
    for owner in (None, acme.customer, globex.customer):
        EventType.objects.bulk_create(EventType(name=f"of{n:03}.kind", customer=owner) for n in range(200))
    for module in (
        "lists.log_filters.SUGGESTIONS",
        "endpoint.endpoint_forms.TYPES_OFFERED",
        "endpoint.endpoint_live.TYPES_OFFERED",
    ):
        monkeypatch.setattr(f"deliveries.admin.{module}", 5)
    address = f"/{site}/deliveries/{page}".format(acme.endpoint.public_id)
    browser = alice if site == "admin" else carol
    with rows_read("hookpost_event_type") as read, connection.cursor() as cursor:
        cursor.execute("ANALYZE hookpost_event_type")
        assert b"of001.kind" in browser.get(address).content
    assert 0 < read.rows <= 2 * 2 * 5 + 5
