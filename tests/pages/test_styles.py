"""What a page looks like: each of our classes on it stands in a style sheet that the page loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

import deliveries
from tests.pages.conftest import House
from tests.pages.test_staff import addresses

pytestmark = pytest.mark.django_db
SHEETS = Path(deliveries.__file__).parent / "static" / "hookpost"


def classes_in(sheet: str) -> set[str]:
    """The classes of ours that a style sheet says something about."""
    return set(re.findall(r"\.(hp-[\w-]+)", (SHEETS / sheet).read_text()))


def missing_from(page: str) -> set[str]:
    """The classes on a page that a style sheet has which the page does not load."""
    loaded = [name for name in re.findall(r'<link href="[^"]*/hookpost/(\w+\.css)"', page) if name != "fonts.css"]
    known = set[str]().union(*(classes_in(sheet.name) for sheet in SHEETS.glob("*.css")))
    used = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    return (used & known) - set[str]().union(*(classes_in(sheet) for sheet in loaded))


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_each_class_of_a_page_has_its_style_sheet(site: str, alice: Client, carol: Client, acme: House) -> None:
    """Given a page with an event's body, then its colours come with it, and so for everything else that is styled."""
    client = alice if site == "admin" else carol
    shown = {address: client.get(address) for address in addresses(site, acme)}
    texts = {address: answer.content.decode() for address, answer in shown.items() if answer.status_code == 200}
    assert len(texts) > 15
    assert {address: found for address, text in texts.items() if (found := missing_from(text))} == {}
