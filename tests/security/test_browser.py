"""Pages in a real browser: no policy is broken, no script fails, nothing is asked of anybody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from django.test import Client

from config.site_cookies import session_cookie
from tests.pages.chromium import CHROMIUM, launched, new_context
from tests.receiver import Receiver
from tests.security.crawl import crawl
from tests.security.filled import fill
from tests.security.steps import logged_in

PAGES_AT_MOST = 45

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@dataclass
class Seen:
    """What a browser complained about, and whom it asked for something."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    visited: int = 0


def addresses(browser: Client, start: str) -> list[str]:
    """Pages that answer 200, at most two of a kind so that no noun is left out."""
    kinds: dict[str, int] = {}
    found = []
    for address, status, text in crawl(browser, start):
        parts = urlsplit(address).path.strip("/").split("/")
        kind = "/".join("*" if ("_" in part and part[-1].isdigit()) or len(part) > 20 else part for part in parts)
        kinds[kind] = kinds.get(kind, 0) + 1
        if status == 200 and "<html" in text and kinds[kind] <= 2:
            found.append(address)
        if len(found) == PAGES_AT_MOST:
            break
    return found


def visit(base: str, places: list[str], session: tuple[str, str] | None = None) -> Seen:
    """Open each page in Chromium and listen."""
    from playwright.sync_api import sync_playwright

    seen = Seen()
    with sync_playwright() as playwright:
        chromium = launched(playwright.chromium)
        context = new_context(chromium)
        if session:
            context.add_cookies([{"name": session[0], "value": session[1], "url": base}])
        page = context.new_page()
        page.on(
            "console", lambda line: seen.complaints.append(f"{page.url}: {line.text}") if line.type == "error" else None
        )
        page.on("pageerror", lambda error: seen.complaints.append(f"{page.url}: {error}"))
        page.on("request", lambda request: seen.hosts.add(urlsplit(request.url).netloc))
        for place in places:
            answer = page.goto(base + place, wait_until="load")
            assert answer is not None
            assert answer.status == 200, place
            seen.visited += 1
        chromium.close()
    return seen


@pytest.fixture
def filled_pages(receiver: Receiver, receiver_ports: list[int], live_server: object) -> tuple[str, dict[str, Client]]:
    """A site with something on every page, and a browser session for each side."""
    filled = fill(receiver, receiver_ports[-1])
    filled.carol.second_factor.delete()  # type: ignore[attr-defined]
    return live_server.url, {"admin": logged_in(filled.root), "portal": logged_in(filled.carol)}  # type: ignore[attr-defined]


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_every_page_keeps_to_its_policy(site: str, filled_pages: tuple[str, dict[str, Client]]) -> None:
    base, browsers = filled_pages
    browser = browsers[site]
    places = [*addresses(browser, f"/{site}/"), f"/{site}/second-factor/"]
    cookie = session_cookie("staff" if site == "admin" else "portal")
    seen = visit(base, places, (cookie, browser.cookies[cookie].value))
    assert seen.visited > (20 if site == "admin" else 10)
    assert seen.complaints == []
    assert seen.hosts == {urlsplit(base).netloc}


def test_pages_for_strangers_keep_to_their_policy(filled_pages: tuple[str, dict[str, Client]]) -> None:
    base, _ = filled_pages
    seen = visit(base, ["/admin/login/", "/portal/login/", "/portal-link?token=x", "/api/v1/docs"])
    assert seen.complaints == []
    assert seen.hosts <= {urlsplit(base).netloc, ""}  # the page of the API's description makes blobs of its own
