"""Pages for what goes wrong: in words, with a way on, also when the database or a template is broken."""

from __future__ import annotations

import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from deliveries.api import error_pages
from deliveries.api.error_handlers import bad_request, page_not_found, server_error
from deliveries.errors import TooManyAtOnce
from tests.pages.conftest import House, logged_in

pytestmark = pytest.mark.django_db


def asked(path: str) -> HttpRequest:
    """A request for a path."""
    return RequestFactory().get(path)


def lose_database() -> None:
    """Fail as a statement does when nobody answers."""
    raise OperationalError("connection refused")


def test_an_unknown_page_says_so_and_leads_on(bob: Client, carol: Client, acme: House) -> None:
    for client, site in ((bob, "admin"), (carol, "portal")):
        answer = client.get(f"/{site}/deliveries/delivery/dlv_x/change/")
        text = answer.content.decode()
        assert answer.status_code == 404
        assert "There is nothing at this address" in text
        assert f'href="/{site}/find/"' in text
        assert f'href="/{site}/"' in text
    nowhere = Client().get("/nothing/here")
    assert (nowhere.status_code, 'href="/portal/"' in nowhere.content.decode()) == (404, True)


def test_what_one_may_not_do_is_refused_in_words(carol: Client, acme: House) -> None:
    strict = Client(enforce_csrf_checks=True)
    logged_in(acme.member.user, strict)
    answer = strict.post("/portal/deliveries/delivery/redeliver-all/?state=pending")
    assert (answer.status_code, "This form can no longer be sent" in answer.content.decode()) == (403, True)
    assert carol.post("/portal/deliveries/delivery/", {"action": "delete_all"}).status_code == 403


def test_an_address_of_a_button_says_that_there_is_nothing_to_see(alice: Client, acme: House) -> None:
    for place in ("logout/", "staff/1/off/", "views/delivery/"):
        answer = alice.get(f"/admin/{place}")
        text = answer.content.decode()
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS" if place == "logout/" else "POST")
        assert "There is nothing to see at this address" in text
        assert 'href="/admin/"' in text


def test_who_was_logged_out_before_a_button_is_led_to_it(acme: House) -> None:
    """Given a page that was open for long, when its button is pressed, then the log-in leads back to that page."""
    place = f"/portal/deliveries/delivery/{acme.delivery.public_id}"
    gone = Client().post(f"{place}/redeliver/").headers["Location"]
    assert gone == f"/portal/login/?next={place}/redeliver/"
    answer = logged_in(acme.member.user).get(f"{place}/redeliver/", follow=True)
    assert answer.redirect_chain == [(f"{place}/change/", 302)]


def test_what_is_too_large_and_what_fails_have_pages_of_their_own() -> None:
    large = bad_request(asked("/portal/"), RequestDataTooBig("too much"))
    assert (large.status_code, b"This is too large" in large.content) == (413, True)
    failed = server_error(asked("/admin/"))
    assert (failed.status_code, b"say when it was: 20" in failed.content) == (500, True)


def test_a_database_that_is_away_is_said_to_be() -> None:
    answer = HttpResponse()
    try:
        lose_database()
    except OperationalError:
        answer = server_error(asked("/portal/"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert b"This is not available at the moment" in answer.content


def test_too_many_pages_at_once_are_refused_with_a_page(carol: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_free(*args: object, **kwargs: object) -> None:
        raise TooManyAtOnce("enough", limit="requests_at_once", figure=1, owner="cus_x")

    monkeypatch.setattr("deliveries.services.process.shares.requests_and_pages.place", none_free)
    answer = carol.get("/portal/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Too many pages at once" in answer.content.decode()


def test_there_is_a_page_even_without_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> str:
        raise ValueError("no templates")

    monkeypatch.setattr(error_pages, "render_to_string", broken)
    answer = page_not_found(asked("/portal/<b>"), Exception())
    assert (answer.status_code, b"There is nothing at this address" in answer.content) == (404, True)


def test_an_error_page_loads_our_own_style_and_nothing_else() -> None:
    policy = Client().get("/nothing").headers["Content-Security-Policy"]
    assert policy == error_pages.POLICY
    assert "script-src" not in policy


def test_programs_get_problems_as_before() -> None:
    answer = Client().get("/api/v1/nothing")
    assert answer.headers["Content-Type"] == "application/problem+json"
