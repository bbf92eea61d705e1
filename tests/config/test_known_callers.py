"""Whoever was here before is held to its share in front of Django, and nobody is let in by being remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from config import known_callers
from config.known_callers import customer_of, within_shares
from config.site_cookies import PORTAL, session_cookie
from deliveries.api import auth
from deliveries.models import Customer
from deliveries.services.people.members import add_member
from deliveries.services.process import shares as shares_module
from deliveries.services.process.shares import HAS_PLACE, requests_and_pages
from tests.api.conftest import ALL_SCOPES, Caller, caller_with
from tests.browsers import logged_in
from tests.config.test_fast_path import Answer
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db
AT_WORK = 2


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(shares_module, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(SETTINGS, "web_threads", 16)
    yield
    auth._known.clear()
    known_callers._sessions.clear()


@pytest.fixture
def alice() -> Customer:
    return Customer.objects.create(name="Alice", uid="alice")


def key_of(customer: Customer) -> Caller:
    return caller_with(*ALL_SCOPES, customer=customer)


def environ(path: str, **more: str) -> dict[str, Any]:
    return {"PATH_INFO": path, "wsgi.url_scheme": "http", **more}


def ask(given: dict[str, Any]) -> tuple[Answer, list[Any]]:
    """Ask with a Django that notes what reaches it."""
    reached: list[Any] = []

    def django(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        reached.append(environ)
        start_response("200 OK", [])
        return [b""]

    answer = Answer()
    answer.body = b"".join(within_shares(django)(given, answer.start))
    return answer, reached


def fill(customer: Customer) -> Any:
    """Take all places of a customer; close what is returned."""
    from contextlib import ExitStack

    held = ExitStack()
    for _ in range(AT_WORK):
        held.enter_context(requests_and_pages.place(customer.id))
    return held


def test_a_known_key_beyond_its_share_never_reaches_django(alice: Customer) -> None:
    caller = key_of(alice)
    assert caller.get("/deliveries").status == 200
    with fill(alice):
        answer, reached = ask(environ("/api/v1/deliveries", HTTP_AUTHORIZATION=f"Bearer {caller.key}"))
    assert (answer.status[:3], answer.headers["Retry-After"], reached) == ("429", "1", [])
    assert b"requests_at_once" in answer.body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_known_key_within_its_share_takes_one_place_only(alice: Customer) -> None:
    caller = key_of(alice)
    caller.get("/deliveries")
    answer, reached = ask(environ("/api/v1/deliveries", HTTP_AUTHORIZATION=f"Bearer {caller.key}"))
    assert answer.status == "200 OK"
    assert reached[0][HAS_PLACE]
    assert not requests_and_pages.under_way()


def test_a_known_session_beyond_its_share_never_reaches_django(alice: Customer) -> None:
    browser = logged_in(add_member(alice, "ann", actor="user:root").user)
    assert browser.get("/portal/").status_code == 200
    name = session_cookie(PORTAL)
    given = environ("/portal/", HTTP_COOKIE=f"{name}=other; a=b; {name}={browser.cookies[name].value}")
    with fill(alice):
        answer, reached = ask(given)
    assert (answer.status[:3], reached) == ("429", [])


@pytest.mark.parametrize(
    "given",
    [
        environ("/api/v1/deliveries"),
        environ("/api/v1/deliveries", HTTP_AUTHORIZATION="Bearer hk_" + "x" * 43),
        environ("/portal/"),
        environ("/portal/", HTTP_COOKIE="hookpost_portal_session=unknown"),
        environ("/admin/", HTTP_COOKIE="hookpost_portal_session=unknown"),
        environ("/healthz"),
    ],
)
def test_whoever_is_unknown_goes_on_to_django(given: dict[str, Any]) -> None:
    assert customer_of(given) is None
    assert len(ask(given)[1]) == 1


def test_a_service_key_is_nobodys_share() -> None:
    caller = caller_with(*ALL_SCOPES)
    caller.get("/deliveries")
    assert customer_of(environ("/api/v1/deliveries", HTTP_AUTHORIZATION=f"Bearer {caller.key}")) is None


def test_a_key_that_was_revoked_takes_no_place_of_its_customer(alice: Customer) -> None:
    from deliveries.models import ApiKey

    caller = key_of(alice)
    caller.get("/deliveries")
    given = environ("/api/v1/deliveries", HTTP_AUTHORIZATION=f"Bearer {caller.key}")
    assert customer_of(given) == alice.id
    ApiKey.objects.filter(customer=alice).delete()
    assert caller.get("/deliveries").status == 401
    assert customer_of(given) is None


def test_a_session_that_has_ended_takes_no_place_of_its_customer(alice: Customer) -> None:
    browser = logged_in(add_member(alice, "ann", actor="user:root").user)
    browser.get("/portal/")
    name = session_cookie(PORTAL)
    cookies = f"{name}={browser.cookies[name].value}"
    assert customer_of(environ("/portal/", HTTP_COOKIE=cookies)) == alice.id
    browser.post("/portal/logout/")
    logged_out = type(browser)()
    logged_out.cookies[name] = cookies.partition("=")[2]
    logged_out.get("/portal/")
    assert customer_of(environ("/portal/", HTTP_COOKIE=cookies)) is None
