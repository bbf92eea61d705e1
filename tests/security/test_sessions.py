"""Sessions belong to the site that made them, and what a link began is never anybody's of staff."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from config.site_cookies import csrf_cookie, session_cookie
from deliveries.errors import Conflict
from deliveries.models import Customer, Member, PortalLink
from deliveries.services.people.members import login_token
from deliveries.services.people.portal_links import create_link, redeem_link
from tests.browsers import open_session
from tests.security.steps import PASSWORD, a_member, a_superuser

pytestmark = pytest.mark.django_db

STAFF = [{"is_staff": True}, {"is_superuser": True}, {"is_staff": True, "is_superuser": True}]


@pytest.fixture
def customer() -> Customer:
    return Customer.objects.create(name="Alice & Co")


def promote(user: User, **flags: bool) -> None:
    User.objects.filter(pk=user.pk).update(**flags)


def is_open(browser: Client, site: str) -> bool:
    return browser.get(f"/{site}/").status_code == 200


def enter_by_link(customer: Customer, **wanted: str) -> Client:
    browser = Client()
    token = create_link(customer, actor="key:backend", **wanted)[1]
    assert browser.post("/portal-link", {"token": token}).status_code == 302
    return browser


def enter_by_welcome(user: User) -> Client:
    browser = Client()
    part, token = login_token(user.memberships.get(), actor="user:root")  # type: ignore[attr-defined]
    form = browser.get(f"/portal/welcome/{part}/{token}/", follow=True)
    words = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    browser.post(form.redirect_chain[-1][0], words)
    return browser


@pytest.mark.parametrize("flags", STAFF)
def test_no_link_is_made_for_a_member_who_is_staff(customer: Customer, flags: dict[str, bool]) -> None:
    promote(a_member(customer), email="carol@example.com", **flags)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        create_link(customer, actor="key:backend", email="Carol@example.com")
    assert not PortalLink.objects.exists()


@pytest.mark.parametrize("flags", STAFF)
def test_a_link_without_an_address_passes_over_members_who_are_staff(
    customer: Customer, flags: dict[str, bool]
) -> None:
    promote(a_member(customer), **flags)
    link, _ = create_link(customer, actor="key:backend")
    assert link.member.user.get_username() != "carol"
    assert not link.member.user.is_staff
    assert Member.objects.filter(customer=customer).count() == 2


@pytest.mark.parametrize("flags", STAFF)
def test_a_link_of_a_member_who_became_staff_is_dead(customer: Customer, flags: dict[str, bool]) -> None:
    user = a_member(customer)
    token = create_link(customer, actor="key:backend")[1]
    promote(user, **flags)
    assert redeem_link(token) is None


@pytest.mark.parametrize("flags", STAFF)
@pytest.mark.parametrize("door", ["portal link", "welcome link"])
def test_a_session_that_a_link_began_ends_when_its_member_becomes_staff(
    customer: Customer, door: str, flags: dict[str, bool]
) -> None:
    user = a_member(customer)
    browser = enter_by_link(customer) if door == "portal link" else enter_by_welcome(user)
    assert is_open(browser, "portal")
    promote(user, **flags)
    assert (is_open(browser, "portal"), is_open(browser, "admin")) == (False, False)


def test_a_session_of_the_portal_opens_no_door_of_the_staff_site(customer: Customer) -> None:
    """Given somebody who is staff and a member, when they log in to the portal, then the staff site stays shut."""
    user = a_member(customer)
    promote(user, is_staff=True, is_superuser=True)
    browser = Client()
    browser.post("/portal/login/", {"username": "carol", "password": PASSWORD})
    assert (is_open(browser, "portal"), is_open(browser, "admin")) == (True, False)


@pytest.mark.parametrize(("made_on", "shown_to"), [("portal", "staff"), ("staff", "portal")])
def test_a_sessions_key_means_nothing_to_the_other_site(customer: Customer, made_on: str, shown_to: str) -> None:
    user = a_member(customer)
    promote(user, is_staff=True, is_superuser=True)
    browser = Client()
    key = open_session(browser, user, made_on)
    browser.cookies[session_cookie(shown_to)] = key
    browser.cookies["sessionid"] = key
    for site, opens in (("admin", made_on == "staff"), ("portal", made_on == "portal")):
        assert is_open(browser, site) is opens


def test_a_portal_link_leaves_the_session_of_the_staff_alone(customer: Customer) -> None:
    browser = Client()
    open_session(browser, a_superuser(), "staff")
    token = create_link(customer, actor="key:backend")[1]
    browser.post("/portal-link", {"token": token})
    assert (is_open(browser, "portal"), is_open(browser, "admin")) == (True, True)
    browser.post("/portal/logout/")
    assert (is_open(browser, "portal"), is_open(browser, "admin")) == (False, True)


def test_a_link_ends_the_session_that_was_open_in_the_portal(customer: Customer) -> None:
    """Given a browser whose session somebody else may know, when a link is used, then that session is gone."""
    browser = Client()
    known = open_session(browser, a_member(customer), "portal")
    other = Customer.objects.create(name="Bob & Co")
    browser.post("/portal-link", {"token": create_link(other, actor="key:backend")[1]})
    thief = Client()
    thief.cookies[session_cookie("portal")] = known
    assert (is_open(browser, "portal"), is_open(thief, "portal")) == (True, False)


def test_cookies_are_http_only_and_of_this_site_alone(customer: Customer) -> None:
    browser = Client()
    browser.get("/portal/login/")
    browser.post("/portal-link", {"token": create_link(customer, actor="key:backend")[1]})
    assert set(browser.cookies) == {session_cookie("portal"), csrf_cookie("portal")}
    session = browser.cookies[session_cookie("portal")]
    assert (session["httponly"], session["samesite"], session["path"], session["domain"]) == (True, "Lax", "/", "")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_log_in_leads_to_the_sites_own_pages_only(customer: Customer, site: str, elsewhere: str) -> None:
    user = a_superuser() if site == "admin" else a_member(customer)
    form = {"username": user.get_username(), "password": PASSWORD}
    answer = Client().post(f"/{site}/login/?{urlencode({'next': elsewhere})}", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/{site}/")


def test_a_member_with_too_many_sessions_loses_the_oldest(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.services.common.limits.SESSIONS", 3)
    others = enter_by_link(customer, email="bert@example.com")
    browsers = [enter_by_link(customer, email="ann@example.com") for _ in range(5)]
    assert [is_open(each, "portal") for each in browsers] == [False, False, True, True, True]
    assert is_open(others, "portal")
    assert Session.objects.count() == 4


def test_a_session_that_took_anothers_place_counts_too(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one browser that changes its member each time, then no session escapes the count."""
    monkeypatch.setattr("deliveries.services.common.limits.SESSIONS", 1)
    browser = Client()
    for name in ("ann", "bert", "ann", "bert"):
        token = create_link(customer, actor="key:backend", email=f"{name}@example.com")[1]
        assert browser.post("/portal-link", {"token": token}).status_code == 302
    assert is_open(browser, "portal")
    assert all(len(member.session_hashes) == 1 for member in Member.objects.all())
    kept = Member.objects.get(user__email="bert@example.com").session_hashes
    assert list(Session.objects.values_list("session_key", flat=True)) == kept


def test_sessions_of_staff_are_counted_too_and_the_oldest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.services.common.limits.SESSIONS", 2)
    user = a_superuser()
    browsers = [Client() for _ in range(3)]
    for each in browsers:
        open_session(each, user, "staff")
    assert [is_open(each, "admin") for each in browsers] == [False, True, True]
