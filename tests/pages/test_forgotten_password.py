"""Forgotten passwords: asked for on either site, answered by a mail or by nothing, and no answer tells which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deliveries.models import AuditEntry, PasswordMail
from deliveries.services.telling.alert_mail import is_mail_due
from deliveries.services.telling.password_mail import send_due_passwords
from tests.pages.chromium import PASSWORD
from tests.pages.conftest import House, logged_in
from tests.pages.test_staff_list import set_password
from tests.security.steps import a_factor, code_of
from tests.services.mailing import use
from tests.smtp_server import MailServer, text_of

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db

SITES = ("admin", "portal")


@pytest.fixture
def letters(settings: SettingsWrapper) -> Iterator[MailServer]:
    """A mail server, and what it was given."""
    with MailServer() as server:
        use(server.port, settings)
        yield server


@pytest.fixture
def bob(db: None) -> User:
    """Somebody of staff, with a password."""
    return User.objects.create_superuser("bob", "bob@example.org", "a-forgotten-one")


@pytest.fixture
def carol(acme: House) -> User:
    """A member of Acme, with a password."""
    user: User = acme.member.user
    user.set_password("a-forgotten-one")
    user.save()
    return user


def ask(site: str, name: str, **extra: str) -> tuple[int, str]:
    """Ask for a link; returns the status, and the page without what differs each time."""
    answer = Client().post(f"/{site}/forgotten-password/", {"name": name}, **extra)
    return answer.status_code, re.sub(r'value="[^"]*"|nonce-[^"\' ]*', "", answer.content.decode())


def link_in(raw: bytes) -> str:
    """The path of the link in a mail."""
    text = text_of(raw)
    return "/" + next(line for line in text.splitlines() if line.startswith("http")).split("/", 3)[3]


def log_in(site: str, name: str, password: str) -> str:
    """Log in, and return the page that follows."""
    form = {"username": name, "password": password}
    return Client().post(f"/{site}/login/", form, follow=True).content.decode()


@pytest.mark.parametrize("asked_as", ["name", "address", "address in capitals"])
@pytest.mark.parametrize("site", SITES)
def test_a_link_by_mail_sets_a_password_once_and_ends_every_session(
    site: str, asked_as: str, bob: User, carol: User, letters: MailServer
) -> None:
    user = bob if site == "admin" else carol
    before = logged_in(user)
    name = {"name": user.username, "address": user.email}.get(asked_as, user.email.upper())
    assert "a mail is on its way" in ask(site, name)[1]
    assert is_mail_due()
    assert send_due_passwords() == 1
    ((to, raw),) = letters.letters
    assert to == user.email
    assert link_in(raw).startswith(f"/{site}/password/")
    assert "The password is set" in set_password(link_in(raw))
    assert "does not work any more" in set_password(link_in(raw))
    assert before.get(f"/{site}/").status_code == 302
    assert "Overview" in log_in(site, user.username, PASSWORD)
    assert "Overview" not in log_in(site, user.username, "a-forgotten-one")
    kind = "user" if site == "admin" else "member"
    assert AuditEntry.objects.get(action="password.set").actor == f"{kind}:{user.username}"


def test_the_answer_does_not_tell_whether_there_is_such_a_log_in(bob: User, carol: User, letters: MailServer) -> None:
    """Given all kinds of names, when each is asked for, then the pages are the same and one mail goes out."""
    User.objects.create_user("off", "off@example.org", "x", is_staff=True, is_active=False)
    User.objects.create_user("sso", "sso@example.org", is_staff=True)
    User.objects.create_user("mute", "", "x", is_staff=True)
    names = ["bob", "carol", "off", "sso", "mute", "nobody", "nobody@example.org", "' OR 1=1 --"]
    assert len({ask("admin", name) for name in names}) == 1
    assert [row.user for row in PasswordMail.objects.all()] == [bob]
    assert [row.kind for row in PasswordMail.objects.all()] == ["forgotten"]


def test_a_log_in_gets_three_mails_an_hour(bob: User, letters: MailServer) -> None:
    pages = {ask("admin", "bob") for _ in range(5)}
    assert (len(pages), PasswordMail.objects.count()) == (1, 3)
    PasswordMail.objects.update(created_at=timezone.now() - timedelta(hours=2))
    ask("admin", "bob")
    assert PasswordMail.objects.count() == 4


def test_an_address_asks_ten_times_and_another_still_may(bob: User, letters: MailServer) -> None:
    from_here = [ask("admin", f"n{number}", REMOTE_ADDR="203.0.113.7")[0] for number in range(11)]
    assert from_here == [200] * 10 + [429]
    assert ask("portal", "bob", REMOTE_ADDR="203.0.113.7")[0] == 429
    assert ask("admin", "bob", REMOTE_ADDR="198.51.100.9")[0] == 200


@pytest.mark.parametrize("site", SITES)
def test_a_link_does_not_go_around_the_second_factor(site: str, bob: User, carol: User, letters: MailServer) -> None:
    user = bob if site == "admin" else carol
    factor = a_factor(user)
    ask(site, user.username)
    send_due_passwords()
    set_password(link_in(letters.letters[0][1]))
    browser = Client()
    form = {"username": user.username, "password": PASSWORD}
    assert "Enter the code" in browser.post(f"/{site}/login/", form, follow=True).content.decode()
    assert "/second-factor/" in browser.get(f"/{site}/").headers["Location"]
    browser.post(f"/{site}/second-factor/", {"act": "check", "code": code_of(factor)})
    assert browser.get(f"/{site}/").status_code == 200


def test_who_was_locked_out_gets_in_with_the_new_password(bob: User, letters: MailServer) -> None:
    for _ in range(10):
        page = log_in("admin", "bob", "wrong")
    assert "Too many failed log-ins" in page
    ask("admin", "bob")
    send_due_passwords()
    set_password(link_in(letters.letters[0][1]))
    assert "Overview" in log_in("admin", "bob", PASSWORD)


@pytest.mark.parametrize("site", SITES)
def test_without_a_mail_server_the_page_says_whom_to_ask(site: str, bob: User, settings: SettingsWrapper) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    page = Client().get(f"/{site}/forgotten-password/").content.decode()
    assert "No mail goes out from here" in page
    assert ("Ask an owner" if site == "admin" else "Ask support") in page
    assert "a mail is on its way" not in ask(site, "bob")[1]
    assert not PasswordMail.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 255, "a\x00b"])
def test_what_can_be_no_name_is_told_at_its_field(name: str, letters: MailServer) -> None:
    answer = Client().post("/admin/forgotten-password/", {"name": name})
    assert answer.status_code == 200
    assert answer.context["form"].errors["name"]


@pytest.mark.parametrize("site", SITES)
def test_the_log_in_leads_there(site: str, db: None) -> None:
    assert f"/{site}/forgotten-password/" in Client().get(f"/{site}/login/").content.decode()
