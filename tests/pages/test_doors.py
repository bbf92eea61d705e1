"""Every door that people use, in a real browser: what opens there, and what stays shut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deliveries.models import Member, SecondFactor
from deliveries.services.people.api_keys import create_api_key
from deliveries.services.people.members import add_member, login_token
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, front_page, log_in
from tests.pages.conftest import House
from tests.security.steps import a_factor, code_of

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
    page.wait_for_url(front_page("portal"))
    assert "Acme" in page.inner_text("body")
    page.goto("/portal/deliveries/endpoint/")
    assert "/Acme" in page.inner_text("#result_list")


def test_the_token_of_a_link_is_in_no_referrer(page: Page, acme: House) -> None:
    referrers: list[str] = []
    page.on("request", lambda asked: referrers.append(asked.headers.get("referer", "")))
    page.goto(path_of(ask_for_link(acme)))
    page.click("button:has-text('Log in')")
    page.wait_for_url(front_page("portal"))
    assert [text for text in referrers if "token" in text] == []


def test_a_portal_link_leaves_the_staff_logged_in(page: Page, acme: House) -> None:
    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    form = page.context.new_page()  # a form of staff that was open before
    form.goto(f"/admin/deliveries/delivery/{acme.delivery.public_id}/change/")
    page.goto(path_of(ask_for_link(acme)))
    page.click("button:has-text('Log in')")
    page.wait_for_url(front_page("portal"))
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


def staff_or_member(site: str, house: House) -> User:
    """Who logs in to a site."""
    if site == "admin":
        return User.objects.create_superuser("alice", password=PASSWORD)
    user: User = house.member.user
    return user


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_people_log_in_and_out_of_either_site(page: Page, acme: House, site: str) -> None:
    log_in(page, staff_or_member(site, acme), site=site)
    page.click("button[aria-controls=hp-account]")
    page.click("button:has-text('Log out')")
    page.wait_for_url(f"**/{site}/logout/")
    page.goto(f"/{site}/deliveries/endpoint/")
    assert f"/{site}/login/" in page.url


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_wrong_password_is_told_and_the_right_one_lets_in(page: Page, acme: House, site: str) -> None:
    user = staff_or_member(site, acme)
    user.set_password(PASSWORD)
    user.save()
    page.goto(f"/{site}/login/?next=//evil.example/")
    for password in ("wrong", PASSWORD):
        page.fill("#id_username", user.get_username())
        page.fill("#id_password", password)
        page.click("button[type=submit]")
        if password == "wrong":
            page.wait_for_load_state()
            assert f"/{site}/login/" in page.url
    page.wait_for_url(front_page(site))
    assert "evil" not in page.url


def test_a_welcome_link_sets_a_password_and_lets_in(page: Page, acme: House) -> None:
    part, token = login_token(add_member(acme.customer, "erin", actor="user:alice"), actor="user:alice")
    page.goto(f"/portal/welcome/{part}/{token}/")
    assert token not in page.url
    page.fill("#id_new_password1", PASSWORD)
    page.fill("#id_new_password2", PASSWORD)
    page.click("button:has-text('Set the password')")
    page.wait_for_url(front_page("portal"))
    assert "Acme" in page.inner_text("body")
    page.goto("/admin/")
    assert "/admin/login/" in page.url


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_second_factor_is_asked_for_on_the_way_in(page: Page, acme: House, site: str) -> None:
    user = staff_or_member(site, acme)
    factor = a_factor(user)
    user.set_password(PASSWORD)
    user.save()
    page.goto(f"/{site}/deliveries/endpoint/")
    page.fill("#id_username", user.get_username())
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("text=Second factor")
    page.fill("input[name=code]", code_of(factor))
    page.click("button:has-text('Go on')")
    page.wait_for_url(re.compile(rf"^[^?]*/{site}/deliveries/endpoint/"))
    assert page.url.endswith(f"/{site}/deliveries/endpoint/")


def test_a_portal_link_does_not_go_around_the_second_factor(page: Page, acme: House) -> None:
    factor = a_factor(acme.member.user)
    page.goto(path_of(ask_for_link(acme, email="carol@example.com")))
    page.click("button:has-text('Log in')")
    page.wait_for_selector("text=Enter the code")
    assert not page.url.endswith("/portal/"), "let in before the code"
    page.fill("input[name=code]", code_of(factor))
    page.click("button:has-text('Go on')")
    page.wait_for_url(front_page("portal"))


def test_a_member_sets_up_a_second_factor(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/second-factor/")
    page.click("main button:has-text('Set up'), button:has-text('Set up')")
    page.wait_for_selector("text=Scan, then enter the code")
    page.fill("input[name=code]", code_of(SecondFactor.objects.get()))
    page.click("button:has-text('Confirm')")
    page.wait_for_selector("text=They are shown only now")
    assert SecondFactor.objects.get().confirmed


def test_a_secret_is_rotated_after_a_question_and_shown_once(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    page.goto(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    page.select_option("select[name=keep_hours]", "0")
    page.click("button:has-text('Rotate the secret')")
    page.wait_for_selector("text=Receivers that check signatures with it refuse everything")
    assert acme.endpoint.secrets.get().hint == acme.secret[-4:]
    page.click("button:has-text('End the old secret')")
    shown = page.inner_text("#hp-value")
    assert acme.endpoint.secrets.get().hint == shown[-4:]
    page.reload()
    assert shown not in page.content()


def test_staff_pause_with_a_reason_and_a_note(page: Page, acme: House) -> None:
    log_in(page, User.objects.create_superuser("alice", password=PASSWORD), site="admin")
    page.goto(f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    page.click("button:has-text('Pause')")
    page.fill("input[name=reason]", "it floods us")
    page.fill("input[name=note]", "they were rude")
    page.click("button:has-text('Pause')")
    page.wait_for_selector("text=Paused. What comes in is held back")
    assert page.is_visible("text=Note, for staff only: they were rude")
