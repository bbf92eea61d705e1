"""One customer's portal never shows or touches what is another's; every noun and every page is walked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.portal.portal_base import PortalAdmin
from deliveries.admin.site.sites import portal_site
from deliveries.models import AuditEntry, Endpoint, Member
from tests.pages.conftest import House, logged_in

pytestmark = pytest.mark.django_db


def portal_pages() -> list[PageAdmin]:
    """Every noun of the portal."""
    return list(portal_site._registry.values())


def pages_of_a_row(page: PageAdmin) -> set[str]:
    """The endings of all addresses that name one row of a noun, such as `change/` and `pause/`."""
    prefix = "<path:object_id>/"
    patterns = [str(each.pattern) for each in page.get_urls() if isinstance(each, URLPattern)]
    return {pattern.removeprefix(prefix) for pattern in patterns if pattern.startswith(prefix)}


def row_of(house: House, model: type) -> Any:
    """The house's row of a model."""
    return next(row for row in house.rows() if isinstance(row, model))


def test_every_noun_of_the_portal_derives_from_the_tenant_base() -> None:
    assert portal_pages()
    assert all(isinstance(page, PortalAdmin) for page in portal_pages())


def test_no_page_of_another_customers_rows_is_found_by_get_or_by_post(
    carol: Client, acme: House, globex: House
) -> None:
    walked = 0
    for page in portal_pages():
        row = row_of(globex, page.model)
        for name in (row.public_id, str(row.pk)):
            for ending in pages_of_a_row(page):
                address = f"/portal/deliveries/{page.opts.model_name}/{name}/{ending}"
                if ending != "":  # Django's old form of the address leads to change/
                    assert carol.get(address).status_code == 404, address
                    assert carol.post(address, {"reason": "x", "post": "yes"}).status_code == 404, address
                    walked += 1
    assert walked >= 30


def test_the_same_pages_are_found_by_the_owner(carol: Client, acme: House) -> None:
    for page in portal_pages():
        row = row_of(acme, page.model)
        address = f"/portal/deliveries/{page.opts.model_name}/{row.public_id}/change/"
        assert carol.get(address).status_code == 200, address


def test_lists_show_nothing_of_another_customer(carol: Client, acme: House, globex: House) -> None:
    for page in portal_pages():
        text = carol.get(f"/portal/deliveries/{page.opts.model_name}/").content.decode()
        assert "Globex" not in text
        assert "globex" not in text
        assert str(row_of(globex, page.model).pk) not in text


@pytest.mark.parametrize("field", ["public_id", "pk"])
def test_searching_for_another_customers_ids_finds_nothing(
    field: str, carol: Client, acme: House, globex: House
) -> None:
    for page in portal_pages():
        for row in (*globex.rows(), globex.customer):
            answer = carol.get(f"/portal/deliveries/{page.opts.model_name}/", {"q": str(getattr(row, field))})
            assert answer.context["listing"].lines == []


def test_filtering_by_another_customers_endpoint_finds_nothing(carol: Client, acme: House, globex: House) -> None:
    answer = carol.get("/portal/deliveries/delivery/", {"endpoint": globex.endpoint.public_id})
    assert answer.context["listing"].lines == []


@pytest.mark.parametrize(
    "query",
    [
        {"customer": "globex"},
        {"customer_id": "x"},
        {"customer__name": "Globex"},
        {"endpoint__secrets__hint__startswith": "A"},
        {"customer__members__user__password__startswith": "p"},
    ],
)
def test_lists_cannot_be_bent_by_lookups_in_the_address(query: dict[str, str], carol: Client) -> None:
    for page in portal_pages():
        assert carol.get(f"/portal/deliveries/{page.opts.model_name}/", query).status_code == 400


def test_keys_of_pages_do_not_lead_out_of_the_customer(carol: Client, acme: House, globex: House) -> None:
    for place in (
        f"newer-{acme.delivery.pk}",
        f"older-{globex.delivery.pk}",
        "newer-00000000-0000-0000-0000-000000000000",
    ):
        rows = carol.get("/portal/deliveries/delivery/", {"p": place}).context["listing"].rows
        assert all(row.customer_id == acme.customer.pk for row in rows)


def test_autocomplete_of_the_portal_offers_nothing(carol: Client, acme: House, globex: House) -> None:
    for model in ("apikey", "endpoint", "delivery", "eventtype"):
        query = {"app_label": "deliveries", "model_name": model, "field_name": "customer", "term": "G"}
        answer = carol.get("/portal/autocomplete/", query)
        assert answer.status_code in (403, 404)


def test_the_history_shows_the_customers_own_acts_only(carol: Client, acme: House, globex: House) -> None:
    AuditEntry.objects.create(
        actor="user:bob", action="endpoint.pause", object_id=acme.endpoint.public_id, reason="ours"
    )
    AuditEntry.objects.create(actor="user:bob", action="x", object_id=globex.endpoint.public_id, reason="theirs")
    text = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/history/").content.decode()
    assert "ours" in text
    assert "theirs" not in text


def test_bulk_redelivery_passes_over_another_customers_deliveries(carol: Client, acme: House, globex: House) -> None:
    form = {"action": "redeliver_selected", "confirmed": "yes", "_selected_action": str(globex.delivery.pk)}
    carol.post("/portal/deliveries/delivery/", form)
    assert not AuditEntry.objects.filter(action="delivery.redeliver").exists()


def test_a_customer_smuggled_into_a_form_is_ignored(
    carol: Client, acme: House, globex: House, receiver_ports: list[int]
) -> None:
    form = {"url": f"http://127.0.0.1:{receiver_ports[0]}/new", "customer": str(globex.customer.pk)}
    form |= {"signing": "standard", "payload_mode": "full", "max_in_flight": "10", "timeout_seconds": "15"}
    assert carol.post("/portal/deliveries/endpoint/add/", form).status_code == 200
    assert Endpoint.objects.get(url__endswith="/new").customer == acme.customer


def test_staff_without_membership_see_no_portal(bob: Client, acme: House) -> None:
    for page in portal_pages():
        answer = bob.get(f"/portal/deliveries/{page.opts.model_name}/")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/portal/login/")


def test_a_member_who_was_removed_is_out_at_once(acme: House) -> None:
    carol = logged_in(acme.member.user)
    assert carol.get("/portal/").status_code == 200
    Member.objects.all().delete()
    assert carol.get("/portal/").status_code == 302


def test_members_see_nothing_of_the_staffs_site(carol: Client, acme: House) -> None:
    names = [each for each in get_resolver().url_patterns if isinstance(each, URLResolver)]
    assert any(str(each.pattern) == "admin/" for each in names)
    for address in ("/admin/", "/admin/deliveries/delivery/", f"/admin/deliveries/delivery/{acme.delivery.pk}/change/"):
        assert carol.get(address).headers["Location"].startswith("/admin/login/")
