"""The second factor: asked for on both sites however one came in, enforced by setting, thrown away by nobody."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deliveries.models import AuditEntry, Customer, Member, SecondFactor
from deliveries.services.people import second_factor
from deliveries.services.people.members import login_token
from deliveries.services.people.portal_links import create_link
from tests.security.steps import PASSWORD, a_factor, a_member, a_superuser, code_of, logged_in
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> User:
    return a_member(Customer.objects.create(name="Alice & Co"))


def require(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setattr(SETTINGS, "require_2fa", who)


def test_setting_up_takes_a_code_and_gives_backup_codes_once() -> None:
    user = a_superuser()
    browser = logged_in(user)
    begun = browser.post("/admin/second-factor/", {"act": "begin"})
    factor = SecondFactor.objects.get(user=user)
    assert "<svg" in begun.content.decode()
    assert factor.open_text() in begun.content.decode()
    assert not factor.confirmed
    wrong = browser.post("/admin/second-factor/", {"act": "confirm", "code": "000000"})
    assert "not right" in wrong.content.decode()
    SecondFactor.objects.update(throttling_failure_count=0)
    done = browser.post("/admin/second-factor/", {"act": "confirm", "code": code_of(factor)})
    codes = re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", done.content.decode())
    assert len(codes) == 10
    assert "no-store" in done.headers["Cache-Control"]
    assert browser.get("/admin/").status_code == 200
    assert codes[0] not in browser.get("/admin/second-factor/").content.decode()
    assert AuditEntry.objects.filter(action="second_factor.add").count() == 1


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_whoever_has_one_is_asked_for_it_after_the_password(site: str, member: User) -> None:
    user = a_superuser() if site == "admin" else member
    factor = a_factor(user)
    browser = Client()
    asked = browser.post(f"/{site}/login/", {"username": user.username, "password": PASSWORD}, follow=True)
    place, _ = asked.redirect_chain[-1]
    assert place.startswith(f"/{site}/second-factor/?next=")
    assert browser.get(f"/{site}/deliveries/endpoint/").status_code == 302
    opened = browser.post(place, {"act": "check", "code": code_of(factor)}, follow=True)
    assert opened.redirect_chain == [(f"/{site}/", 302)]
    assert browser.get(f"/{site}/deliveries/endpoint/").status_code == 200


def test_a_link_that_sets_a_password_does_not_go_around_it(member: User) -> None:
    a_factor(member)
    part, token = login_token(member.memberships.get(), actor="user:root")  # type: ignore[attr-defined]
    browser = Client()
    form = browser.get(f"/portal/welcome/{part}/{token}/", follow=True)
    words = {"new_password1": PASSWORD + "!", "new_password2": PASSWORD + "!"}
    done = browser.post(form.redirect_chain[-1][0], words, follow=True)
    assert done.redirect_chain[-1][0].startswith("/portal/second-factor/")


@pytest.mark.parametrize("elsewhere", ["password", "customer"])
def test_a_portal_link_sets_none_up_for_a_log_in_that_is_used_without_it(member: User, elsewhere: str) -> None:
    """Given a link, which anybody may have, then it locks nobody out who has a password or another customer."""
    if elsewhere == "customer":
        Member.objects.create(customer=Customer.objects.create(name="Bob & Co"), user=member)
        member.set_unusable_password()
        member.save()
    browser = Client()
    token = create_link(member.memberships.earliest("id").customer, actor="key:backend")[1]  # type: ignore[attr-defined]
    browser.post("/portal-link", {"token": token})
    assert "A link opened this session" in browser.get("/portal/second-factor/").content.decode()
    assert browser.post("/portal/second-factor/", {"act": "begin"}).status_code == 400
    assert not SecondFactor.objects.exists()


def test_a_code_serves_once() -> None:
    user = a_superuser()
    factor = a_factor(user)
    code = code_of(factor)
    assert second_factor.check_code(user, code) is not None
    assert second_factor.check_code(user, code) is None


def test_a_backup_code_serves_once() -> None:
    user = a_superuser()
    a_factor(user)
    code = second_factor.new_backup_codes(user)[3]
    assert second_factor.check_code(user, f" {code.upper()} ") is not None
    assert second_factor.check_code(user, code) is None


def test_after_a_wrong_code_the_right_one_has_to_wait() -> None:
    user = a_superuser()
    factor = a_factor(user)
    assert second_factor.check_code(user, "nonsense") is None
    assert second_factor.check_code(user, code_of(factor)) is None
    SecondFactor.objects.update(throttling_failure_timestamp="2020-01-01T00:00:00Z")
    assert second_factor.check_code(user, code_of(factor)) is not None


@pytest.mark.parametrize("text", ["", "٣٣٣٣٣٣", "1" * 5000, "\x00", "-12345", "1e5", "\ud800"])
def test_nonsense_is_a_wrong_code(text: str) -> None:
    user = a_superuser()
    a_factor(user)
    assert second_factor.check_code(user, text.encode("utf-8", "replace").decode()) is None


@pytest.mark.parametrize(("who", "staff_must", "member_must"), [("staff", True, False), ("all", True, True)])
def test_the_setting_sends_people_to_set_one_up(
    who: str, staff_must: bool, member_must: bool, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(monkeypatch, who)
    staff = logged_in(a_superuser()).get("/admin/")
    portal = logged_in(member).get("/portal/")
    assert (staff.status_code == 302, portal.status_code == 302) == (staff_must, member_must)
    assert staff.headers["Location"].startswith("/admin/second-factor/")


def test_without_the_second_step_nothing_can_be_taken_away() -> None:
    user = a_superuser()
    a_factor(user)
    browser = logged_in(user)
    for act in ("remove", "backup", "begin", "confirm", ""):
        assert browser.post("/admin/second-factor/", {"act": act, "code": "1"}).status_code == 400
    assert SecondFactor.objects.filter(user=user, confirmed=True).exists()


def test_removing_takes_a_code() -> None:
    user = a_superuser()
    factor = a_factor(user)
    browser = logged_in(user)
    browser.post("/admin/second-factor/", {"act": "check", "code": code_of(factor, steps_ahead=-1)})
    browser.post("/admin/second-factor/", {"act": "remove", "code": "000000"})
    assert SecondFactor.objects.exists()
    SecondFactor.objects.update(throttling_failure_count=0)
    browser.post("/admin/second-factor/", {"act": "remove", "code": code_of(factor)})
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.filter(action="second_factor.remove", actor="user:root").count() == 1


def test_a_superuser_helps_somebody_who_has_lost_theirs(member: User) -> None:
    factor = a_factor(member)
    page = f"/admin/deliveries/secondfactor/{factor.pk}/delete/"
    logged_in(a_superuser()).post(page, {"post": "yes"})
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.filter(action="second_factor.remove", detail__username="carol").count() == 1


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_way_on_stays_on_this_site(elsewhere: str) -> None:
    user = a_superuser()
    factor = a_factor(user)
    done = logged_in(user).post(f"/admin/second-factor/?next={elsewhere}", {"act": "check", "code": code_of(factor)})
    assert done.headers["Location"] == "/admin/"


def test_the_seed_is_sealed_and_backup_codes_are_hashed() -> None:
    user = a_superuser()
    factor = a_factor(user)
    code = second_factor.new_backup_codes(user)[0].replace("-", "")
    row = repr(SecondFactor.objects.filter(user=user).values().get())
    assert factor.open_seed().hex() not in row
    assert code not in row


def test_after_ten_wrong_passwords_the_log_in_closes_for_a_while() -> None:
    a_superuser()
    browser = Client()
    answers = [browser.post("/admin/login/", {"username": "root", "password": "wrong"}) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 9 + [429]
    late = browser.post("/admin/login/", {"username": "root", "password": PASSWORD})
    assert late.status_code == 429
    assert "Too many failed log-ins" in late.content.decode()
