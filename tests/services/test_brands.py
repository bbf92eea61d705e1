"""Brands: what is kept of a customer's, where the operator's takes its place, and whose letters carry which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deliveries.conf import Conf, conf, load
from deliveries.engine.dispatcher import housekeeping
from deliveries.errors import InvalidInput, Unavailable, WrongSetting
from deliveries.models import BrandPicture, Customer, Endpoint
from deliveries.services.customers import create_customer, delete_customer
from deliveries.services.people import brands
from deliveries.services.people.brands import Brand, brand_of, picture_named, set_brand
from deliveries.services.telling.alert_mail import send_due_mail
from tests.protocol.test_pictures import DRAWN, a_png
from tests.services.mailing import CAROL, OPERATOR
from tests.services.steps import failing

pytestmark = pytest.mark.django_db
SVG = DRAWN.encode()


@pytest.fixture
def acme() -> Customer:
    """A customer without a brand."""
    return create_customer({"name": "Acme"}, actor="system")


def kept_of(customer: Customer) -> dict[str, str]:
    """What is stored of its brand."""
    brand: dict[str, str] = Customer.objects.get(pk=customer.pk).brand
    return brand


def test_a_brand_costs_no_query_and_what_is_empty_is_the_operators(acme: Customer) -> None:
    assert brand_of(acme) == brand_of(None) == Brand(name="Hookpost")
    set_brand(acme, {"name": " Acme Hooks ", "accent": "#ABCDEF", "support": ""}, {"logo": SVG}, actor="system")
    acme.refresh_from_db()
    with CaptureQueriesContext(connection) as asked:
        brand = brand_of(acme)
    assert len(asked) == 0
    assert (brand.name, brand.accent, brand.support, brand.logo_dark) == ("Acme Hooks", "#abcdef", "", "")
    assert picture_named(brand.logo) == (SVG, "image/svg+xml")


def test_a_picture_that_is_replaced_or_taken_away_is_gone_and_others_stay(acme: Customer) -> None:
    set_brand(acme, {"name": "Acme"}, {"logo": SVG, "logo_dark": a_png(), "favicon": a_png()}, actor="system")
    first = kept_of(acme)
    assert first["logo_dark"] == first["favicon"]  # the same picture has the same name
    set_brand(acme, {"name": "Acme"}, {"logo": a_png(), "logo_dark": None}, actor="system")
    assert kept_of(acme) == {"name": "Acme", "logo": first["favicon"], "favicon": first["favicon"]}
    assert picture_named(first["logo"]) is None
    assert picture_named(first["favicon"]) == (a_png(), "image/png")
    set_brand(acme, {"name": ""}, {}, actor="system")
    assert kept_of(acme) == {"logo": first["favicon"], "favicon": first["favicon"]}
    delete_customer(acme, actor="system")
    assert not BrandPicture.objects.exists()


@pytest.mark.parametrize(
    ("words", "pictures", "field"),
    [
        ({"name": "x" * 61}, {}, "name"),
        ({"name": "a\nBcc: b"}, {}, "name"),
        ({"accent": "#12345"}, {}, "accent"),
        ({"support": "nobody"}, {}, "support"),
        ({"support": "https://a b/"}, {}, "support"),
        ({}, {"favicon": b"GIF89a"}, "favicon"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    acme: Customer, words: dict[str, str], pictures: dict[str, bytes | None], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_brand(acme, {"name": "Good", **words}, {"logo": SVG, **pictures}, actor="system")
    assert refused.value.field == field
    assert kept_of(acme) == {}
    assert not BrandPicture.objects.exists()


def test_a_customer_on_its_way_to_another_cell_keeps_its_brand(acme: Customer) -> None:
    Customer.objects.filter(pk=acme.pk).update(moving=Customer.Moving.FROZEN)
    with pytest.raises(Unavailable):
        set_brand(acme, {"name": "Late"}, {"logo": SVG}, actor="system")
    assert kept_of(acme) == {}
    assert not BrandPicture.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("operator")
def test_a_members_letter_is_under_the_customers_name_and_the_operators_under_its_own(
    shop: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brands, "conf", replace(conf, brand_name="Posthouse", support_address="desk@example.org"))
    words = {"name": "Shop Hooks", "support": "https://help.shop.example/"}
    set_brand(shop.customer, words, {}, actor="system")
    failing(shop, hours=25)
    housekeeping()
    send_due_mail()
    letters = {letter.to[0]: letter for letter in mail.outbox}
    assert letters[CAROL].subject.startswith("[Shop Hooks] ")
    assert "\nQuestions: https://help.shop.example/\n" in letters[CAROL].body
    assert letters[OPERATOR].subject.startswith("[Posthouse] ")
    assert "Questions" not in letters[OPERATOR].body


def test_a_wrong_brand_among_the_settings_is_named(tmp_path: Path) -> None:
    scripted = tmp_path / "logo.svg"
    scripted.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    for name, value in (
        ("HOOKPOST_BRAND_NAME", ""),
        ("HOOKPOST_BRAND_NAME", "a\nb"),
        ("HOOKPOST_BRAND_ACCENT", "red"),
        ("HOOKPOST_BRAND_LOGO", str(scripted)),
        ("HOOKPOST_BRAND_FAVICON", str(tmp_path / "nothing.png")),
        ("HOOKPOST_SUPPORT_ADDRESS", "javascript:alert(1)"),
    ):
        with pytest.raises(WrongSetting, match=f"^{name}: "):
            load({name: value})
    found: Conf = load({"HOOKPOST_BRAND_ACCENT": "#0A7F8C", "HOOKPOST_SUPPORT_ADDRESS": "https://help.example/"})
    assert (found.brand_name, found.brand_accent) == ("Hookpost", "#0a7f8c")
