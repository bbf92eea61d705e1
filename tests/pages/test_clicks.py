"""How many clicks the commonest ways take: to the answer of a first endpoint, to a reason, to sending all again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from deliveries.models import Delivery, Endpoint, Job
from deliveries.services.customers import create_customer
from deliveries.services.people.members import add_member
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.pages.working import a_worker
from tests.receiver import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = NEEDS_CHROMIUM
WHY = "there is nothing at this path"

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


def test_support_is_at_a_reason_in_two_clicks_and_has_sent_all_again_in_four(page: Page, acme: House) -> None:
    """Given "billing gets nothing since three", or the id of an event, when support looks, then the pages say why."""
    Delivery.objects.filter(pk=acme.delivery.pk).update(state="exhausted", failed_at=acme.failure.last_at)
    log_in(page, User.objects.create_superuser("alice"), site="admin")
    page.context.add_init_script(COUNTED)
    page.reload()
    page.wait_for_load_state()
    page.click("#nav-sidebar >> text=Search")
    page.keyboard.type(acme.event.public_id)
    page.keyboard.press("Enter")
    page.wait_for_url("**/event/*/change/")
    page.wait_for_load_state()
    page.click(f"main a[href*='{acme.delivery.public_id}']")
    page.wait_for_selector(f".hp-headline:has-text('{WHY}')")
    assert clicks_of(page) == 2
    page.goto("/admin/")
    page.wait_for_load_state()
    page.click("#nav-sidebar >> text=Failures")
    page.wait_for_url("**/failuregroup/")
    page.wait_for_load_state()
    page.click(f"main a[href*='{acme.failure.public_id}']")
    page.wait_for_selector(f".hp-headline:has-text('{WHY}')")
    page.wait_for_load_state()
    assert clicks_of(page) == 2
    page.click("button:has-text('Redeliver all…')")
    page.wait_for_load_state()
    page.click("main button:has-text('Redeliver')")
    page.wait_for_selector("text=Sent again")
    assert clicks_of(page) == 2
    assert Job.objects.latest("id").kind == "redeliver"


def clicks_of(page: Page) -> int:
    """How many clicks there were since this was asked last."""
    return int(page.evaluate("const found = Number(sessionStorage.clicks ?? 0); sessionStorage.clicks = 0; found"))
