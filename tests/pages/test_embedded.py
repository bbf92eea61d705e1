"""The portal in a frame of another site's page, in a real browser: it opens, works and grows; nobody else frames it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.test import Client

from config.site_cookies import session_cookie
from deliveries.models import SecondFactor
from deliveries.services.people.api_keys import create_api_key
from tests.pages.chromium import NEEDS_CHROMIUM
from tests.pages.conftest import House
from tests.receiver import Receiver
from tests.settings import SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

pytestmark = NEEDS_CHROMIUM

HOST = """<!doctype html><meta charset=utf-8><title>The host</title><h1>Our product</h1>
<script src="{home}/embedded/portal.js"></script><hookpost-portal src="{src}"></hookpost-portal>"""
FRAME = "hookpost-portal iframe"
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"]) {
    const get = () => { throw new DOMException("Access is denied for this document.", "SecurityError"); };
    if (self !== top) Object.defineProperty(window, name, { configurable: true, get });
}"""


def ask_for_link(house: House, **wanted: object) -> str:
    """The path of a link for a frame, asked for by REST."""
    bearer = {"authorization": f"Bearer {create_api_key('backend', ['manage'], actor='system')[1]}"}
    path = f"/api/v1/customers/{house.customer.uid}/portal-link"
    made = Client().post(path, {"embedded": True, **wanted}, content_type="application/json", headers=bearer)
    assert made.status_code == 201, made.content
    parts = urlsplit(made.json()["url"])
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def host(receiver: Receiver, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The origin of another site, whose pages may frame the portal."""
    origin = f"http://127.0.0.1:{receiver.port}"
    assert "localhost" in live_server.url  # another site than 127.0.0.1
    monkeypatch.setattr(SETTINGS, "frame_ancestors", (origin,))
    return origin


def show(page: Page, receiver: Receiver, host: str, home: str, path: str) -> None:
    """Open the host's page with the portal in it."""
    html = HOST.format(home=home, src=f"{home}{path}").encode()
    receiver.answer = lambda request: (200, {"content-type": "text/html"}, html)
    page.goto(f"{host}/product")


def test_the_portal_opens_in_a_frame_of_another_site_looks_only_and_grows(
    refused_page: Page, receiver: Receiver, live_server: LiveServer, host: str, acme: House
) -> None:
    page = refused_page
    path = ask_for_link(acme, next="/portal/deliveries/endpoint/", read_only=True, theme="dark")
    show(page, receiver, host, live_server.url, path)
    frame = page.frame_locator(FRAME)
    frame.locator("#result_list").wait_for()
    assert frame.locator("html").get_attribute("class") == "dark"
    assert frame.locator("text=Add endpoint").count() == 0
    page.wait_for_function("document.querySelector('hookpost-portal iframe').style.height !== '40rem'")
    frame.locator("#result_list a >> nth=0").click()
    frame.locator("text=Health").first.wait_for()
    assert frame.locator("button:has-text('Pause')").count() == 0
    cookies = {each["name"]: each for each in page.context.cookies()}
    kept = cookies[session_cookie("embedded")]
    assert (kept["sameSite"], kept["secure"], kept["path"]) == ("None", True, "/embedded/")
    assert session_cookie("portal") not in cookies
    assert page.goto(f"{live_server.url}/portal/") is not None  # beside the frame nobody is logged in
    assert "/portal/login/" in page.url


def test_menus_work_in_a_frame_for_which_the_browser_keeps_nothing(
    refused_page: Page, receiver: Receiver, live_server: LiveServer, host: str, acme: House
) -> None:
    """Given a browser that gives frames of other sites no storage, then nothing of the page stops."""
    page, thrown = refused_page, []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.add_init_script(NO_STORAGE)
    show(page, receiver, host, live_server.url, ask_for_link(acme, next="/portal/deliveries/endpoint/"))
    menu = page.frame_locator(FRAME).locator("button[aria-controls=nav-sidebar]:visible")
    menu.wait_for()
    was = menu.get_attribute("aria-expanded")
    assert was in ("true", "false")
    menu.click()
    page.frame_locator(FRAME).locator(
        f"button[aria-controls=nav-sidebar]:visible:not([aria-expanded={was}])"
    ).wait_for()
    assert thrown == []


@pytest.mark.parametrize("place", ["/portal/login/", "/admin/login/", "/portal-link?token=x"])
def test_what_is_not_below_embedded_is_framed_by_nobody(
    refused_page: Page, receiver: Receiver, live_server: LiveServer, host: str, place: str
) -> None:
    page = refused_page
    show(page, receiver, host, live_server.url, place)
    page.wait_for_function("document.querySelector('hookpost-portal iframe') !== null")
    page.wait_for_load_state("networkidle")
    assert page.frame_locator(FRAME).locator("form").count() == 0


def test_another_sites_page_than_the_named_one_shows_nothing(
    refused_page: Page,
    receiver: Receiver,
    live_server: LiveServer,
    host: str,
    acme: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = refused_page
    path = ask_for_link(acme)
    monkeypatch.setattr(SETTINGS, "frame_ancestors", ("https://app.example.com",))
    show(page, receiver, host, live_server.url, path)
    page.wait_for_load_state("networkidle")
    assert page.frame_locator(FRAME).locator("form").count() == 0


def test_a_sessions_key_of_a_frame_means_nothing_outside_of_it(acme: House, host: str) -> None:
    browser = Client()
    path = ask_for_link(acme)
    token = path.partition("token=")[2]
    entered = browser.post("/embedded/portal-link", {"token": token})
    assert entered.headers["Location"] == "/embedded/portal/"
    cookie = entered.cookies[session_cookie("embedded")].OutputString()
    assert "SameSite=None; Partitioned" in cookie
    assert "Secure" in cookie
    inside = browser.get("/embedded/portal/")
    assert inside.status_code == 200
    assert "X-Frame-Options" not in inside.headers
    assert f"frame-ancestors {host}" in inside.headers["Content-Security-Policy"]
    assert 'href="/embedded/portal/deliveries/endpoint/' in inside.content.decode()
    outside = browser.get("/portal/")
    assert outside.status_code == 302
    assert outside.headers["X-Frame-Options"] == "DENY"
    key = browser.cookies[session_cookie("embedded")].value
    for site in ("portal", "staff"):
        thief = Client()
        thief.cookies[session_cookie(site)] = key
        assert thief.get("/portal/" if site == "portal" else "/admin/").status_code == 302


def test_a_read_only_link_changes_nothing_whoever_edits_it(acme: House, host: str) -> None:
    browser = Client()
    token = ask_for_link(acme, read_only=True).partition("token=")[2]
    assert browser.post("/portal-link", {"token": token.partition(".")[0]}).status_code == 410
    browser.post("/embedded/portal-link", {"token": token})
    place = f"/embedded/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    assert browser.get(f"{place}/change/").status_code == 200
    own = ("/embedded/portal/password_change/", "/embedded/portal/second-factor/")
    for address in (f"{place}/pause/", "/embedded/portal/members/", *own):
        assert browser.post(address, {"confirmed": "yes", "act": "begin"}).status_code == 403, address
    assert not SecondFactor.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example/portal/",
        "/admin/",
        "/portal/../admin/",
        "/portal/%2e%2E/admin/",
        "/portal/.%2e/admin/",
        "/portal\\x",
        "portal/",
    ],
)
def test_a_link_begins_in_the_portal_only(path: str, acme: House) -> None:
    bearer = {"authorization": f"Bearer {create_api_key('backend', ['manage'], actor='system')[1]}"}
    asked = {"next": path}
    address = f"/api/v1/customers/{acme.customer.uid}/portal-link"
    answer = Client().post(address, asked, content_type="application/json", headers=bearer)
    assert answer.status_code == 422
    refused = Client().post(address, {"embedded": True}, content_type="application/json", headers=bearer)
    assert refused.status_code == 409  # no setting names anybody
    assert Client().get("/embedded/portal/login/").status_code == 404


def test_a_link_may_name_the_language_of_its_session(acme: House, host: str) -> None:
    browser = Client(headers={"accept-language": "es"})
    path = ask_for_link(acme, language="fr")
    assert '<html lang="es"' in browser.get(path).content.decode()  # it is nobody's before it is redeemed
    browser.post("/embedded/portal-link", {"token": path.partition("token=")[2]})
    assert '<html lang="fr"' in browser.get("/embedded/portal/").content.decode()


@pytest.mark.parametrize("language", ["xx", "", "de-AT", "DE", 7])
def test_a_link_in_a_language_that_there_is_not_is_refused(acme: House, host: str, language: object) -> None:
    bearer = {"authorization": f"Bearer {create_api_key('backend', ['manage'], actor='system')[1]}"}
    path = f"/api/v1/customers/{acme.customer.uid}/portal-link"
    refused = Client().post(path, {"language": language}, content_type="application/json", headers=bearer)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/language")
