"""How many clicks the commonest way takes: from a log-in to the answer of a first endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliveries.models import Endpoint
from deliveries.services.customers import create_customer
from deliveries.services.members import add_member
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.working import a_worker
from tests.receiver import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM

COUNTED = """addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


def test_register_copy_the_secret_test_and_see_the_answer_in_six_clicks(page: Page, receiver: Receiver) -> None:
    customer = create_customer({"name": "Newcomer"}, actor="system")
    member = add_member(customer, "nina", actor="system")
    log_in(page, member.user, site="portal")
    page.context.add_init_script(COUNTED)
    page.reload()
    page.wait_for_load_state()
    page.click("#first-steps >> text=Register >> nth=-1")
    page.wait_for_url("**/endpoint/add/")
    page.wait_for_load_state()
    page.click("#id_url")
    page.keyboard.insert_text(receiver.url)
    page.click("button:has-text('Save')")
    page.wait_for_selector(".hp-secret button")
    page.wait_for_load_state()
    page.click(".hp-secret button")
    page.wait_for_selector("text=Copied")
    page.click("#hp-tab-ruby")  # the sixth would be code in a language of one's own
    page.wait_for_selector("#hp-code-ruby:visible")
    with a_worker():
        page.click("button:has-text('send a test event')")
        page.wait_for_selector(".hp-verdict.hp-is-succeeded")
    assert int(page.evaluate("sessionStorage.clicks")) == 6
    page.goto("/portal/")
    page.wait_for_selector("#first-steps li:nth-child(3).hp-done")
    assert Endpoint.objects.get(customer=customer).url == f"{receiver.url}/"
    receiving = page.goto("/portal/receiving/")
    assert receiving is not None
    assert receiving.status == 200
