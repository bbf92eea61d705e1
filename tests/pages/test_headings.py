"""The head of each page says where one is: the list, the row by its own name, and what the page is."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db
WIDTHS = "parts => parts.map(each => [each.scrollWidth, each.clientWidth])"
SIGN = "each => getComputedStyle(each, '::before').content"


def head_of(client: Client, address: str) -> list[str]:
    """What the heading of a page says, part by part."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    heading = re.findall(r"<h1[^>]*>(.*?)</h1>", answer.content.decode(), re.DOTALL)
    assert len(heading) == 1, address
    without_arrow = re.sub(r'<a class="hp-up.*?</a>', "", heading[0], flags=re.DOTALL)
    parts = (unescape(each).strip() for each in re.split(r"<[^>]+>", without_arrow))
    return [each for each in parts if each]


def test_each_page_is_headed_by_where_one_is(alice: Client, acme: House) -> None:
    root = "/admin/deliveries"
    delivery, failure = f"invoice.paid {acme.delivery.public_id}", f"404 from {acme.endpoint.url}"
    job = f"Redeliver what failed {acme.job.created_at:%Y-%m-%d %H:%M} UTC"
    expected = {
        "/admin/": ["Overview"],
        "/admin/profile/": ["Profile"],
        f"{root}/delivery/": ["Deliveries"],
        f"{root}/delivery/redeliver-all/?state=held": ["Deliveries", "Redeliver all that match"],
        f"{root}/delivery/{acme.delivery.public_id}/change/": ["Deliveries", delivery],
        f"{root}/delivery/{acme.delivery.public_id}/signature/": ["Deliveries", delivery, "Signature check"],
        f"{root}/failuregroup/{acme.failure.public_id}/change/": ["Failures", failure],
        f"{root}/job/{acme.job.public_id}/change/": ["Jobs", job],
        f"{root}/endpoint/{acme.endpoint.public_id}/change/": ["Endpoints", acme.endpoint.url],
        f"{root}/endpoint/{acme.endpoint.public_id}/history/": ["Endpoints", acme.endpoint.url, "Audit trail"],
        f"{root}/apiversion/add/": ["API versions", "Add API version"],
        f"{root}/customer/add/": ["Customers", "Add customer"],
        f"{root}/customer/{acme.customer.public_id}/brand/": ["Customers", "Acme", "Brand"],
    }
    assert {address: head_of(alice, address) for address in expected} == expected


def test_a_question_is_headed_by_the_row_that_it_is_about(alice: Client, acme: House) -> None:
    address = f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/pause/"
    text = alice.post(address).content.decode()
    assert re.search(
        rf'<a class="hp-crumb"[^>]*>{re.escape(acme.endpoint.url)}</a>\s*<span class="hp-here"[^>]*>Pause<', text
    )


def test_the_browsers_tab_of_a_list_is_called_as_its_head_is(alice: Client, acme: House) -> None:
    for page in ("auth/user", "auth/group", "axes/accessattempt", "deliveries/secondfactor", "deliveries/endpoint"):
        address = f"/admin/{page}/"
        title = re.search(r"<title>(.*?)</title>", alice.get(address).content.decode(), re.DOTALL)
        assert title is not None
        assert head_of(alice, address) == [unescape(title[1]).partition("|")[0].strip()]


class TestInABrowser:
    """What the markup alone does not show."""

    pytestmark = NEEDS_CHROMIUM

    def test_no_part_is_cut_off_while_there_is_room(self, page: Page, acme: House) -> None:
        log_in(page, acme.member.user, site="portal")
        for address in ("endpoint/add/", f"delivery/{acme.delivery.public_id}/signature/"):
            page.goto(f"/portal/deliveries/{address}")
            widths = page.eval_on_selector_all("h1 > .hp-crumb, h1 > .hp-here", WIDTHS)
            assert len(widths) > 1
            assert all(inside <= room for inside, room in widths), address
            assert page.eval_on_selector("h1 > .hp-here", SIGN) != "none"

    def test_a_telephone_has_the_last_part_without_a_sign_before_it(self, page: Page, acme: House) -> None:
        log_in(page, acme.member.user, site="portal")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto("/portal/deliveries/endpoint/add/")
        assert page.eval_on_selector("h1 > .hp-here", SIGN) == "none"
        assert page.is_hidden("h1 > .hp-crumb")
