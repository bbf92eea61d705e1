"""Staff who log in by the operator's provider: who gets in, as what, and everything that does not.

The provider is Authlib's, over a real socket, and insists on PKCE; the browser is Django's client.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client
from django.test.utils import override_script_prefix
from django.urls import include, path
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from deliveries.conf import load
from deliveries.errors import WrongSetting
from deliveries.management.doctor import provider as doctor
from deliveries.models import AuditEntry, StaffIdentity
from deliveries.provider_checks import problems_of_provider
from deliveries.services.people import oidc_provider, staff_identities
from deliveries.services.people.issuer_keys import IssuerKeys
from deliveries.services.people.oidc_provider import KnownProvider
from deliveries.services.people.role_groups import role_of
from tests.browsers import logged_in
from tests.oidc_server import CLIENT_ID, CLIENT_SECRET, KEY, OTHER_KEY, ProviderServer
from tests.pages.chromium import CHROMIUM, new_context
from tests.receiver import Answer, Receiver
from tests.settings import SETTINGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db

COOKIE = "hookpost_staff_log_in"
PASSWORD = "a-good-password-41"
ERIN = {"sub": "u-4711", "preferred_username": "erin", "email": "erin@example.com", "email_verified": True}
ERIN |= {"groups": ["everybody", "webhook-support"]}
ROLES = (("webhook-viewers", "viewer"), ("webhook-support", "support"), ("platform", "owner"))


@pytest.fixture
def provider(receiver_ports: list[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[ProviderServer]:
    """The provider, where Erin of support is logged in, and the settings for it."""
    with Receiver(receiver_ports[2]) as receiver:
        server = ProviderServer(receiver.url, back_to=f"{SETTINGS.base_url}/admin/log-in/back/")
        receiver.answer, server.person = server.answer, dict(ERIN)
        given = {"issuer": receiver.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "roles": ROLES}
        for name, value in given.items():
            monkeypatch.setattr(SETTINGS, f"oidc_{name}", value)
        forget(monkeypatch)
        yield server


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process know nothing of the provider, as when it starts."""
    monkeypatch.setattr(oidc_provider, "known", KnownProvider(oidc_provider.known._fetch))
    monkeypatch.setattr(oidc_provider, "keys", IssuerKeys(oidc_provider.keys._fetch))


def begin(browser: Client, *, wanted: str = "") -> str:
    """Press the button; returns where at the provider the browser is sent."""
    answer = browser.get("/admin/log-in/", {"next": wanted} if wanted else {})
    assert answer.status_code == 302
    return answer.headers["Location"]


def at_provider(address: str) -> str:
    """Go to the provider, which knows who this is; returns where it sends the browser back to."""
    answer = requests.get(address, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def log_in(browser: Client | None = None, *, wanted: str = "") -> Any:
    """The whole way; returns the page at its end."""
    browser = browser or Client()
    return browser.get(at_provider(begin(browser, wanted=wanted)), follow=True)


def text_of(page: Any) -> str:
    return str(page.content.decode())


def refusals() -> list[Any]:
    return [entry.detail for entry in AuditEntry.objects.filter(action="staff.log_in_refused").order_by("id")]


def test_the_first_log_in_makes_an_account_in_the_role_of_its_group(provider: ProviderServer) -> None:
    browser = Client()
    page = log_in(browser, wanted="/admin/deliveries/endpoint/?q=x")
    assert page.redirect_chain[-1] == ("/admin/deliveries/endpoint/?q=x", 302)
    assert page.status_code == 200
    user = User.objects.get()
    assert (user.username, user.email, user.is_superuser) == ("erin", "erin@example.com", False)
    assert role_of(user) == "support"
    assert not user.has_usable_password()
    until = Session.objects.order_by("-expire_date")[0].expire_date
    assert until - timezone.now() <= timedelta(hours=12)
    entries = AuditEntry.objects.order_by("id").values_list("actor", "action")
    assert ("user:erin", "staff.log_in") in entries
    assert ("system", "staff.make") in entries
    log_in()
    assert User.objects.count() == 1


def test_roles_follow_the_groups_and_end_with_them(provider: ProviderServer) -> None:
    browser = Client()
    log_in(browser)
    provider.person["groups"] = ["platform", "webhook-viewers"]
    log_in()
    assert role_of(User.objects.get()) == "owner"
    provider.person["groups"] = ["webhook-viewers"]
    log_in()
    assert role_of(User.objects.get()) == "viewer"
    provider.person["groups"] = ["everybody"]
    page = log_in()
    assert "in no group that has a role here" in text_of(page)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)
    assert browser.get("/admin/").status_code == 302, "the sessions have ended"
    provider.person["groups"] = ["webhook-support"]
    assert log_in().status_code == 200
    assert role_of(User.objects.get()) == "support"


def test_who_has_no_role_is_told_so_and_nothing_is_made(provider: ProviderServer) -> None:
    provider.person["groups"] = "everybody"
    page = log_in()
    assert page.redirect_chain[-1][0] == "/admin/login/?refused=no-role"
    assert "Your account at Single sign-on is in no group" in text_of(page)
    assert not User.objects.exists()
    assert [(each["reason"], each["subject"]) for each in refusals()] == [("no-role", "u-4711")]


def test_a_name_gives_no_account_away(provider: ProviderServer) -> None:
    User.objects.create_superuser("Erin", "erin@example.com", PASSWORD)
    log_in()
    root, made = User.objects.order_by("pk")
    assert (made.username, role_of(made)) == ("erin-2", "support")
    assert StaffIdentity.objects.get().user == made
    assert root.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("setting", "verified", "owner", "linked"),
    [(True, True, False, True), (False, True, False, False), (True, False, False, False), (True, True, True, False)],
)
def test_an_address_links_where_the_setting_says_so_it_is_verified_and_no_owners(
    setting: bool, verified: bool, owner: bool, linked: bool, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "oidc_link_by_email", setting)
    provider.person |= {"email_verified": verified, "email": "ERIN@example.com"}
    user = User.objects.create_user("e.smith", "erin@example.com", PASSWORD, is_staff=True, is_superuser=owner)
    log_in()
    assert (StaffIdentity.objects.get().user == user) is linked
    assert User.objects.count() == (1 if linked else 2)


def test_a_member_of_a_customer_is_never_linked(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "oidc_link_by_email", True)
    member = User.objects.create_user("erin@example.com", "erin@example.com", PASSWORD)
    log_in()
    assert StaffIdentity.objects.get().user != member


def test_who_is_switched_off_stays_out(provider: ProviderServer) -> None:
    log_in()
    User.objects.update(is_active=False)
    assert "switched off" in text_of(log_in())


def test_a_group_about_other_things_is_left_alone_and_said(provider: ProviderServer) -> None:
    log_in()
    mixed = Group.objects.create(name="Mixed")
    mixed.permissions.set([*Group.objects.get(name="Hookpost viewer").permissions.all()[:1]])
    from django.contrib.auth.models import Permission

    mixed.permissions.add(Permission.objects.get(codename="add_group"))
    User.objects.get().groups.add(mixed)
    provider.person["groups"] = ["webhook-viewers"]
    assert "about other things" in text_of(log_in())


@pytest.mark.parametrize(
    ("passwords", "owner", "gets_in"),
    [("all", False, True), ("owners", False, False), ("owners", True, True), ("none", True, False)],
)
def test_passwords_go_on_as_the_setting_says(
    passwords: str, owner: bool, gets_in: bool, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "oidc_passwords", passwords)
    User.objects.create_user("bob", password=PASSWORD, is_staff=True, is_superuser=owner)
    page = Client().post("/admin/login/", {"username": "bob", "password": PASSWORD}, follow=True)
    assert ("Log in by Single sign-on here" in text_of(page)) is not gets_in
    shown = text_of(Client().get("/admin/login/"))
    assert ('name="password"' in shown) is (passwords != "none")
    assert "/admin/log-in/" in shown


def test_who_came_by_the_provider_once_does_not_come_by_a_password(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "oidc_link_by_email", True)
    User.objects.create_user("erin", "erin@example.com", PASSWORD, is_staff=True)
    log_in()
    page = Client().post("/admin/login/", {"username": "erin", "password": PASSWORD}, follow=True)
    assert "Log in by Single sign-on here" in text_of(page)


def test_a_second_factor_at_the_provider_counts_where_the_setting_says_so(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "require_2fa", "staff")
    provider.amr = ["pwd", "mfa"]
    assert log_in().redirect_chain[-1][0].startswith("/admin/second-factor/")
    monkeypatch.setattr(SETTINGS, "oidc_second_factor", ("mfa",))
    assert log_in().redirect_chain[-1][0] == "/admin/"
    provider.amr = ["pwd"]
    assert log_in().redirect_chain[-1][0].startswith("/admin/second-factor/")


def test_groups_may_come_from_the_user_info_alone(provider: ProviderServer) -> None:
    groups = provider.person.pop("groups")
    provider.user_info = {"sub": "u-4711", "groups": groups}
    log_in()
    assert role_of(User.objects.get()) == "support"
    provider.user_info["sub"] = "somebody-else"
    assert "not surely meant for here" in text_of(log_in())
    provider.instead["/me"] = (503, {}, b"")
    assert "cannot be reached" in text_of(log_in())
    assert role_of(User.objects.get()) == "support", "an outage takes no role away"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_log_in_leads_elsewhere(wanted: str, provider: ProviderServer) -> None:
    assert log_in(wanted=wanted).redirect_chain[-1][0] == "/admin/"


# What is refused on the way back


def changed(address: str, **values: str) -> str:
    """An address with other values in its query."""
    parts = urlsplit(address)
    query = {name: found[0] for name, found in parse_qs(parts.query).items()} | values
    return f"{parts.path}?{'&'.join(f'{name}={value}' for name, value in query.items())}"


def test_an_answer_counts_once_and_in_the_browser_that_asked(provider: ProviderServer) -> None:
    browser = Client()
    back = at_provider(begin(browser))
    assert "began in another browser" in text_of(Client().get(back, follow=True)), "a stranger's browser"
    kept = browser.cookies[COOKIE].value
    assert browser.get(back, follow=True).redirect_chain[-1][0] == "/admin/"
    again = Client()
    assert "refused=stale" in again.get(back).headers["Location"]
    again.cookies[COOKIE] = kept
    assert "refused=stale" in again.get(back).headers["Location"], "the provider takes no code twice"
    assert User.objects.count() == 1


def test_a_made_up_state_another_issuer_and_a_made_up_cookie_are_refused(provider: ProviderServer) -> None:
    for change, reason in (({"state": "made-up"}, "stale"), ({"iss": "https://evil.example"}, "not-right")):
        browser = Client()
        back = changed(at_provider(begin(browser)), **change)
        assert f"refused={reason}" in browser.get(back).headers["Location"]
    browser = Client()
    back = at_provider(begin(browser))
    browser.cookies[COOKIE] = signing.dumps(["state", "n", "v", ""], salt="another")
    assert "refused=stale" in browser.get(changed(back, state="state")).headers["Location"]
    assert not User.objects.exists()


def test_a_code_of_another_log_in_fails_at_pkce_and_nonce(provider: ProviderServer) -> None:
    """The attacker's code, put into the answer to the victim's log-in."""
    mine = parse_qs(urlsplit(at_provider(begin(Client()))).query)["code"][0]
    browser = Client()
    back = changed(at_provider(begin(browser)), code=mine)
    assert "refused=stale" in browser.get(back).headers["Location"]


def test_a_log_in_that_was_begun_long_ago_is_over(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.admin.log_ins.provider_log_in.BEGUN_SECONDS", -1)
    assert "took too long" in text_of(log_in())


def test_who_says_no_at_the_provider_is_told_so(provider: ProviderServer) -> None:
    browser = Client()
    begun = begin(browser)
    state = parse_qs(urlsplit(begun).query)["state"][0]
    for error, said in (("access_denied", "was cancelled"), ("<script>", "refused the log-in")):
        begin_again = browser.cookies[COOKIE].value
        page = browser.get("/admin/log-in/back/", {"state": state, "error": error}, follow=True)
        assert said in text_of(page)
        assert "<script>alert" not in text_of(page)
        browser.cookies[COOKIE] = begin_again


def signed(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, claims, key, algorithms=[alg])


def unsigned(claims: dict[str, Any], alg: str) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": alg, "kid": "p1"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def confused(claims: dict[str, Any]) -> str:
    """Signed by HMAC with the public key, which everybody has."""
    text = unsigned(claims, "HS256")
    made = hmac.digest(KEY.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


NOW = int(time.time())
STRANGER = RSAKey.generate_key(2048, {"kid": "p1"})
FORGED: dict[str, Callable[[dict[str, Any]], str]] = {
    "no signature": lambda claims: unsigned(claims, "none") + ".",
    "HMAC with the public key": confused,
    "another key of the same id": lambda claims: signed(claims, STRANGER),
    "its own key in the header": lambda claims: signed(claims, STRANGER, jwk=STRANGER.as_dict(private=False)),
    "a key of another kind": lambda claims: signed(claims, OTHER_KEY, "ES256", kid="p1"),
    "another issuer": lambda claims: signed(claims | {"iss": "https://evil.example"}),
    "another client": lambda claims: signed(claims | {"aud": ["wiki"]}),
    "given to another client": lambda claims: signed(claims | {"azp": "wiki"}),
    "others besides": lambda claims: signed(claims | {"aud": [CLIENT_ID, "wiki"]}),
    "another nonce": lambda claims: signed(claims | {"nonce": "of-another-log-in"}),
    "no nonce": lambda claims: signed({name: value for name, value in claims.items() if name != "nonce"}),
    "expired": lambda claims: signed(claims | {"exp": NOW - 3600}),
    "no end": lambda claims: signed({name: value for name, value in claims.items() if name != "exp"}),
    "of the future": lambda claims: signed(claims | {"iat": NOW + 36000, "exp": NOW + 72000}),
    "nobody": lambda claims: signed(claims | {"sub": ""}),
    "a subject that is no text": lambda claims: signed(claims | {"sub": ["u-4711"]}),
    "a subject with a NUL": lambda claims: signed(claims | {"sub": "u\0"}),
    "no token": lambda claims: "x.y.z",
}


def test_no_forged_token_logs_anybody_in(provider: ProviderServer) -> None:
    log_in()
    for name, forge in FORGED.items():
        provider.forge = forge
        browser = Client()
        page = log_in(browser)
        assert page.redirect_chain[-1][0] == "/admin/login/?refused=not-right", name
        assert browser.get("/admin/").status_code == 302, name
    assert [each["reason"] for each in refusals()] == ["not-right"] * len(FORGED)
    assert User.objects.count() == 1
    provider.forge = lambda claims: signed(claims, OTHER_KEY, "ES256")
    assert log_in().redirect_chain[-1][0] == "/admin/", "the provider's other key is as good"


NONSENSE: dict[str, tuple[str, Answer, str]] = {
    "no configuration": ("/.well-known/openid-configuration", (404, {}, b""), "away"),
    "a list": ("/.well-known/openid-configuration", (200, {}, b"[]"), "not-understood"),
    "half of it": ("/.well-known/openid-configuration", (200, {}, b'{"issuer":'), "not-understood"),
    "deep": ("/.well-known/openid-configuration", (200, {}, b"[" * 50_000), "not-understood"),
    "a flood": ("/.well-known/openid-configuration", (200, {}, b" " * 400_000), "away"),
    "another issuer": ("/.well-known/openid-configuration", (200, {}, b'{"issuer": "https://x"}'), "not-understood"),
    "a page": ("/token", (200, {"content-type": "text/html"}, b"<h1>Hello</h1>"), "not-understood"),
    "a broken server": ("/token", (502, {}, b""), "away"),
    "a redirect": ("/token", (302, {"location": "http://169.254.169.254/"}, b""), "by-provider"),
    "a wrong secret": ("/token", (401, {}, b'{"error": "invalid_client"}'), "by-provider"),
    "an error that is no text": ("/token", (400, {}, b'{"error": ["x"]}'), "by-provider"),
    "a token that is no text": ("/token", (200, {}, b'{"id_token": 7}'), "not-understood"),
    "no keys": ("/keys", (500, {}, b""), "away"),
    "keys that are none": ("/keys", (200, {}, b'{"keys": [7]}'), "not-right"),
}


def test_a_provider_that_is_away_or_talks_nonsense_leaves_the_password(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (place, answer, reason) in NONSENSE.items():
        forget(monkeypatch)
        provider.instead = {place: answer}
        browser = Client()
        begun = browser.get("/admin/log-in/").headers["Location"]
        ended = begun if begun.startswith("/") else browser.get(at_provider(begun)).headers["Location"]
        assert ended == f"/admin/login/?refused={reason}", name
        page = text_of(browser.get(ended))
        assert 'role="alert"' in page, name
        assert 'name="password"' in page, name


def test_who_came_by_the_provider_is_offered_no_password_and_owners_see_how_they_get_in(
    provider: ProviderServer,
) -> None:
    browser = Client()
    log_in(browser)
    assert "Change password" not in text_of(browser.get("/admin/profile/"))
    alice = logged_in(User.objects.create_superuser("alice", password=PASSWORD))
    assert "Change password" in text_of(alice.get("/admin/profile/"))
    staff = text_of(alice.get("/admin/staff/"))
    assert staff.count("Single sign-on, whose groups give the role") == 1
    assert staff.count("password link for alice") == 1
    assert "password link for erin" not in staff


def test_the_log_out_ends_the_providers_session_too(provider: ProviderServer) -> None:
    browser = Client()
    log_in(browser)
    page = browser.post("/admin/logout/")
    found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', text_of(page))
    assert found, "the page goes on by itself"
    address = html.unescape(found[1])
    assert f'href="{found[1]}"' in text_of(page), "and by a link"
    assert page.headers["Cache-Control"].startswith("no-store, no-transform")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith(f"{provider.issuer}/end?")
    assert asked["post_logout_redirect_uri"] == f"{SETTINGS.base_url}/admin/login/"
    assert jwt.decode(asked["id_token_hint"], KEY, algorithms=["RS256"]).claims["sub"] == "u-4711"
    assert browser.get("/admin/").status_code == 302
    ended = requests.get(address, allow_redirects=False, timeout=60)
    assert ended.headers["Location"] == asked["post_logout_redirect_uri"]


def test_the_log_out_of_others_leads_nowhere(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    by_password = logged_in(User.objects.create_superuser("alice", password=PASSWORD))
    assert "refresh" not in text_of(by_password.post("/admin/logout/"))
    browser = Client()
    log_in(browser)
    assert browser.get("/admin/logout/").status_code == 405
    forget(monkeypatch)
    provider.instead["/.well-known/openid-configuration"] = (503, {}, b"")
    assert "refresh" not in text_of(browser.post("/admin/logout/")), "the provider is away"
    assert browser.get("/admin/").status_code == 302, "which keeps nobody in"


def test_what_the_provider_gave_is_not_readable_in_the_database(provider: ProviderServer) -> None:
    log_in()
    kept = Session.objects.order_by("-expire_date")[0].get_decoded()
    assert "access-token" not in json.dumps(kept)
    token = kept["hookpost_provider_token"]
    for text in (token.encode(), base64.b64decode(token)):
        assert base64.urlsafe_b64encode(b'{"alg":"RS256"').rstrip(b"=")[:16] not in text


def test_a_session_of_somebody_else_ends_with_the_log_in(provider: ProviderServer) -> None:
    browser = logged_in(User.objects.create_superuser("alice", password=PASSWORD))
    before = browser.cookies["hookpost_staff_session"].value
    log_in(browser)
    assert browser.cookies["hookpost_staff_session"].value != before
    assert "erin" in text_of(browser.get("/admin/profile/"))


def test_a_wrong_secret_and_both_ways_to_tell_it(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("post", "basic"):
        monkeypatch.setattr(SETTINGS, "oidc_client_auth", way)
        assert log_in().redirect_chain[-1][0] == "/admin/", way
    monkeypatch.setattr(SETTINGS, "oidc_client_secret", "another")
    assert log_in().redirect_chain[-1][0] == "/admin/login/?refused=by-provider"
    assert "invalid_client" in refusals()[-1]["detail"]
    assert "another" not in json.dumps(refusals())


def test_refusals_of_strangers_fill_no_table(provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.services.people.staff_identities.REFUSED_AN_HOUR", 2)
    with capture_logs() as lines:
        for _ in range(5):
            Client().get("/admin/log-in/back/?state=x&code=y")
    assert len(refusals()) == 2
    assert len([line for line in lines if line["event"] == "staff_log_in_refused"]) == 5
    provider.person["groups"] = []
    log_in()
    assert refusals()[-1]["reason"] == "no-role", "whom the provider vouches for is always written down"


def test_more_log_ins_than_may_ask_at_once_are_told_to_wait(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(oidc_provider, "WAIT_SECONDS", 0.01)
    with oidc_provider._place():
        assert "Many people log in" in text_of(log_in())
    assert log_in().redirect_chain[-1][0] == "/admin/"


def test_two_first_log_ins_of_one_person_make_one_account(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's row is there when this one, which had looked before, writes its own."""
    log_in()
    look, early = staff_identities._known, [True]
    monkeypatch.setattr(staff_identities, "_known", lambda who: None if early and early.pop() else look(who))
    log_in()
    assert StaffIdentity.objects.count() == User.objects.count() == 1


def test_the_doctor_says_what_the_provider_has_to_know_and_who_gets_in_without_it(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [*doctor.answers(), *doctor.way_in_without()]
    assert [each.grade for each in found] == ["ok", "warn"]
    assert f"it has to know {SETTINGS.base_url}/admin/log-in/back/" in found[0].says
    User.objects.create_superuser("alice", password=PASSWORD)
    assert [each.grade for each in doctor.way_in_without()] == ["ok"]
    monkeypatch.setattr(SETTINGS, "oidc_passwords", "none")
    assert [each.grade for each in doctor.way_in_without()] == ["warn"]
    forget(monkeypatch)
    monkeypatch.setattr(SETTINGS, "oidc_issuer", f"{provider.issuer}/")
    assert [(each.grade, "calls itself" in each.says) for each in doctor.answers()] == [("fail", True)]
    monkeypatch.setattr(SETTINGS, "oidc_issuer", "")
    assert [*doctor.answers(), *doctor.way_in_without()] == []


def test_without_the_setting_there_is_nothing() -> None:
    assert Client().get("/admin/log-in/").status_code == 404
    assert Client().get("/admin/log-in/back/").status_code == 404
    assert "Single sign-on" not in text_of(Client().get("/admin/login/?refused=away"))


def test_the_page_and_its_refusals_speak_the_readers_language(
    provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SETTINGS, "oidc_name", "Keycloak <Acme>")
    page = text_of(Client().get("/admin/login/?refused=no-role", headers={"accept-language": "de"}))
    assert "Mit Keycloak &lt;Acme&gt; anmelden" in page
    assert "in keiner Gruppe" in page


@pytest.mark.parametrize("before", ["", "/pre"])
def test_the_way_back_is_where_the_staffs_site_is(
    before: str, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    urls = ModuleType("urls_of_a_project")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("hooks/", include("deliveries.api.urls")),
        path("hooks/staff/", include("deliveries.admin.staff_urls")),
    ]
    monkeypatch.setitem(sys.modules, urls.__name__, urls)
    settings.ROOT_URLCONF = urls.__name__
    monkeypatch.setattr(SETTINGS, "base_url", f"https://example.com{before}/hooks")
    provider.client.back_to = f"https://example.com{before}/hooks/staff/log-in/back/"
    browser = Client()
    with override_script_prefix(f"{before}/"):  # as a server sets it for a request
        asked = browser.get("/hooks/staff/log-in/").headers["Location"]
        back = at_provider(asked).removeprefix(before)
        assert browser.get(back).headers["Location"] == f"{before}/hooks/staff/"
        assert browser.get("/hooks/staff/").status_code == 200
        provider.person["groups"] = []
        refused = at_provider(browser.get("/hooks/staff/log-in/").headers["Location"]).removeprefix(before)
        assert browser.get(refused).headers["Location"] == f"{before}/hooks/staff/login/?refused=no-role"


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_a_browser_goes_there_and_back_and_out_again_under_our_policy(
    browser: Browser, live_server: LiveServer, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Form-action 'self' judges where a form's answer leads: neither log-in nor log-out may be such an answer."""
    monkeypatch.setattr(SETTINGS, "base_url", live_server.url)
    monkeypatch.setattr(SETTINGS, "oidc_name", "Acme ID")
    provider.client.back_to = f"{live_server.url}/admin/log-in/back/"
    page = new_context(browser, base_url=live_server.url).new_page()
    page.goto("/admin/deliveries/endpoint/")
    page.click("text=Log in with Acme ID")
    page.wait_for_url("**/admin/deliveries/endpoint/")
    page.wait_for_load_state()
    page.click("button[aria-controls=hp-account]")
    page.click("button:has-text('Log out')")
    page.wait_for_url("**/admin/login/")
    assert len(provider.ended) == 1, "the provider's session was ended on the way"
    assert page.inner_text("main").count("Log in with Acme ID") == 1
    page.context.close()


# The settings

GOOD = {
    "HOOKPOST_OIDC_ISSUER": "https://login.example.com/realms/acme",
    "HOOKPOST_OIDC_CLIENT_ID": "hookpost",
    "HOOKPOST_OIDC_ROLES": "cn=hooks, ou=groups, dc=acme=support,platform=owner",
}


def problems(**changed: str) -> list[str | None]:
    environ = {name: value for name, value in {**GOOD, **changed}.items() if value}
    return [each.id for each in problems_of_provider(load(environ))]


def test_settings_that_are_half_set_or_dangerous_are_refused() -> None:
    assert load(GOOD).oidc_roles == (("cn=hooks, ou=groups, dc=acme", "support"), ("platform", "owner"))
    assert problems() == []
    for name in GOOD:
        assert problems(**{name: ""}) == ["hookpost.E009"], name
    assert problems(HOOKPOST_OIDC_ISSUER="http://login.example.com") == ["hookpost.E015"]
    google = {"HOOKPOST_OIDC_ISSUER": "https://accounts.google.com"}
    assert problems(**google, HOOKPOST_OIDC_ROLES="*=viewer") == ["hookpost.E016"]
    assert problems(**google, HOOKPOST_OIDC_ROLES="acme.example=viewer") == []
    for wrong in ("platform", "platform=king", "=owner", "a=owner,b"):
        with pytest.raises(WrongSetting, match="HOOKPOST_OIDC_ROLES"):
            load({"HOOKPOST_OIDC_ROLES": wrong})
