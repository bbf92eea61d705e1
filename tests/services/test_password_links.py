"""Links that set a password: whose, for which site, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.utils import timezone

from deliveries.models import Customer, PasswordMail
from deliveries.services.common.site_links import PORTAL, STAFF
from deliveries.services.people.members import add_member
from deliveries.services.people.password_links import (
    link_parts,
    may_log_in,
    reaches_mail,
    site_of,
    tokens,
    user_of_link,
)
from deliveries.services.telling.password_mail import letter_of

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db


def a_member(name: str = "carol") -> User:
    """Somebody of a customer."""
    customer = Customer.objects.create(name="Acme")
    user: User = add_member(customer, name, email=f"{name}@example.com", actor="system").user
    return user


def test_a_link_is_of_the_site_that_its_owner_works_on() -> None:
    for user, own, other in (
        (a_member(), PORTAL, STAFF),
        (User.objects.create_user("bob", is_staff=True), STAFF, PORTAL),
    ):
        part, token = link_parts(user)
        assert site_of(user) == own
        assert user_of_link(part, site=own) == user
        assert user_of_link(part, site=other) is None
        assert tokens.check_token(user, token)


def test_a_member_who_is_staff_too_gets_the_link_of_staff() -> None:
    user = a_member()
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert site_of(User.objects.get(pk=user.pk)) == STAFF


@pytest.mark.parametrize("end", ["a password", "a log-in", "another address"])
def test_a_link_is_used_up_by_what_makes_it_needless(end: str) -> None:
    user = a_member()
    token = link_parts(user)[1]
    if end == "a password":
        user.set_password("a-good-password-41")
    if end == "a log-in":
        user.last_login = timezone.now()
    if end == "another address":
        user.email = "other@example.com"
    user.save()
    assert not tokens.check_token(user, token)


def test_a_link_ends_by_itself(settings: SettingsWrapper) -> None:
    user = a_member()
    token = link_parts(user)[1]
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert not tokens.check_token(user, token)


def test_a_token_of_another_kind_of_link_fits_nowhere() -> None:
    user = a_member()
    assert not tokens.check_token(user, default_token_generator.make_token(user))
    assert not default_token_generator.check_token(user, tokens.make_token(user))


@pytest.mark.parametrize("part", ["", "x", "!!", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", "_w", "MA", "LTE"])
def test_what_names_nobody_is_nobody(part: str) -> None:
    a_member()
    assert [user_of_link(part, site=site) for site in (STAFF, PORTAL)] == [None, None]


def test_who_cannot_log_in_gets_no_link() -> None:
    stranger, member, boss = User.objects.create_user("x"), a_member(), User.objects.create_user("b", is_staff=True)
    assert [may_log_in(user) for user in (stranger, member, boss)] == [False, True, True]
    for user in (member, boss):
        user.is_active = False
        user.save()
        assert not may_log_in(user)
        assert user_of_link(link_parts(user)[0], site=site_of(user)) is None


@pytest.mark.parametrize(
    ("backend", "reaches"),
    [
        ("django.core.mail.backends.smtp.EmailBackend", True),
        ("django.core.mail.backends.console.EmailBackend", False),
        ("django.core.mail.backends.dummy.EmailBackend", False),
        ("some.projects.own.Backend", True),
    ],
)
def test_a_printed_mail_reaches_nobody(backend: str, reaches: bool, settings: SettingsWrapper) -> None:
    settings.EMAIL_BACKEND = backend
    assert reaches_mail() == reaches


def test_what_somebody_is_called_begins_no_line_of_a_mail() -> None:
    user = User.objects.create(username="eve\nBcc: x@example.org", email="eve@example.org", is_staff=True)
    for kind in PasswordMail.Kind:
        letter = letter_of(PasswordMail(user=user, kind=kind, created_at=timezone.now()))
        assert not [line for line in letter.body.splitlines() if line.startswith("Bcc")]
        assert "\n" not in letter.subject


def test_the_mail_says_how_long_the_link_serves(settings: SettingsWrapper) -> None:
    row = PasswordMail(user=a_member(), kind=PasswordMail.Kind.FORGOTTEN, created_at=timezone.now())
    for span, words in ((timedelta(days=3), "within 3 days"), (timedelta(hours=6), "within 6 hours")):
        settings.PASSWORD_RESET_TIMEOUT = int(span.total_seconds())
        assert words in letter_of(row).body
