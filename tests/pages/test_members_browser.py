"""Members in a real browser: from an invitation by mail to the first log-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from deliveries.services.telling.alert_mail import run_mail_thread
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, front_page, log_in
from tests.pages.conftest import House
from tests.services.mailing import use
from tests.smtp_server import MailServer, text_of

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.fixtures import SettingsWrapper

pytestmark = NEEDS_CHROMIUM


def path_in(letter: bytes) -> str:
    """The path of the link in a letter."""
    text = text_of(letter)
    return re.findall(r"https?://[^/]+(/portal/invitation/\S+)", text)[0]


def test_a_colleague_comes_from_the_mail_to_the_first_log_in(
    page: Page, acme: House, settings: SettingsWrapper
) -> None:
    log_in(page, acme.member.user, site="portal")
    page.click("#nav-sidebar >> text=Members")
    page.fill("input[name=email]", "fay@example.com")
    page.select_option("select[name=role] >> nth=0", "viewer")
    page.click("button:has-text('Invite')")
    page.wait_for_selector("text=An invitation to fay@example.com is on its way")
    with MailServer() as server:
        use(server.port, settings)
        run_mail_thread()
    ((to, letter),) = server.letters
    assert to == "fay@example.com"
    page.context.clear_cookies()

    page.goto(path_in(letter))
    page.fill("#id_new_password1", PASSWORD)
    page.fill("#id_new_password2", PASSWORD)
    page.click("button:has-text('Set the password and join')")
    page.wait_for_selector("text=Welcome to Acme. Your role here: viewer.")
    page.context.clear_cookies()

    page.goto("/portal/")
    page.fill("#id_username", "fay@example.com")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(front_page("portal"))
    page.goto(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    assert page.query_selector("button:has-text('Pause')") is None
    page.goto("/portal/members/")
    assert "fay@example.com" in page.inner_text("table")
    assert page.query_selector("button:has-text('Invite')") is None
