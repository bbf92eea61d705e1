"""What is done to log-ins on Django's own pages is in the audit trail."""

from __future__ import annotations

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from deliveries.models import AuditEntry
from tests.pages.conftest import House
from tests.security.steps import PASSWORD, logged_in

pytestmark = pytest.mark.django_db

ANOTHER = "a much better horse battery"


def told() -> list[tuple[str, str, str]]:
    """Who did what to what, in order."""
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "object_id"))


def test_a_password_that_an_owner_gives_or_takes_is_in_the_trail(alice: Client) -> None:
    bert = User.objects.create_user("bert", password=PASSWORD, is_staff=True)
    page, typed = f"/admin/auth/user/{bert.pk}/password/", {"password1": ANOTHER, "password2": ANOTHER}
    alice.post(page, {"usable_password": "true", **typed, "set-password": "1"})
    bert.refresh_from_db()
    assert bert.check_password(ANOTHER)
    assert told() == [("user:alice", "password.set", f"user {bert.pk}")]
    alice.post(page, {"usable_password": "false", "unset-password": "1"})
    bert.refresh_from_db()
    assert not bert.has_usable_password()
    assert told() == 2 * [("user:alice", "password.set", f"user {bert.pk}")]


def test_what_is_refused_of_a_password_leaves_no_entry(alice: Client) -> None:
    bert = User.objects.create_user("bert", password=PASSWORD, is_staff=True)
    for typed in ({"password1": ANOTHER, "password2": "else"}, {"usable_password": "false", "set-password": "1"}):
        alice.post(f"/admin/auth/user/{bert.pk}/password/", typed)
    assert told() == []


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_password_of_ones_own_is_in_the_trail(site: str, bob: Client, acme: House) -> None:
    user = User.objects.get(username="bob") if site == "admin" else acme.member.user
    user.set_password(PASSWORD)
    user.save()
    browser = logged_in(user)
    page, typed = f"/{site}/password_change/", {"new_password1": ANOTHER, "new_password2": ANOTHER}
    before = told()
    browser.post(page, {"old_password": "a wrong one", **typed})
    assert told() == before
    browser.post(page, {"old_password": PASSWORD, **typed})
    user.refresh_from_db()
    assert user.check_password(ANOTHER)
    actor = f"{'user' if site == 'admin' else 'member'}:{user.username}"
    assert told() == [*before, (actor, "password.set", f"user {user.pk}")]


def test_what_a_group_may_do_is_in_the_trail(alice: Client) -> None:
    may = {name: Permission.objects.get(codename=name) for name in ("delete_endpoint", "view_endpoint")}
    alice.post("/admin/auth/group/add/", {"name": "Billing", "permissions": [may["view_endpoint"].pk]})
    group = Group.objects.get(name="Billing")
    both = [each.pk for each in may.values()]
    alice.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Bills", "permissions": both})
    alice.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert told() == [
        ("user:alice", action, f"group {group.pk}") for action in ("group.create", "group.update", "group.remove")
    ]
    assert [entry.detail for entry in AuditEntry.objects.order_by("id")] == [
        {"name": "Billing", "permissions": ["view_endpoint"]},
        {"name": "Bills", "permissions": ["delete_endpoint", "view_endpoint"]},
        {"name": "Bills"},
    ]


def test_who_is_let_in_again_is_in_the_trail(alice: Client) -> None:
    rows = [
        AccessAttempt.objects.create(username=name, ip_address="203.0.113.7", failures_since_start=10)
        for name in ("eve", "bert", "carl")
    ]
    alice.post(f"/admin/axes/accessattempt/{rows[0].pk}/delete/", {"post": "yes"})
    chosen = {"_selected_action": [row.pk for row in rows[1:]], "action": "delete_selected", "post": "yes"}
    alice.post("/admin/axes/accessattempt/", chosen)
    assert not AccessAttempt.objects.exists()
    assert [entry.detail for entry in AuditEntry.objects.filter(action="lockout.end").order_by("id")] == [
        {"usernames": ["eve"], "number": 1},
        {"usernames": ["bert", "carl"], "number": 2},
    ]
