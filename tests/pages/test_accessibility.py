"""axe-core looks at every page of both sites, light and dark: nothing serious or critical."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from django.contrib.auth.models import User

from deliveries.admin.site.sites import portal_site, staff_site
from tests.pages.chromium import NEEDS_CHROMIUM, PASSWORD, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

axe = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
SCRIPT = Path(axe.__file__).parent / "axe.min.js"
WEIGHTY = ("serious", "critical")
OWN = ("", "find/?q=acme", "second-factor/", "password_change/", "profile/", "forgotten-password/")
COLOURS = "{runOnly: ['color-contrast', 'link-in-text-block']}"  # all that another scheme can change
OTHERS = {"admin": ("staff/",), "portal": ("catalogue/", "members/")}

pytestmark = NEEDS_CHROMIUM


class Fault(NamedTuple):
    """What axe found on one page."""

    page: str
    rule: str
    element: str


def pages_of(site: str, house: House) -> Iterator[str]:
    """Every kind of page of a site: its own, lists, forms, rows."""
    yield from (f"/{site}/{page}" for page in (*OWN, *OTHERS[site]))
    for model, page in (staff_site if site == "admin" else portal_site)._registry.items():
        base = f"/{site}/{page.opts.app_label}/{page.opts.model_name}/"
        yield from (base, f"{base}add/")
        yield from (f"{base}{row.public_id}/change/" for row in house.rows() if isinstance(row, model))
    if site == "portal":
        yield f"/portal/profile/mail/{house.member.public_id}/"
    yield f"/{site}/deliveries/endpoint/{house.endpoint.public_id}/history/"


def faults_of(page: Page, address: str, options: str = "{}") -> list[Fault]:
    """What is wrong with the page as it is shown now, serious or critical."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(SCRIPT.read_text())
    found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations'], iframes: false, ...{options}}})")
    return [
        Fault(address, each["id"], node["html"][:150])
        for each in found["violations"]
        if each["impact"] in WEIGHTY
        for node in each["nodes"][:3]
    ]


def both_schemes(page: Page, address: str) -> list[Fault]:
    """The faults of a page, light and then dark."""
    page.emulate_media(color_scheme="light")
    if page.goto(address).status != 200:
        return []  # not everybody may open every page
    page.wait_for_function(  # all scripts have set it up
        "!document.querySelector('html[x-cloak], .select2-selection:not([aria-label])')"
    )
    faults = faults_of(page, address)
    page.evaluate("document.documentElement.classList.add('dark')")
    return faults + faults_of(page, f"{address} (dark)", COLOURS)


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_no_page_has_a_serious_fault(refused_page: Page, acme: House, site: str) -> None:
    page, errors = refused_page, list[str]()
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))  # such as of what the policy forbids
    page.goto(f"/{site}/login/")
    faults = faults_of(page, "log-in")
    user = acme.member.user if site == "portal" else User.objects.create_superuser("alice", password=PASSWORD)
    log_in(page, user, site=site)
    for address in pages_of(site, acme):
        faults += both_schemes(page, address)
    assert not faults, "\n".join(map(str, faults))
    assert not errors


def forms_of(site: str, house: House) -> Iterator[str]:
    """The pages whose own form is refused when it is sent as it is, or with a field emptied."""
    own = {"admin": ("customer/add/", "eventtype/add/", "apikey/add/"), "portal": ("endpoint/add/", "apikey/add/")}
    yield from (f"/{site}/deliveries/{place}" for place in own[site])
    yield f"/{site}/deliveries/endpoint/{house.endpoint.public_id}/change/"
    yield f"/{site}/password_change/"


SEND_EMPTY = """() => {
  const field = document.querySelector("main [name=url], main [name=name], main [name=old_password]");
  field.value = "";
  field.form.noValidate = true;
  field.form.submit();
}"""


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_no_page_of_a_refusal_has_a_serious_fault(refused_page: Page, acme: House, site: str) -> None:
    """Given forms that are refused and addresses that lead nowhere, then their pages are as good to use as others."""
    page, faults = refused_page, list[Fault]()
    page.goto(f"/{site}/login/")
    page.fill("#id_username", "nobody")
    page.fill("#id_password", "nothing")
    page.click("button[type=submit]")
    page.wait_for_selector("[role=alert]")
    faults += faults_of(page, "log-in, refused")
    user = acme.member.user if site == "portal" else User.objects.create_superuser("alice", password=PASSWORD)
    log_in(page, user, site=site)
    for address in forms_of(site, acme):
        page.goto(address)
        with page.expect_navigation():
            page.evaluate(SEND_EMPTY)
        page.wait_for_function("!document.querySelector('html[x-cloak]')")
        assert page.query_selector("[aria-invalid=true], .errorlist, .hp-error"), address
        faults += faults_of(page, f"{address} (refused)")
        page.evaluate("document.documentElement.classList.add('dark')")
        faults += faults_of(page, f"{address} (refused, dark)", COLOURS)
    for address, status in ((f"/{site}/nowhere/", 404), (f"/{site}/logout/", 405), ("/nowhere/", 404)):
        assert page.goto(address).status == status
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            faults += faults_of(page, f"{address} ({scheme})")
    assert not faults, "\n".join(map(str, faults))
