"""The host without a path, as somebody types it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import path

from deliveries.api.bare_host import to_portal
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db
urlpatterns = [path("", to_portal)]  # of a host without the portal


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_bare_host_leads_to_the_portals_log_in_and_tells_of_no_other_site(method: str) -> None:
    answer = Client().generic(method, "/", query_string="next=https://evil.example/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/portal/")
    assert b"admin" not in answer.content
    assert not answer.cookies
    shown = Client().get("/", follow=True)
    assert shown.redirect_chain[-1][0].startswith("/portal/login/")
    assert shown.status_code == 200


def test_a_member_is_at_the_overview_at_once(carol: Client, acme: House) -> None:
    assert carol.get("/", follow=True).request["PATH_INFO"] == "/portal/"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_is_sent_to_the_bare_host(method: str) -> None:
    assert Client().generic(method, "/").status_code == 404


@pytest.mark.urls("tests.pages.test_bare_host")
def test_a_host_without_the_portal_has_nothing_there() -> None:
    assert Client().get("/").status_code == 404
