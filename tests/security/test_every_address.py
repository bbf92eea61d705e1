"""Every address is closed to strangers, except those on a list; none is left out of the tenants' sweeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from deliveries.admin.site.sites import portal_site
from deliveries.models import Customer, Endpoint
from tests.api.test_tenants import PARAMETER, routes
from tests.security.steps import a_member, an_endpoint, logged_in

pytestmark = pytest.mark.django_db

SOME_ID = "00000000-0000-7000-8000-000000000000"
OPEN = {
    "",  # leads to the portal
    "api/v1/openapi.json",
    "api/v1/docs",
    "healthz",
    "readyz",
    "metrics",
    "portal-link",
    "admin/login/",
    "portal/login/",
    "portal/welcome/x/x/",
    "portal/invitation/x/",
    "admin/forgotten-password/",
    "portal/forgotten-password/",
    "admin/password/x/x/",
    "portal/password/x/x/",
    "portal/brand/x/",
    "portal/unsubscribe/x/",
}
# Addresses of the portal that name no row of a noun; the nouns are swept in tests/pages/test_isolation.py.
WITHOUT_A_NOUN = {
    "",
    "login/",
    "logout/",
    "password_change/",
    "password_change/done/",
    "autocomplete/",
    "jsi18n/",
    "search/",
    "second-factor/",
    "catalogue/",
    "brand/x/",  # a picture by its contents: tests/pages/test_brand.py
    "first-steps/dismiss/",  # of the customer that the session is for
    "receiving/",
    "customers/",  # these down to the withdrawal are swept in tests/pages/test_members.py
    "members/",
    f"members/{SOME_ID}/role/",
    f"members/{SOME_ID}/remove/",
    f"members/invitations/{SOME_ID}/withdraw/",
    "invitation/x/",
    "find/",  # swept in tests/pages/test_find.py
    "live/",  # swept in tests/pages/test_overview_live.py
    f"catalogue/{SOME_ID}/",  # swept in tests/pages/test_catalogue.py
    "welcome/x/x/",
    "forgotten-password/",
    "password/x/x/",
    "views/x/",  # one's own, of a list: swept in tests/pages/test_saved_views.py
    "profile/",  # shows one's own log-in
    f"profile/mail/{SOME_ID}/",  # swept in tests/pages/test_mail.py
    "unsubscribe/x/",
    "(?Pxdeliveries)/",
    "(?Px.*)",
}


def addresses(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every address with its view; parameters are filled with something."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        place = before + filled(str(each.pattern))
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, place)
        else:
            assert isinstance(each, URLPattern)
            yield place, each.callback


def filled(route: str) -> str:
    """A route with its parameters filled."""
    route = route.replace("<path:object_id>", SOME_ID)
    return re.sub(r"<[a-z:_0-9]+>", "x", route).removeprefix("^").removesuffix("$")


ALL = sorted({place for place, _ in addresses() if "(?P" not in place})


def test_there_are_as_many_addresses_as_pages_and_paths_make() -> None:
    assert len(ALL) > 120
    assert set(ALL) >= OPEN


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_stranger_finds_nothing_but_the_open_addresses(method: str) -> None:
    stranger = Client(raise_request_exception=False)
    for place in ALL:
        answer = stranger.generic(method, f"/{place}", b"{}", content_type="application/json")
        assert answer.status_code < 500, place
        if place not in OPEN:
            assert answer.status_code in (301, 302, 401, 403, 404, 405), (method, place, answer.status_code)
            if answer.status_code == 302:
                assert "/login/" in answer.headers["Location"] or place.endswith("logout/"), place


def test_a_member_finds_nothing_of_the_staffs_site() -> None:
    member = logged_in(a_member(Customer.objects.create(name="Alice & Co")))
    for place in ALL:
        if place.startswith("admin/") and place not in OPEN:
            answer = member.get(f"/{place}")
            assert answer.status_code in (301, 302, 403, 404, 405), place


def test_no_get_changes_anything() -> None:
    endpoint, _ = an_endpoint()
    member = logged_in(a_member(endpoint.customer))
    before = snapshot()
    for place in ALL:
        if place.startswith("portal/"):
            member.get("/" + place.replace(SOME_ID, endpoint.public_id))
    assert snapshot() == before


def snapshot() -> list[Any]:
    """What a click on a link could have changed; which first steps were seen done is noted by looking."""
    rows = [list(model.objects.order_by("pk").values()) for model in (Endpoint, Customer)]
    return [[{name: each[name] for name in each if name != "first_steps"} for each in found] for found in rows]


def test_every_path_of_the_api_with_a_parameter_is_in_the_tenants_sweep() -> None:
    swept = {f"api/v1/{PARAMETER.sub('x', route)}" for route, _ in routes()}
    paths = {place for place, _ in addresses() if place.startswith("api/v1/") and "/x" in place}
    assert paths == swept


def test_every_address_of_the_portal_belongs_to_a_noun_that_is_swept_or_names_no_row() -> None:
    nouns = {f"{model._meta.app_label}/{model._meta.model_name}" for model in portal_site._registry}
    for place, _ in addresses():
        if place.startswith("portal/"):
            rest = place.removeprefix("portal/")
            assert rest in WITHOUT_A_NOUN or "/".join(rest.split("/")[:2]) in nouns, rest


def test_a_shortcut_to_anothers_row_leads_nowhere() -> None:
    theirs, _ = an_endpoint()
    member = logged_in(a_member(Customer.objects.create(name="Bob & Co"), "dave"))
    kind = ContentType.objects.get_for_model(Endpoint)
    assert member.get(f"/portal/r/{kind.pk}/{theirs.pk}/").status_code == 404
