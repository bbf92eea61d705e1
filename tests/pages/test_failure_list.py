"""The list of failures: what narrows it, and where its cells lead."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.admin.parts.badges import url_in_two_lines
from deliveries.models import Endpoint, FailureGroup
from deliveries.models.rollup import EndpointHour
from tests.pages.conftest import House
from tests.services.steps import an_hour_of

pytestmark = pytest.mark.django_db

LISTS = {"admin": "/admin/deliveries/failuregroup/", "portal": "/portal/deliveries/failuregroup/"}
SITES = pytest.mark.parametrize(("site", "who"), [("admin", "bob"), ("portal", "carol")])


def found(client: Client, site: str, **query: str) -> set[object]:
    answer = client.get(LISTS[site], query)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["listing"].rows}


@SITES
def test_failures_are_narrowed_by_state(site: str, who: str, acme: House, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(who)
    group, now = FailureGroup.objects.filter(pk=acme.failure.pk), timezone.now()
    for state, is_known in (("open", False), ("acknowledged", True)):
        group.update(acknowledged_at=now if is_known else None)
        assert [each for each in ("open", "acknowledged", "over") if found(client, site, state=each)] == [state]
    group.update(last_at=now - timedelta(hours=1))
    an_hour_of(acme.endpoint.pk, now.replace(minute=0, second=0, microsecond=0), attempts=1)
    EndpointHour.objects.update(last_at=now)
    assert found(client, site, state="over") == {acme.failure.pk}
    assert found(client, site, state="open") == set()


@SITES
@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"error": "http_4xx"}, True),
        ({"error": "tls_error"}, False),
        ({"status": "404"}, True),
        ({"status": "500"}, False),
    ],
)
def test_failures_are_narrowed_by_what_fails(
    query: dict[str, str], is_found: bool, site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    assert found(client, site, **query) == ({acme.failure.pk} if is_found else set())


def test_support_narrows_failures_by_whose_they_are(bob: Client, acme: House, globex: House) -> None:
    assert found(bob, "admin") == {acme.failure.pk, globex.failure.pk}
    assert found(bob, "admin", customer="acme") == {acme.failure.pk}
    assert found(bob, "admin", endpoint=globex.endpoint.public_id) == {globex.failure.pk}


def test_members_choose_from_their_own_endpoints(carol: Client, acme: House, globex: House) -> None:
    assert found(carol, "portal", endpoint=acme.endpoint.public_id) == {acme.failure.pk}
    text = carol.get(LISTS["portal"], {"endpoint": globex.endpoint.public_id}).content.decode()
    assert globex.endpoint.url not in text
    assert found(carol, "portal", endpoint=globex.endpoint.public_id) == set()


@SITES
def test_a_failure_leads_to_its_endpoint_and_on_the_staffs_site_to_its_customer(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(who).get(LISTS[site]).content.decode()
    assert f'href="/{site}/deliveries/endpoint/{acme.endpoint.public_id}/change/"' in text
    assert (f'href="/{site}/deliveries/customer/{acme.customer.public_id}/change/"' in text) == (site == "admin")


@SITES
def test_the_tab_of_a_failure_says_which_it_is(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(who).get(f"{LISTS[site]}{acme.failure.public_id}/change/").content.decode()
    title = re.search(r"<title>(.+?)</title>", text, re.DOTALL)
    assert title is not None
    assert f"404 from {acme.endpoint.url}" in title[1]


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("https://hooks.acme.example/billing", ["hooks.acme.example", "/billing"]),
        ("https://hooks.acme.example/", ["hooks.acme.example"]),
        ("https://hooks.acme.example:8443/a?b=1", ["hooks.acme.example:8443", "/a?b=1"]),
        ("https://a.example/<b>", ["a.example", "/&lt;b&gt;"]),
        ("https://a.example/" + "x" * 60, ["a.example", "/" + "x" * 15 + "…" + "x" * 7]),
    ],
)
def test_host_and_path_stand_below_each_other(url: str, lines: list[str]) -> None:
    shown = re.search(r">(.+)</span>$", url_in_two_lines(url, title=url))
    assert shown is not None
    assert shown[1].split("<br>") == lines


@SITES
def test_a_row_of_an_events_page_leads_to_its_delivery_and_to_its_endpoint_by_their_own_names(
    site: str, who: str, acme: House, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    address = f"/{site}/deliveries/event/{acme.event.public_id}/change/"
    links = dict(
        re.findall(r'<a class="hp-link[^"]*" href="([^"]+)"[^>]*>([^<]+)</a>', client.get(address).content.decode())
    )
    assert links[f"/{site}/deliveries/delivery/{acme.delivery.public_id}/change/"] == f"…{acme.delivery.public_id[-6:]}"
    assert links[f"/{site}/deliveries/endpoint/{acme.endpoint.public_id}/change/"] == acme.endpoint.url
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(deleted_at=timezone.now())
    assert f"/endpoint/{acme.endpoint.public_id}/" not in client.get(address).content.decode()
