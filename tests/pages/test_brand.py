"""Pages and letters under another name: the operator's by settings, a customer's by staff."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from deliveries.api import openapi
from deliveries.conf import conf
from deliveries.models import AuditEntry, BrandPicture, Customer
from deliveries.services.people import brands
from deliveries.services.people.invitations import invite
from deliveries.services.telling.invitation_mail import letter_of
from deliveries.services.telling.mail_choices import reader_of
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.pages.test_accessibility import both_schemes
from tests.protocol.test_pictures import DRAWN, a_png

if TYPE_CHECKING:
    from playwright.sync_api import Page


def brand_page(house: House) -> str:
    """Where staff set a customer's brand."""
    return f"/admin/deliveries/customer/{house.customer.public_id}/brand/"


def a_logo(content: bytes = DRAWN.encode(), name: str = "logo.svg") -> SimpleUploadedFile:
    """A file as a form brings it."""
    return SimpleUploadedFile(name, content)


@pytest.mark.django_db
def test_staff_give_a_customer_a_brand_that_its_members_alone_see(
    alice: Client, carol: Client, dave: Client, acme: House, globex: House
) -> None:
    form = {"name": "Acme <Hooks>", "accent": "#FFFF00", "support": "help@acme.example", "logo": a_logo()}
    form["favicon"] = a_logo(a_png(), "x.exe")
    assert alice.post(brand_page(acme), form).status_code == 302
    text = carol.get("/portal/").content.decode()
    assert "Acme &lt;Hooks&gt;" in text.partition("nav-sidebar")[2]
    assert "Acme</div>" in text  # the customer's own name below it
    assert "mailto:help@acme.example" in text
    assert "<Hooks>" not in text
    stored = Customer.objects.get(pk=acme.customer.pk).brand
    for kind, content_type in (("logo", "image/svg+xml"), ("favicon", "image/png")):
        url = f"/portal/brand/{stored[kind]}/"
        assert url in text
        shown = Client().get(url)
        assert (shown.status_code, shown.headers["Content-Type"]) == (200, content_type)
        assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "sandbox" in shown.headers["Content-Security-Policy"]
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in shown.headers["Cache-Control"]
    assert "Acme &lt;Hooks&gt;" not in dave.get("/portal/").content.decode()
    assert "Acme &lt;Hooks&gt;" not in Client().get("/portal/login/").content.decode()
    assert "Acme &lt;Hooks&gt;" in carol.get("/portal/nothing/").content.decode()
    unsubscribe = f"/portal/unsubscribe/{reader_of(acme.member).token}/"
    acme.customer.refresh_from_db()
    invited = letter_of(invite(acme.customer, email="eve@acme.example", role="viewer", actor="member:carol"))
    link = next(word for word in invited.body.split() if "/invitation/" in word)
    for page in (unsubscribe, urlsplit(link).path):
        assert "Acme &lt;Hooks&gt;" in Client().get(page).content.decode(), page
    assert AuditEntry.objects.get(action="customer.brand").object_id == acme.customer.public_id
    acme.customer.refresh_from_db()
    letter = letter_of(invite(acme.customer, email="new@acme.example", role="viewer", actor="member:carol"))
    assert letter.subject == "[Acme <Hooks>] Invitation to Acme"
    assert "Questions: help@acme.example" in letter.body
    assert alice.post(brand_page(acme), {"remove_logo": "on"}).status_code == 302
    assert Customer.objects.get(pk=acme.customer.pk).brand == {"favicon": stored["favicon"]}
    assert Client().get(f"/portal/brand/{stored['logo']}/").status_code == 404
    assert "Hookpost" in carol.get("/portal/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accent", "red"),
        ("name", "a\x07b"),
        ("support", "javascript:alert(1)"),
        ("support", "http://plain.example/"),
        ("logo", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("logo_dark", b"GIF89a"),
        ("favicon", a_png() + b" " * 65_536),
    ],
)
def test_what_is_refused_stands_at_its_field_and_nothing_is_stored(
    alice: Client, acme: House, field: str, value: str | bytes
) -> None:
    good = {"name": "Good", "accent": "#123456", "logo": a_logo()}
    given = a_logo(value) if isinstance(value, bytes) else value
    answer = alice.post(brand_page(acme), {**good, field: given})
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert Customer.objects.get(pk=acme.customer.pk).brand == {}
    assert not BrandPicture.objects.exists()


@pytest.mark.django_db
def test_only_who_may_change_customers_sets_a_brand(bob: Client, carol: Client, acme: House) -> None:
    assert bob.post(brand_page(acme), {"name": "Bob"}).status_code == 403
    assert carol.post(brand_page(acme), {"name": "Carol"}).status_code in (302, 403, 404)
    assert bob.get("/admin/deliveries/customer/cus_nobody/brand/").status_code == 404
    assert Client().get("/portal/brand/nothing.svg/").status_code == 404
    assert Customer.objects.get(pk=acme.customer.pk).brand == {}


@pytest.mark.django_db
def test_the_operators_brand_is_everywhere_where_a_customer_has_none(
    carol: Client, bob: Client, acme: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(DRAWN)
    dark, icon = tmp_path / "dark.svg", tmp_path / "icon.svg"
    for number, picture in enumerate((dark, icon), start=1):
        picture.write_text(DRAWN.replace("<svg ", f'<svg width="{number}" '))
    changed = replace(
        conf,
        brand_name="Posthouse",
        brand_accent="#aa0000",
        brand_logo=str(logo),
        brand_logo_dark=str(dark),
        brand_favicon=str(icon),
        support_address="https://help.example/",
    )
    monkeypatch.setattr(brands, "conf", changed)
    stranger = Client()
    places = ((carol, "/portal/"), (bob, "/admin/"), (stranger, "/portal/login/"), (stranger, "/admin/login/"))
    for client, page in places:
        text = client.get(page).content.decode()
        assert "Posthouse" in text, page
        assert "https://help.example/" in text, page
        assert "Hookpost" not in text.partition("<title>")[2].partition("</title>")[0]
    monkeypatch.setattr(openapi, "conf", changed)
    plain = ((carol, "/portal/nothing/"), (stranger, "/nothing"), (stranger, "/portal-link?token=x"))
    for client, page in (*plain, (stranger, "/api/v1/docs")):
        text = client.get(page).content.decode()
        assert "Posthouse" in text, page
        assert "Hookpost" not in text, page
    assert openapi.document()["info"]["title"] == "Posthouse"  # type: ignore[index]
    ours = brands.operator_brand()
    for client, page in plain:
        text = client.get(page).content.decode()
        assert f'<link rel="icon" href="/portal/brand/{ours.favicon}/">' in text, page
        assert f'media="(prefers-color-scheme: dark)" srcset="/portal/brand/{ours.logo_dark}/"' in text, page
        assert f'<img src="/portal/brand/{ours.logo}/"' in text, page
    name = ours.logo
    assert f"/portal/brand/{name}/" in stranger.get("/portal/login/").content.decode().partition("<main")[2]
    assert Client().get(f"/portal/brand/{name}/").content == DRAWN.encode()


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_the_pages_stay_readable_in_a_glaring_accent_colour(page: Page, acme: House) -> None:
    log_in(page, acme.member.user, site="portal")
    faults = []
    for accent in ("#ffff00", "#000000"):
        brands.set_brand(acme.customer, {"accent": accent}, {"logo": DRAWN.encode()}, actor="system")
        for address in ("/portal/", "/portal/deliveries/delivery/", "/portal/deliveries/endpoint/add/"):
            faults += both_schemes(page, address)
    assert not faults, "\n".join(map(str, faults))
