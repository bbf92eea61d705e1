"""Staff looked after by owners on a page of ours, and everybody's own profile."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from deliveries.errors import Conflict
from deliveries.models import AuditEntry, LogIn, PasswordMail, SecondFactor
from deliveries.protocol.who.staff_roles import StaffRole
from deliveries.services.people.password_links import link_parts, mail_link
from deliveries.services.people.portal_links import create_link
from deliveries.services.people.role_groups import group_name, role_of
from deliveries.services.people.staff import change_staff_role
from deliveries.services.purge import purge_rows
from deliveries.services.telling.alert_mail import is_mail_due
from deliveries.services.telling.password_mail import send_due_passwords
from tests.pages.chromium import PASSWORD
from tests.pages.conftest import House, logged_in
from tests.pages.test_staff_roles import staff
from tests.security.steps import a_factor
from tests.services.mailing import use
from tests.smtp_server import MailServer, text_of

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db

NEW = {"new_password1": PASSWORD, "new_password2": PASSWORD}


def act(browser: Client, user: User, name: str, **form: str) -> str:
    """Press a button of the page of staff, and confirm it; returns the page that follows."""
    place = f"/admin/staff/{user.pk}/{name}/"
    return browser.post(place, {"confirmed": "yes", **form}, follow=True).content.decode()


def set_password(link: str) -> str:
    """Open a link and set a password; returns the page that follows."""
    browser = Client()
    asked = browser.get(link, follow=True)
    if not asked.context["validlink"]:
        return asked.content.decode()
    return browser.post(asked.redirect_chain[-1][0], NEW, follow=True).content.decode()


def acts_of(user: User) -> list[str]:
    """What the trail says was done to somebody."""
    entries = AuditEntry.objects.filter(object_id=f"user {user.pk}").order_by("id")
    return list(entries.values_list("action", flat=True))


def test_an_owner_invites_by_mail_and_the_link_makes_one_of_staff_once(
    alice: Client, settings: SettingsWrapper
) -> None:
    with MailServer() as server:
        use(server.port, settings)
        page = alice.post("/admin/staff/", {"email": " Eve@Example.org ", "role": "support"}, follow=True)
        assert "A mail with a link is on its way" in page.content.decode()
        assert is_mail_due()
        assert send_due_passwords() == 1
        ((to, raw),) = server.letters
    eve = User.objects.get(username="eve@example.org")
    assert (to, role_of(eve), eve.has_usable_password()) == ("eve@example.org", StaffRole.SUPPORT, False)
    text = text_of(raw)
    link = next(line for line in text.splitlines() if line.startswith("http"))
    place = "/" + link.split("/", 3)[3]
    assert "as support" in text
    assert "The password is set" in set_password(place)
    assert "does not work any more" in set_password(place)
    inside = Client().post("/admin/login/", {"username": "eve@example.org", "password": PASSWORD}, follow=True)
    assert "Overview" in inside.content.decode()
    assert acts_of(eve) == ["staff.invite", "staff.password_link", "password.set"]
    assert "already" in alice.post("/admin/staff/", {"email": "eve@example.org", "role": "viewer"}).content.decode()


def test_without_a_mail_server_the_link_is_shown_once(alice: Client, settings: SettingsWrapper) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    page = alice.post("/admin/staff/", {"email": "eve@example.org", "role": "viewer"})
    assert "no-store" in page.headers["Cache-Control"]
    link = page.context["revealed"].value
    assert not PasswordMail.objects.exists()
    assert "The password is set" in set_password("/" + link.split("/", 3)[3])


def test_a_link_of_one_site_opens_nothing_on_the_other(acme: House) -> None:
    for user, own, other in ((staff("viewer"), "admin", "portal"), (acme.member.user, "portal", "admin")):
        part, token = link_parts(user)
        assert "does not work any more" in set_password(f"/{other}/password/{part}/{token}/")
        assert "does not work any more" in set_password(f"/{own}/password/{part}/{token[:-1]}x/")
        assert "The password is set" in set_password(f"/{own}/password/{part}/{token}/")


def test_a_role_replaces_whatever_somebody_might_do_before(alice: Client) -> None:
    bob = staff("support", "bob")
    bob.user_permissions.add(Permission.objects.get(codename="change_endpoint"))
    mixed = Group.objects.create(name="Mixed")
    mixed.permissions.add(Permission.objects.get(codename="view_user"), Permission.objects.get(codename="add_customer"))
    assert "of their own" in alice.get("/admin/staff/").content.decode()
    bob.groups.add(mixed)
    assert "take them out of it first" in act(alice, bob, "role", role="viewer")
    bob.groups.remove(mixed)
    for role in ("owner", "viewer"):
        act(alice, bob, "role", role=role)
        assert role_of(User.objects.get(pk=bob.pk)) == role
    assert [each.name for each in bob.groups.all()] == [group_name(StaffRole.VIEWER)]
    assert acts_of(bob) == ["staff.role", "staff.role"]


def test_the_last_owner_is_neither_lowered_nor_switched_off_here(alice: Client) -> None:
    owner = User.objects.get(username="alice")
    for page in (act(alice, owner, "role", role="operator"), act(alice, owner, "off")):
        assert "At least one owner stays" in page
    assert User.objects.filter(pk=owner.pk, is_superuser=True, is_active=True).exists()


@pytest.mark.parametrize("name", ["off", "end-sessions", "reset-factor"])
def test_who_is_switched_off_or_logged_out_is_out_at_once(name: str, alice: Client) -> None:
    bob = staff("support", "bob")
    a_factor(bob)
    SecondFactor.objects.update(confirmed=name == "reset-factor")
    browser = logged_in(bob)
    assert browser.get("/admin/profile/").status_code in (200, 302)
    assert alice.post(f"/admin/staff/{bob.pk}/{name}/").context["question"].button
    assert acts_of(bob) == []
    act(alice, bob, name)
    assert "/admin/login/" in browser.get("/admin/").headers["Location"]
    assert SecondFactor.objects.exists() == (name != "reset-factor")
    act(alice, bob, "on")
    assert "/admin/login/" in browser.get("/admin/").headers["Location"], "an old session came back to life"
    assert acts_of(bob)[0] in ("staff.off", "staff.end_sessions", "second_factor.remove")


def test_members_are_no_staff_and_what_is_no_act_is_not_found(alice: Client, acme: House) -> None:
    assert "carol" not in alice.get("/admin/staff/").content.decode()
    for place in (f"{acme.member.user_id}/off", "x/off", f"{User.objects.get(username='alice').pk}/nothing"):
        assert alice.post(f"/admin/staff/{place}/", {"confirmed": "yes"}).status_code == 404


def test_a_profile_shows_the_own_role_and_acts_and_ends_the_own_sessions(acme: House) -> None:
    bob = staff("support", "bob")
    for user, place, words in ((bob, "/admin/", "support"), (acme.member.user, "/portal/", "owner")):
        here, elsewhere = logged_in(user), logged_in(user)
        kind = "user" if place == "/admin/" else "member"
        AuditEntry.objects.create(actor=f"{kind}:{user}", action="mine", object_id="x", customer=acme.customer)
        AuditEntry.objects.create(actor=f"{kind}:other", action="theirs", object_id="x", customer=acme.customer)
        page = here.get(f"{place}profile/").content.decode()
        assert words in page
        assert "mine" in page
        assert "theirs" not in page
        here.post(f"{place}profile/")
        for browser in (here, elsewhere):
            assert "/login/" in browser.get(place).headers["Location"]


def test_a_session_that_a_portal_link_began_ends_alone(acme: House) -> None:
    elsewhere, linked = logged_in(acme.member.user), Client()
    linked.post("/portal-link", {"token": create_link(acme.customer, actor="x", email="carol@example.com")[1]})
    assert "Log out everywhere" not in linked.get("/portal/profile/").content.decode()
    assert linked.post("/portal/profile/").status_code == 403
    assert elsewhere.get("/portal/profile/").status_code == 200


def test_who_is_switched_off_keeps_the_role_and_the_page_says_both(alice: Client) -> None:
    eve = staff("viewer", "eve")
    act(alice, eve, "off")
    rows = {user.get_username(): role for user, role, *_ in alice.get("/admin/staff/").context["staff"]}
    assert rows == {"alice": StaffRole.OWNER, "eve": StaffRole.VIEWER}
    assert not User.objects.get(pk=eve.pk).is_active


def test_a_link_that_no_server_takes_is_mailed_later_and_after_a_day_given_up(settings: SettingsWrapper) -> None:
    bob = staff("support", "bob")
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    row = mail_link(User.objects.get(pk=bob.pk), PasswordMail.Kind.INVITED)
    with MailServer(refusals={"bob@example.org": "450 later"}) as server:
        use(server.port, settings)
        assert send_due_passwords() == 0
        row.refresh_from_db()
        assert row.mail_due_at is not None
        assert row.mailed_at is None
        PasswordMail.objects.update(created_at=timezone.now() - timedelta(days=2), mail_due_at=timezone.now())
        assert send_due_passwords() == 0
    row.refresh_from_db()
    assert row.mail_due_at is None
    assert row.mailed_at is None


def test_links_that_no_longer_open_anything_are_forgotten() -> None:
    bob = staff("support", "bob")
    mail_link(bob, PasswordMail.Kind.INVITED)
    old = mail_link(bob, PasswordMail.Kind.INVITED)
    PasswordMail.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=5))
    purge_rows()
    assert list(PasswordMail.objects.values_list("created_at", flat=True)) != []
    assert not PasswordMail.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize("email", ["", "nobody", "a@b\nBcc: c@d.e", f"{'x' * 150}@example.com"])
def test_an_address_that_nobody_reads_is_refused_at_the_form(email: str, alice: Client) -> None:
    answer = alice.post("/admin/staff/", {"email": email, "role": "viewer"})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_lower_each_other_at_once_are_not_both_lowered() -> None:
    """Given two owners in two transactions, when each lowers the other, then the second is refused."""
    first, second = staff("owner", "first"), staff("owner", "second")
    begun, refused = Event(), list[Conflict]()

    def lower_the_first() -> None:
        begun.set()
        try:
            change_staff_role(first, "viewer", actor="user:second")
        except Conflict as error:
            refused.append(error)
        finally:
            connection.close()

    other = Thread(target=lower_the_first)
    with transaction.atomic():
        change_staff_role(second, "viewer", actor="user:first")
        other.start()
        begun.wait()
    other.join()
    assert len(refused) == 1
    assert [role_of(User.objects.get(pk=user.pk)) for user in (first, second)] == ["owner", "viewer"]
    assert LogIn.objects.count() == 0
