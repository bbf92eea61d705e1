"""What surrounds each page: the menu and the colours are made once, and each person has what is theirs."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from deliveries.admin.parts import theme
from deliveries.services.people.brands import set_brand
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

PAGE = "/admin/deliveries/failuregroup/"
LINE = re.compile(r'<li><a href="([^"]*)" class="[^"]*"( aria-current="page")?>.*?</span><span>(.*?)</span></a>')


def menu_of(client: Client, address: str, **headers: str) -> dict[str, tuple[str, bool]]:
    """Titles and marks of the menu's lines, by their addresses."""
    text = client.get(address, headers=headers).content.decode()
    return {url: (title, bool(mark)) for url, mark, title in LINE.findall(text)}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the lines and the forms of the colours that are made, from nothing kept on."""
    theme._lines_of.cache_clear()
    theme._variables.cache_clear()
    seen: list[str] = []
    line, colours = theme.piece, theme.joined
    monkeypatch.setattr(theme, "piece", lambda form, *values: seen.append(str(values[0])) or line(form, *values))
    monkeypatch.setattr(theme, "joined", lambda form, rows: seen.append(form) or colours(form, rows))
    return seen


def test_the_frame_is_made_once_for_all_pages_of_a_role(made: list[str], bob: Client, acme: House) -> None:
    assert menu_of(bob, PAGE)
    assert made
    made.clear()
    assert menu_of(bob, "/admin/deliveries/endpoint/")
    assert menu_of(bob, f"/admin/deliveries/endpoint/{acme.endpoint.public_id}/change/")
    assert made == []


def test_who_sees_less_has_a_menu_of_their_own_whoever_came_first(alice: Client, bob: Client, acme: House) -> None:
    """Given a superuser and a supporter, when both look in turn, then neither has what the other may see."""
    users = "/admin/auth/user/"
    for _ in range(2):
        assert users in menu_of(alice, PAGE)
        assert users not in menu_of(bob, PAGE)


def test_the_menu_marks_where_one_is_and_nothing_else(alice: Client) -> None:
    for address in (PAGE, "/admin/", "/admin/deliveries/endpoint/", PAGE):
        assert [url for url, (_, is_here) in menu_of(alice, address).items() if is_here] == [address]


def test_the_portals_menu_leads_to_the_code_that_checks_requests(carol: Client) -> None:
    assert menu_of(carol, "/portal/receiving/")["/portal/receiving/"] == ("Receiving", True)


def test_each_language_has_a_menu_of_its_own(bob: Client) -> None:
    for _ in range(2):
        titles = [menu_of(bob, PAGE, **{"accept-language": each})[PAGE][0] for each in ("en", "de")]
        assert titles == ["Failures", "Fehler"]


def test_each_customer_has_its_own_colour(carol: Client, dave: Client, acme: House, globex: House) -> None:
    set_brand(acme.customer, {"accent": "#aa0000"}, {}, actor="system")
    colours = [_primary(client) for client in (carol, dave, carol)]
    assert colours[0] == colours[2] != colours[1]
    assert "oklch" in colours[1]  # shade


def _primary(client: Client) -> str:
    found = re.search(r"--color-primary-600: ([^;]*);", client.get("/portal/").content.decode())
    assert found
    return found[1]
