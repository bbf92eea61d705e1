"""Debian's Chromium, driven by playwright: fixtures, and the log-in as a person does it.

What lives here: the browser and its tabs. It must not know what a test looks at.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page
    from pytest_django.live_server_helper import LiveServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PATIENCE_MS = 180_000  # ends what hangs, and nothing else
PASSWORD = "a-good-password-41"
NEEDS_CHROMIUM = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with an empty profile."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    with sync_api.sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django would take for an asynchronous program.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        browser = launched(playwright.chromium)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A tab that remembers what went wrong in it, and which other hosts it asked."""
    context = new_context(browser, base_url=live_server.url, viewport={"width": 1360, "height": 900})
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda asked: troubles.append(asked.url) if is_elsewhere(asked.url, live_server.url) else None)
    yield page
    context.close()
    assert troubles == []


@pytest.fixture
def refused_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A tab that is shown refusals, which Chromium notes in its console."""
    context = new_context(browser, base_url=live_server.url)
    page = context.new_page()
    yield page
    context.close()


def launched(chromium: BrowserType) -> Browser:
    """Debian's Chromium, however long it takes to start."""
    return chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_MS)


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Tabs without a past, in which nothing is given up because the machine is slow."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    return context


def is_elsewhere(url: str, home: str) -> bool:
    """Say whether a request leaves the page's own server."""
    return not url.startswith((home, "data:", "blob:"))


def log_in(page: Page, user: Any, *, site: str) -> None:
    """Log in as a person does."""
    user.set_password(PASSWORD)
    user.save()
    page.goto(f"/{site}/")
    page.fill("#id_username", user.get_username())
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(front_page(site))


def front_page(site: str) -> re.Pattern[str]:
    """The URL of a site's first page, which a log-in page may name as the next one."""
    return re.compile(rf"^[^?]*/{site}/$")
