"""Every door that people use, in a real browser: what opens there, and what stays shut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deliveries.models import Member
from deliveries.services.api_keys import create_api_key
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM


def ask_for_link(house: House, **wanted: str) -> Any:
    """Ask the API for a portal link, with a key that may manage."""
    key = create_api_key("backend", ["manage"], actor="system")[1]
    path = f"/api/v1/customers/{house.customer.uid}/portal-link"
    return Client().post(path, wanted, content_type="application/json", headers={"authorization": f"Bearer {key}"})


def path_of(made: Any) -> str:
    """The link's path, as a browser on the live server opens it."""
    url: str = made.json()["url"]
    return "/" + url.split("/", 3)[3]


def promote(member: Member, **flags: bool) -> None:
    """Make a member one of staff."""
    User.objects.filter(pk=member.user.pk).update(**flags)


def test_a_portal_link_leads_from_the_api_to_the_portals_first_page(page: Page, acme: House) -> None:
    page.goto(path_of(ask_for_link(acme, email="carol@example.com")))
    page.click("button:has-text('Log in')")
    page.wait_for_url("**/portal/")
    assert "Acme" in page.inner_text("body")
    page.goto("/portal/deliveries/endpoint/")
    assert "/Acme" in page.inner_text("#result_list")


def test_the_token_of_a_link_is_in_no_referrer(page: Page, acme: House) -> None:
    referrers: list[str] = []
    page.on("request", lambda asked: referrers.append(asked.headers.get("referer", "")))
    page.goto(path_of(ask_for_link(acme)))
    page.click("button:has-text('Log in')")
    page.wait_for_url("**/portal/")
    assert [text for text in referrers if "token" in text] == []


def test_a_portal_link_leaves_the_staff_logged_in(page: Page, acme: House) -> None:
    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    form = page.context.new_page()  # a form of staff that was open before
    form.goto(f"/admin/deliveries/delivery/{acme.delivery.public_id}/change/")
    page.goto(path_of(ask_for_link(acme)))
    page.click("button:has-text('Log in')")
    page.wait_for_url("**/portal/")
    form.click("button:has-text('Redeliver')")
    form.wait_for_selector("text=One more attempt is on its way.")
    page.goto("/admin/deliveries/endpoint/")
    assert page.url.endswith("/admin/deliveries/endpoint/")


@pytest.mark.parametrize("flags", [{"is_staff": True}, {"is_superuser": True, "is_staff": True}])
def test_a_link_of_a_member_who_became_staff_opens_no_door(
    refused_page: Page, acme: House, flags: dict[str, bool]
) -> None:
    path = path_of(ask_for_link(acme, email="carol@example.com"))
    promote(acme.member, **flags)
    refused_page.goto(path)
    with refused_page.expect_response("**/portal-link") as answered:
        refused_page.click("button:has-text('Log in')")
    assert answered.value.status == 410
    for site in ("admin", "portal"):
        refused_page.goto(f"/{site}/")
        assert f"/{site}/login/" in refused_page.url
