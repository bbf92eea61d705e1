"""Members: invited by mail, with roles that hold everywhere, one person at several customers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.errors import Conflict
from deliveries.models import ApiKey, AuditEntry, Endpoint, Invitation, Member
from deliveries.services.common.audit import record_act
from deliveries.services.people import invitations
from deliveries.services.people.members import add_member, change_role, login_token, remove_member
from deliveries.services.people.portal_links import create_link
from deliveries.services.telling.alert_mail import is_mail_due
from deliveries.services.telling.invitation_mail import send_due_invitations
from tests.pages.chromium import PASSWORD
from tests.pages.conftest import House, logged_in
from tests.pages.test_isolation import pages_of_a_row, portal_pages, row_of
from tests.security.steps import a_factor
from tests.services.mailing import use
from tests.smtp_server import MailServer, text_of

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db

NEW = {"act": "new", "new_password1": PASSWORD, "new_password2": PASSWORD}
MAY_POST = {"signature", "payload"}  # a look at what was signed, or would be sent


def with_role(house: House, role: str, name: str = "erin") -> Client:
    """A browser of another member of a house."""
    member = add_member(house.customer, name, email=f"{name}@example.com", actor="system")
    return logged_in(change_role(member, role, actor="system").user)


def an_invitation(house: House, email: str = "fay@example.com", role: str = "developer") -> Invitation:
    return invitations.invite(house.customer, email, role, actor="member:carol")


def link_of(invitation: Invitation) -> str:
    return f"/portal/invitation/{invitations.token_of(invitation)}/"


def name_shown(browser: Client) -> str:
    """Whose portal a browser sees."""
    return str(browser.get("/portal/").context["site_subheader"])


# --- invitations


def test_an_invitation_serves_once_and_makes_a_member_of_the_role(acme: House, carol: Client) -> None:
    carol.post("/portal/members/", {"email": " Fay@Example.com ", "role": "viewer"})
    invitation = Invitation.objects.get()
    fay = Client()
    assert "fay@example.com" in fay.get(link_of(invitation)).content.decode()
    assert fay.post(link_of(invitation), NEW).status_code == 302
    assert name_shown(fay) == "Acme"
    member = Member.objects.get(user__username="fay@example.com")
    assert (member.role, member.user.email) == ("viewer", "fay@example.com")
    assert [Client().get(link_of(invitation)).status_code, fay.post(link_of(invitation), NEW).status_code] == [410, 410]
    acts = AuditEntry.objects.filter(customer=acme.customer, action__in=("member.invite", "member.join")).order_by("id")
    assert [(each.actor, each.action) for each in acts] == [
        ("member:carol", "member.invite"),
        ("member:fay@example.com", "member.join"),
    ]


@pytest.mark.parametrize("end", ["used", "withdrawn", "expired", "another signature", "replaced"])
def test_an_invitation_that_is_over_opens_no_door(end: str, acme: House) -> None:
    invitation = an_invitation(acme)
    link = link_of(invitation)
    if end == "withdrawn":
        invitations.withdraw(invitation, actor="member:carol")
    if end == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    if end == "used":
        invitations.accept_with_password(invitation, PASSWORD)
    if end == "replaced":
        an_invitation(acme)
    if end == "another signature":
        link = link.replace(invitation.public_id, an_invitation(acme, "gil@example.com").public_id)
    before = Member.objects.count()
    assert Client().get(link).status_code == 410
    assert Client().post(link, NEW).status_code == 410
    assert Member.objects.count() == before
    if end in ("used", "withdrawn", "expired"):
        with pytest.raises(Conflict):
            invitations.accept_with_password(invitation, PASSWORD)


def test_who_has_a_log_in_joins_with_it_and_nobody_takes_it_over(acme: House, globex: House) -> None:
    dave = globex.member.user
    User.objects.filter(pk=dave.pk).update(username="dave@example.com", password="pbkdf2_sha256$1$x$x")
    invitation = an_invitation(acme, "dave@example.com", "viewer")
    stranger = Client()
    assert "There is a log-in of this address already" in stranger.get(link_of(invitation)).content.decode()
    assert "log in with it" in stranger.post(link_of(invitation), NEW).content.decode()
    browser = logged_in(User.objects.get(pk=dave.pk))
    assert browser.post(link_of(invitation), {"act": "join"}).status_code == 302
    assert name_shown(browser) == "Acme"
    assert set(dave.memberships.values_list("customer__name", "role")) == {("Globex", "owner"), ("Acme", "viewer")}


def test_who_has_not_shown_the_second_factor_yet_joins_nobody(acme: House, globex: House) -> None:
    a_factor(globex.member.user)
    link, browser = link_of(an_invitation(acme)), logged_in(globex.member.user)
    for answer in (browser.get(link), browser.post(link, {"act": "join"})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/portal/second-factor/?next=%2Fportal%2Finvitation%2F")
    assert globex.member.user.memberships.count() == 1


def test_whether_an_address_has_a_log_in_is_not_told_to_who_invites(acme: House, globex: House, carol: Client) -> None:
    pages = [
        carol.post("/portal/members/", {"email": email, "role": "viewer"}, follow=True).content.decode()
        for email in ("dave@example.com", "nobody@example.com")
    ]
    told = [re.findall(r"An invitation to \S+ is on its way[^<]*", page) for page in pages]
    assert [len(each) for each in told] == [1, 1]
    assert told[0][0].replace("dave", "nobody") == told[1][0]


def test_a_link_of_an_invitation_is_for_nobody_of_staff(acme: House) -> None:
    User.objects.create_user("boss@example.com", is_staff=True)
    invitation = an_invitation(acme, "boss@example.com")
    assert Client().post(link_of(invitation), NEW).status_code == 200
    assert not Member.objects.filter(user__username="boss@example.com").exists()


def test_invitations_have_a_limit_within_a_day(acme: House, carol: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.services.common.limits.INVITATIONS", 2)
    for email in ("a@example.com", "a@example.com", "b@example.com"):
        answer = carol.post("/portal/members/", {"email": email, "role": "viewer"})
    assert "at most 2 invitations within a day" in answer.content.decode()
    assert Invitation.objects.count() == 2


@pytest.mark.parametrize("email", ["", "nobody", "carol@example.com", f"{'x' * 150}@example.com", "a@b\nBcc: c@d.e"])
def test_an_address_that_cannot_be_invited_is_refused_on_the_page(email: str, acme: House, carol: Client) -> None:
    answer = carol.post("/portal/members/", {"email": email, "role": "viewer"})
    assert (answer.status_code, Invitation.objects.count()) == (200, 0)


def test_a_letter_that_the_server_does_not_take_is_tried_again(acme: House, settings: SettingsWrapper) -> None:
    invitation = an_invitation(acme)
    with MailServer(refusals={"fay@example.com": "450 later"}) as server:
        use(server.port, settings)
        assert send_due_invitations() == 0
    invitation.refresh_from_db()
    assert invitation.mail_due_at is not None
    assert invitation.mailed_at is None
    with MailServer() as server:
        use(server.port, settings)
        Invitation.objects.update(mail_due_at=timezone.now())
        assert is_mail_due()
        assert send_due_invitations() == 1
        ((to, raw),) = server.letters
    assert to == "fay@example.com"
    assert link_of(invitation) in text_of(raw)
    assert not is_mail_due()


# --- roles


def test_a_viewer_sees_all_pages_and_changes_nothing(acme: House) -> None:
    viewer = with_role(acme, "viewer")
    before = snapshot()
    for page in portal_pages():
        row = row_of(acme, page.model)
        place = f"/portal/deliveries/{page.opts.model_name}/"
        shown = viewer.get(f"{place}{row.public_id}/change/")
        assert shown.status_code == 200, place
        for address in (
            place,
            f"{place}add/",
            *(f"{place}{row.public_id}/{ending}" for ending in pages_of_a_row(page)),
        ):
            if address.rstrip("/").rpartition("/")[2] not in MAY_POST:
                assert viewer.post(address, {"confirmed": "yes", "post": "yes"}).status_code == 403, address
    assert viewer.post("/portal/members/", {"email": "x@example.com", "role": "viewer"}).status_code == 403
    assert snapshot() == before


def snapshot() -> list[object]:
    """What somebody without rights could have changed."""
    return [list(model.objects.order_by("pk").values()) for model in (Endpoint, ApiKey, Member, Invitation, AuditEntry)]


def test_a_developer_works_and_leaves_members_alone(acme: House) -> None:
    developer = with_role(acme, "developer")
    place = f"/portal/deliveries/endpoint/{acme.endpoint.public_id}"
    assert developer.post(f"{place}/pause/", {"confirmed": "yes"}).status_code == 302
    acme.endpoint.refresh_from_db()
    assert acme.endpoint.state == "paused"
    invitation = an_invitation(acme)
    for address in (
        "",
        f"{acme.member.public_id}/role/",
        f"{acme.member.public_id}/remove/",
        f"invitations/{invitation.public_id}/withdraw/",
    ):
        form = {"email": "x@example.com", "role": "viewer", "confirmed": "yes"}
        assert developer.post(f"/portal/members/{address}", form).status_code == 403, address
    assert "Remove" not in developer.get("/portal/members/").content.decode()


def test_an_owner_changes_roles_and_removes_members(acme: House, carol: Client) -> None:
    erin = add_member(acme.customer, "erin", actor="system")
    browser = logged_in(erin.user)
    carol.post(f"/portal/members/{erin.public_id}/role/", {"role": "viewer"})
    assert browser.post("/portal/members/", {"email": "x@example.com", "role": "viewer"}).status_code == 403
    asked = carol.post(f"/portal/members/{erin.public_id}/remove/")
    assert "Remove erin?" in asked.content.decode()
    assert Member.objects.filter(pk=erin.pk).exists()
    carol.post(f"/portal/members/{erin.public_id}/remove/", {"confirmed": "yes"})
    assert browser.get("/portal/").status_code == 302
    assert not User.objects.filter(username="erin").exists()
    acts = AuditEntry.objects.filter(action__in=("member.role", "member.remove")).order_by("id")
    assert [(each.action, each.detail.get("to")) for each in acts] == [
        ("member.role", "viewer"),
        ("member.remove", None),
    ]


def test_a_password_is_hashed_before_anything_is_held(acme: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes long: many who post one invitation at once would hold every connection meanwhile."""
    invitation, asked_before = an_invitation(acme), []
    with CaptureQueriesContext(connection) as asked:

        def hashed(password: str) -> str:
            asked_before.append(len(asked))
            return make_password(password)

        monkeypatch.setattr(invitations, "make_password", hashed)
        member = invitations.accept_with_password(invitation, PASSWORD)
    assert asked_before == [0]
    assert member.user.check_password(PASSWORD)


def test_at_least_one_owner_stays(acme: House, carol: Client) -> None:
    add_member(acme.customer, "erin", actor="system")
    carol.post(f"/portal/members/{Member.objects.get(user__username='erin').public_id}/role/", {"role": "developer"})
    for address, form in (("role", {"role": "viewer"}), ("remove", {"confirmed": "yes"})):
        answer = carol.post(f"/portal/members/{acme.member.public_id}/{address}/", form, follow=True)
        assert "keeps at least one owner" in answer.content.decode()
    acme.member.refresh_from_db()
    assert acme.member.role == "owner"


def test_staff_may_take_the_last_member_out_but_no_owner_from_the_others(acme: House) -> None:
    erin = change_role(add_member(acme.customer, "erin", actor="system"), "viewer", actor="user:alice")
    with pytest.raises(Conflict):
        remove_member(acme.member, actor="user:alice", may_be_last=True)
    remove_member(erin, actor="user:alice", may_be_last=True)
    remove_member(acme.member, actor="user:alice", may_be_last=True)
    assert not Member.objects.exists()


# --- several customers


def test_one_person_switches_between_customers_and_keeps_their_roles_apart(acme: House, globex: House) -> None:
    viewer_there = Member.objects.create(customer=globex.customer, user=acme.member.user, role="viewer")
    carol = logged_in(acme.member.user)
    assert "Globex" in carol.get("/portal/customers/").content.decode()
    assert name_shown(carol) == "Acme"
    carol.post("/portal/customers/", {"member": viewer_there.public_id})
    assert name_shown(carol) == "Globex"
    theirs, ours = (f"/portal/deliveries/endpoint/{each.endpoint.public_id}/" for each in (globex, acme))
    assert [carol.get(f"{each}change/").status_code for each in (theirs, ours)] == [200, 404]
    assert "/portal/customers/" in carol.get(f"{ours}change/").content.decode()  # as where a letter leads
    record_act("member:carol", "endpoint.update", customer=globex.customer, object_id="ep_x")
    assert "<td>Globex</td>" in carol.get("/portal/profile/").content.decode()
    assert carol.post(f"{theirs}pause/", {"confirmed": "yes"}).status_code == 403
    remove_member(viewer_there, actor="member:dave")
    assert name_shown(carol) == "Acme"
    assert "/portal/customers/" not in carol.get("/portal/nothing/").content.decode()
    assert User.objects.filter(pk=acme.member.user_id).exists()


def test_nobody_switches_to_a_customer_that_is_not_theirs(acme: House, globex: House, carol: Client) -> None:
    assert carol.post("/portal/customers/", {"member": globex.member.public_id}).status_code == 404
    assert name_shown(carol) == "Acme"


def test_a_portal_link_leads_to_its_own_customer_and_no_other(acme: House, globex: House) -> None:
    """Given a person of two customers, when one customer's link logs them in, then the other stays out of reach."""
    Member.objects.create(customer=globex.customer, user=acme.member.user)
    browser = Client()
    token = create_link(globex.customer, actor="key:backend", email="carol@example.com")[1]
    browser.post("/portal-link", {"token": token})
    assert name_shown(browser) == "Globex"
    assert browser.post("/portal/customers/", {"member": acme.member.public_id}).status_code == 404
    assert "Acme" not in browser.get("/portal/customers/").content.decode()
    assert browser.post(link_of(an_invitation(acme, "x@example.com")), {"act": "join"}).status_code == 200


def test_a_log_in_with_the_password_ends_what_a_portal_link_bound(acme: House, globex: House) -> None:
    user = acme.member.user
    user.set_password(PASSWORD)
    user.save()
    Member.objects.create(customer=globex.customer, user=user)
    browser = Client()
    browser.post("/portal-link", {"token": create_link(globex.customer, actor="x", email="carol@example.com")[1]})
    browser.post("/portal/login/", {"username": "carol", "password": PASSWORD})
    assert "Acme" in browser.get("/portal/customers/").content.decode()


def test_another_customers_members_and_invitations_are_not_there(acme: House, globex: House, carol: Client) -> None:
    theirs = an_invitation(globex)
    for name in (globex.member.public_id, str(globex.member.pk)):
        for act in ("role", "remove"):
            answer = carol.post(f"/portal/members/{name}/{act}/", {"role": "viewer", "confirmed": "yes"})
            assert answer.status_code == 404
    for name in (theirs.public_id, str(theirs.pk)):
        assert carol.post(f"/portal/members/invitations/{name}/withdraw/").status_code == 404
    page = carol.get("/portal/members/").content.decode()
    assert "dave" not in page
    assert theirs.email not in page


def test_a_welcome_link_still_sets_the_password_of_one_with_several_customers(acme: House, globex: House) -> None:
    Member.objects.create(customer=globex.customer, user=acme.member.user)
    part, token = login_token(acme.member, actor="user:alice")
    assert Client().get(f"/portal/welcome/{part}/{token}/", follow=True).status_code == 200
