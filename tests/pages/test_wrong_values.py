"""A form of either site that is sent with a wrong value comes again, with the error at its field and what was typed.

The forms are those that somebody finds who clicks on everything, and those behind a button. A value is wrong that is a
sign too long, that holds NUL, or that is missing where one is required. Nothing is stored of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from deliveries.admin.endpoint.signing_fields import OWN_PARTS
from deliveries.services.people.invitations import invite, token_of
from deliveries.services.people.password_links import link_parts
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.pages.forms import Field, Form, Forms
from tests.pages.written import written
from tests.security.crawl import crawl

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db

Place = tuple[str, Form]  # the address of the page, and a form on it
Shape = tuple[str, tuple[str, ...]]

LONG = 70_000
RIGHT = {"url": "https://93.184.216.34/in", "since": "2026-01-01T00:00", "email": "someone@example.org"}
CHOSEN = {"scopes": ["read"]}
OWN_SIGNING = {"signing": ["own"], "own_header": ["x-signature"]}  # read only where it is chosen
# A form is no use without the other one: what is wrong with these is said there.
BESIDE = {
    "tls_key": "tls_certificate",
    "tls_ca": "tls_certificate",
    **dict.fromkeys((f"own_{part}" for part in OWN_PARTS), "own_header"),
    "password1": "password2",
    "password2": "password1",
    "new_password1": "new_password2",
}
COUNTED = ("/login/", "/second-factor/")  # and told as a whole: neither says what was wrong
FOR_THE_BROWSER = {"username"}  # beside a new password, so that it is kept under this name


def shape_of(address: str, form: Form) -> Shape:
    """What a form is, whoever's row it is about and on whichever site."""
    path = urlsplit(urljoin(address, form.action)).path
    path = re.sub(r"/(?:[a-z]+_[0-9a-z]{26}|[0-9a-f-]{36}|[0-9]+)/", "/*/", path)
    names = (name for name in form.fields if not name.startswith(("_", "csrf")))
    return re.sub(r"^/(?:admin|portal)/", "/", path), tuple(sorted(names))


def forms_of(browser: Client, start: str, more: dict[str, dict[str, Any]]) -> dict[Shape, Place]:
    """Each form once: of every page that links lead to, of some that none leads to, and of what a button asks."""
    pages = [(address, text) for address, _, text in crawl(browser, start)]
    pages += [(address, browser.get(address).content.decode()) for address in more]
    found = {shape_of(address, form): (address, form) for address, text in pages for form in Forms(text).found}
    asked: dict[Shape, Place] = {}
    for address, form in [*found.values(), *((address, Form("")) for address in more)]:
        action = urljoin(address, form.action)
        answer = posted(browser, action, form.filled() | more.get(action, {}))
        text = "" if answer.streaming else answer.content.decode()
        asked |= {shape_of(answer.place, each): (answer.place, each) for each in Forms(text).found}
    return asked | found


def posted(browser: Client, action: str, data: dict[str, Any]) -> Any:
    """The page that follows, with what was written by then; nothing stays of what was sent."""
    cookies = browser.cookies.copy()
    with transaction.atomic():
        before = written()
        answer, place = browser.post(action, data), action
        if answer.status_code == 302:
            place = urljoin(action, answer.headers["Location"])
            answer = browser.get(place)
        answer.place, answer.written = place, written() - before
        transaction.set_rollback(True)
    browser.cookies = cookies
    return answer


def wrong_values(each: Field) -> dict[str, str]:
    """What must not be taken, by what is wrong with it."""
    found = {"too long": "x" * (LONG if each.longest is None else each.longest + 1), "NUL": "a\0b"}
    return found | ({"missing": ""} if each.is_required else {})


def faults_of(browser: Client, place: Place) -> Iterator[str]:
    """What goes wrong: with all fields at once, and with those alone of which nothing was said then."""
    address, form = place
    action = urljoin(address, form.action)
    right = {each.name: [RIGHT.get(each.name, "one")] for each in form.fields.values() if each.is_required}
    filled = right | {name: values for name, values in form.filled().items() if any(values)} | chosen(form)
    for what in ("too long", "NUL", "missing"):
        wrong = {each.name: wrong_values(each)[what] for each in typed_into(form, action) if what in wrong_values(each)}
        together = posted(browser, action, filled | wrong) if wrong else None
        for name, value in wrong.items():
            each = form.fields[name]
            if fault_of(together, each, value):
                fault = fault_of(posted(browser, action, filled | also(name) | {name: value}), each, value)
                if fault:
                    yield f"{action} {name} {what}: {fault}"


def typed_into(form: Form, action: str) -> list[Field]:
    fields = (each for each in form.fields.values() if each.is_typed)
    return [each for each in fields if not (each.name in FOR_THE_BROWSER and "password" in action)]


def also(name: str) -> dict[str, list[str]]:
    return OWN_SIGNING if name.startswith("own_") else {}


def chosen(form: Form) -> dict[str, list[str]]:
    return {name: values for name, values in CHOSEN.items() if name in form.fields}


def fault_of(answer: Any, each: Field, value: str) -> str:
    """What an answer lacks; empty for one that is right."""
    if answer.status_code != 200 or answer.written:
        return f"answered {answer.status_code}, wrote into {sorted(answer.written)}"
    page = forms_in(answer)
    found = next((form for form in page.found if same(form, each)), None)
    if found is None:
        return "the form is gone"
    names = [each.name, *([BESIDE[each.name]] if each.name in BESIDE else [])]
    if not any(page.said_of(found.fields[name]) for name in names):
        return "nothing is said at the field"
    is_kept = found.fields[each.name].values[-1:] == [value]
    return "" if is_kept or each.kind == "password" else "what was typed is lost"


def forms_in(answer: Any) -> Forms:
    """What is on a page, read once for all its fields: one with values that are too long is megabytes."""
    if not hasattr(answer, "forms"):
        answer.forms = Forms(answer.content.decode())
    found: Forms = answer.forms
    return found


def same(form: Form, each: Field) -> bool:
    return each.name in form.fields and form.fields[each.name].kind == each.kind


def sweep(browser: Client, forms: dict[Shape, Place]) -> list[str]:
    browser.raise_request_exception = False
    forms = {shape: place for shape, place in forms.items() if not shape[0].startswith(COUNTED)}
    return [fault for place in forms.values() for fault in faults_of(browser, place)]


def test_no_form_of_staff_loses_what_was_typed_wrong(alice: Client, acme: House) -> None:
    deliveries = "/admin/deliveries/delivery/"
    chosen = {"action": "redeliver_selected", "_selected_action": [str(acme.delivery.pk)]}
    forms = forms_of(alice, "/admin/", {deliveries: chosen})
    assert len(forms) > 40
    faults = sweep(alice, forms)
    assert not faults, "\n".join(faults)


def test_no_form_of_members_loses_what_was_typed_wrong(carol: Client, acme: House) -> None:
    signature = f"/portal/deliveries/delivery/{acme.delivery.public_id}/signature/"
    forms = forms_of(carol, "/portal/", {signature: {}})
    assert len(forms) > 25
    faults = sweep(carol, forms)
    assert not faults, "\n".join(faults)


def test_no_form_of_strangers_loses_what_was_typed_wrong(acme: House, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    parts = link_parts(User.objects.create_user("erin", is_staff=True))
    invitation = token_of(invite(acme.customer, "frank@example.org", "viewer", actor="system"))
    for address in (
        "/portal/forgotten-password/",
        f"/portal/invitation/{invitation}/",
        f"/admin/password/{'/'.join(parts)}/",
    ):
        stranger = Client()
        answer = stranger.get(address, follow=True)
        place, found = answer.request["PATH_INFO"], Forms(answer.content.decode()).found
        assert found, address
        faults = sweep(stranger, {shape_of(place, form): (place, form) for form in found})
        assert not faults, "\n".join(faults)


class TestInABrowser:
    """Where a form goes once scripts have run."""

    pytestmark = NEEDS_CHROMIUM

    def test_the_form_of_a_page_that_shows_a_refusal_goes_to_the_pages_own_address(
        self, refused_page: Page, acme: House
    ) -> None:
        """Given a wrong tag in the form below, whose address the browser shows then, the endpoint's own still saves."""
        log_in(refused_page, acme.member.user, site="portal")
        refused_page.goto(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/")
        refused_page.fill("[name=since]", "2026-01-01T00:00")
        refused_page.fill("[name=tag]", "no tag!")
        refused_page.click("button:has-text('What failed')")
        refused_page.wait_for_selector("#hp-wrong")
        assert refused_page.url.endswith("/recover/")
        refused_page.locator("[name=description]").evaluate("field => { field.value = 'what listens'; }")
        refused_page.locator("#endpoint_form").evaluate("form => form.requestSubmit()")
        refused_page.wait_for_selector("text=was changed successfully")
        acme.endpoint.refresh_from_db()
        assert acme.endpoint.description == "what listens"
