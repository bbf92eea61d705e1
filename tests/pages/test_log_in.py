"""Who gets in where, and what they are told who do not."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deliveries.models import AuditEntry, Customer, Member
from deliveries.services.people.members import find_member
from tests.pages.conftest import House, logged_in

pytestmark = pytest.mark.django_db

PASSWORD = "a-good-password-41"


def log_in(username: str, password: str, *, site: str) -> tuple[int, str]:
    """Fill in the log-in of a site; returns status and page."""
    answer = Client().post(f"/{site}/login/", {"username": username, "password": password}, follow=True)
    return answer.status_code, answer.content.decode()


def with_password(user: User) -> User:
    """The user, with a password that tests know."""
    user.set_password(PASSWORD)
    user.save()
    return user


def link_from(text: str) -> str:
    """The log-in link that a page shows."""
    found = re.search(r"http://testserver(/portal/welcome/[^<\s]+)", text)
    assert found, "no link is shown"
    return found[1]


def add_member(client: Client, customer: Customer, **form: str) -> str:
    """Add a member on the customer's page; returns the page that follows."""
    address = f"/admin/deliveries/customer/{customer.public_id}/add-member/"
    return client.post(address, form, follow=True).content.decode()


def test_a_member_logs_in_to_the_portal(acme: House) -> None:
    with_password(acme.member.user)
    status, text = log_in("carol", PASSWORD, site="portal")
    assert status == 200
    assert "Overview" in text
    assert "Acme" in text


def test_staff_log_in_to_their_site(db: None) -> None:
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    assert "Overview" in log_in("bob", PASSWORD, site="admin")[1]


def test_staff_without_a_customer_are_told_so_in_the_portal(db: None) -> None:
    User.objects.create_user("bob", password=PASSWORD, is_staff=True)
    assert "This account belongs to no customer." in log_in("bob", PASSWORD, site="portal")[1]


def test_a_member_does_not_get_in_at_the_staffs_site(acme: House) -> None:
    with_password(acme.member.user)
    assert "Overview" not in log_in("carol", PASSWORD, site="admin")[1]


def test_who_is_logged_in_elsewhere_is_told_why_this_site_is_closed(carol: Client, bob: Client) -> None:
    assert "not one of support staff" in carol.get("/admin/", follow=True).content.decode()
    assert "belongs to no customer" in bob.get("/portal/", follow=True).content.decode()


@pytest.mark.parametrize("site", ["admin", "portal"])
@pytest.mark.parametrize("password", ["wrong", ""], ids=["wrong", "missing"])
def test_a_password_that_is_refused_is_told_once(site: str, password: str, acme: House) -> None:
    """Given a wrong password, then one box says so; given none, its field does, and there is no box."""
    text = log_in("carol", password, site=site)[1]
    assert text.count("errornote") == text.count('role="alert"') == bool(password)
    assert text.count("This field is required.") == (not password)


def test_ten_wrong_passwords_lock_with_a_clear_page(acme: House) -> None:
    with_password(acme.member.user)
    for _ in range(10):
        status, text = log_in("carol", "wrong", site="portal")
    assert status == 429
    assert "Too many failed log-ins" in text
    assert log_in("carol", PASSWORD, site="portal")[0] == 429


def test_logging_out_and_changing_the_password_work_on_both_sites(bob: Client, carol: Client) -> None:
    for client, site in ((bob, "admin"), (carol, "portal")):
        assert client.get(f"/{site}/password_change/").status_code == 200
        assert client.post(f"/{site}/logout/").status_code == 200
        assert client.get(f"/{site}/").status_code == 302


def test_a_new_member_sets_a_password_by_the_link_and_is_in(alice: Client, acme: House) -> None:
    link = link_from(add_member(alice, acme.customer, username="erin", email="erin@example.com"))
    erin = Client()
    form = erin.get(link, follow=True)
    assert "erin" in form.content.decode()
    passwords = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    front = erin.post(form.redirect_chain[-1][0], passwords, follow=True)
    assert "Overview" in front.content.decode()
    assert Member.objects.get(user__username="erin").customer == acme.customer


def test_a_link_works_once(alice: Client, acme: House) -> None:
    link = link_from(add_member(alice, acme.customer, username="erin"))
    erin = Client()
    address = erin.get(link, follow=True).redirect_chain[-1][0]
    erin.post(address, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert "does not work any more" in Client().get(link, follow=True).content.decode()


def test_a_weak_password_is_refused_at_its_field(alice: Client, acme: House) -> None:
    link = link_from(add_member(alice, acme.customer, username="erin"))
    erin = Client()
    address = erin.get(link, follow=True).redirect_chain[-1][0]
    text = erin.post(address, {"new_password1": "123", "new_password2": "123"}).content.decode()
    assert "too short" in text


@pytest.mark.parametrize("address", ["/portal/welcome/!!/x/", "/portal/welcome/OTk5OTk5OTk5OTk5OTk5OTk5OTk5/x-y/"])
def test_a_made_up_link_leads_nowhere(address: str, db: None) -> None:
    assert "does not work any more" in Client().get(address, follow=True).content.decode()


def test_links_never_let_anybody_in_as_staff(alice: Client, acme: House) -> None:
    User.objects.filter(pk=acme.member.user.pk).update(is_staff=True)
    address = f"/admin/deliveries/member/{acme.member.public_id}/login-link/"
    assert "This user is staff" in alice.post(address, follow=True).content.decode()
    assert not AuditEntry.objects.filter(action="member.login_link").exists()


def test_a_link_dies_when_its_member_becomes_staff(alice: Client, acme: House) -> None:
    address = f"/admin/deliveries/member/{acme.member.public_id}/login-link/"
    link = link_from(alice.post(address).content.decode())
    User.objects.filter(pk=acme.member.user.pk).update(is_superuser=True)
    assert find_member(link.split("/")[3]) is None
    assert "does not work any more" in Client().get(link, follow=True).content.decode()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"username": "alice"}, "There is a user of this name already."),
        ({"username": ""}, "etters, digits and"),
        ({"username": "a b"}, "etters, digits and"),
        ({"username": "x" * 151}, "1 to 150 characters"),
        ({"username": "erin", "email": "nonsense"}, "no e-mail address"),
        ({"username": "er\x00in"}, "etters, digits and"),
    ],
)
def test_a_member_who_cannot_be_added_is_refused_in_words(
    form: dict[str, str], words: str, alice: Client, acme: House
) -> None:
    assert words in add_member(alice, acme.customer, **form)
    assert Member.objects.count() == 1
    assert User.objects.count() == 2


def test_support_neither_adds_members_nor_makes_links(bob: Client, acme: House) -> None:
    assert "erin" not in add_member(bob, acme.customer, username="erin")
    address = f"/admin/deliveries/member/{acme.member.public_id}/login-link/"
    assert bob.post(address).status_code == 403


def test_a_removed_member_loses_the_account(alice: Client, acme: House) -> None:
    carol = logged_in(acme.member.user)
    alice.post(f"/admin/deliveries/member/{acme.member.public_id}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="carol").exists()
    assert carol.get("/portal/").status_code == 302
    assert AuditEntry.objects.get(action="member.remove").actor == "user:alice"
