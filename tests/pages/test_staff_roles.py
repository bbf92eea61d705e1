"""Roles of staff: every address, asked by every role; and the last owner."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver

from deliveries.admin.site.sites import staff_site
from deliveries.errors import Conflict
from deliveries.models import ApiVersion, AuditEntry, StaffIdentity, VersionChange
from deliveries.protocol.who.staff_roles import MEANINGS, PERMISSIONS, StaffRole
from deliveries.services.people.role_groups import group_name, is_last_owner, keep_an_owner, role_of
from tests.pages.conftest import House, logged_in
from tests.security.steps import a_factor
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

NO_ROLE, NOBODY = "no role", "nobody"
STEPS = (NO_ROLE, *StaffRole, NOBODY)  # each is let in wherever the one before is

GET_BY_DEFAULT = StaffRole.VIEWER
GET = {
    **dict.fromkeys(
        [
            "login",
            "logout",
            "second_factor",
            "find",
            "index",
            "password_change",
            "password_change_done",
            "jsi18n",
            "profile",
            "set_password",
            "forgotten",
        ],
        NO_ROLE,
    ),
    **dict.fromkeys(
        [f"deliveries_delivery_{act}_{page}" for act in ("redeliver", "cancel") for page in ("all", "all_count")],
        StaffRole.SUPPORT,
    ),
    "deliveries_failuregroup_count": StaffRole.SUPPORT,
    **{
        f"deliveries_{name}": StaffRole.OPERATOR
        for name in [
            *("apikey_add", "member_delete", "customer_add", "customer_brand", "endpoint_delete", "eventtype_add"),
            *("apiversion_add", "apiversion_delete", "versionchange_add", "versionchange_delete"),
        ]
    },
    **{
        f"deliveries_{noun}_{verb}": NOBODY
        for verb, nouns in {
            "add": "auditentry failuregroup member delivery endpoint event job secondfactor",
            "delete": "auditentry failuregroup apikey customer delivery eventtype event job",
        }.items()
        for noun in nouns.split()
    },
    **dict.fromkeys(("autocomplete", "axes_accessattempt_add"), NOBODY),
}
POST_BY_DEFAULT = NOBODY
POST = {
    **dict.fromkeys(
        ["login", "logout", "second_factor", "password_change", "profile", "set_password", "forgotten"], NO_ROLE
    ),
    **dict.fromkeys(
        [f"deliveries_{name}" for name in ("delivery_signature", "endpoint_payload", "versionchange_preview")],
        StaffRole.VIEWER,
    ),
    **{
        f"deliveries_{name}": StaffRole.SUPPORT
        for name in [
            "failuregroup_redeliver",
            "failuregroup_cancel-job",
            "failuregroup_acknowledge",
            "failuregroup_reopen",
            "failuregroup_pause",
            "delivery_redeliver",
            "delivery_redeliver_all",
            "delivery_cancel_all",
            "delivery_export",
            "endpoint_pause",
            "endpoint_resume",
            "endpoint_verify",
            "endpoint_test",
            "endpoint_recover",
            "endpoint_replay",
            "job_resume",
            "job_cancel",
        ]
    },
    **{
        f"deliveries_{name}": StaffRole.OPERATOR
        for name in [
            "apikey_revoke",
            "apikey_add",
            "member_delete",
            "member_role",
            "member_login-link",
            "customer_add",
            "customer_brand",
            "customer_change",
            "customer_add-member",
            "delivery_change-url",
            "endpoint_disable",
            "event_erase",
            "endpoint_delete",
            "endpoint_change",
            "eventtype_add",
            "eventtype_change",
            "endpoint_move",
            *(f"apiversion_{verb}" for verb in ("add", "change", "delete", "release")),
            *(f"versionchange_{verb}" for verb in ("add", "change", "delete")),
        ]
    },
    **dict.fromkeys(("axes_accessattempt_delete", "deliveries_secondfactor_delete"), StaffRole.OWNER),
    **dict.fromkeys(("axes_accessattempt_changelist", "deliveries_secondfactor_changelist"), StaffRole.OWNER),
    **{
        f"{noun}_{verb}": NOBODY
        for noun in ("axes_accessattempt", "deliveries_secondfactor")
        for verb in ("add", "change")
    },
}
OWNERS_NOUNS = ("auth_", "axes_", "staff_", "deliveries_secondfactor_")  # all that is not said otherwise is for owners
ENDS_SESSIONS = (("POST", "logout"), ("POST", "profile"))
SHOWN_AT_A_POST = ("find", "index", "live", "deliveries_job_progress")  # as at a GET


def staff(role: str, name: str = "") -> User:
    """Somebody of staff with a role."""
    user = User.objects.create_user(name or role, is_staff=True, is_superuser=role == StaffRole.OWNER)
    if role in set(PERMISSIONS):
        user.groups.add(Group.objects.get(name=group_name(StaffRole(role))))
    return user


def patterns(found: Sequence[Any] | None = None, before: str = "/admin/") -> Iterator[tuple[str, str]]:
    """Every address of the staff's site with its name."""
    for each in staff_site.get_urls() if found is None else found:
        place = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, place)
        elif isinstance(each, URLPattern) and each.name and "(?P" not in place:
            yield place, each.name


def ids_of(house: House) -> dict[str, object]:
    """A row of each noun, by the name in its address."""
    rows = {row._meta.model_name: row.public_id for row in house.rows()}
    version = ApiVersion.objects.create(name="2026-11-01")
    attempt = AccessAttempt.objects.create(username="x", ip_address="203.0.113.7", failures_since_start=1)
    return rows | {
        "apiversion": version.public_id,
        "versionchange": VersionChange.objects.create(version=version, event_type="invoice.paid").public_id,
        "auditentry": AuditEntry.objects.all()[0].public_id,
        "user": User.objects.create_user("x", is_staff=True).pk,
        "group": Group.objects.create(name="Billing").pk,
        "accessattempt": attempt.pk,
        "secondfactor": a_factor(house.member.user).pk,
    }


def addresses(house: House) -> Iterator[tuple[str, str]]:
    """Every address with the house's rows in it."""
    ids = ids_of(house)
    for place, name in patterns():
        noun = place.split("/")[3] if place.count("/") > 4 else ""
        for parameter in ("<path:object_id>", "<id>"):
            place = place.replace(parameter, str(ids.get(noun, "-")))
        place = place.replace("<str:noun>", "customer").replace("<uidb64>/<token>", "x/x-y")
        yield place.replace("<str:key>/<str:act>", f"{ids['user']}/off"), name


def least(method: str, name: str) -> str:
    """Who is let in, at least."""
    table, default = (GET, GET_BY_DEFAULT) if method == "GET" else (POST, POST_BY_DEFAULT)
    if name in table:
        return table[name]
    if name.startswith(OWNERS_NOUNS):
        return StaffRole.OWNER
    if method == "POST" and (name in SHOWN_AT_A_POST or name.endswith("_history") or name == "pick"):
        return StaffRole.SUPPORT  # whoever only looks posts nothing
    return default


def status_of(browser: Client, method: str, place: str) -> int:
    """What an address answers; whatever it did is undone."""
    with transaction.atomic():
        point = transaction.savepoint()
        answer = browser.generic(method, place)
        transaction.savepoint_rollback(point)
    return answer.status_code


def test_every_address_is_open_to_the_roles_that_it_is_for_and_to_no_other(acme: House) -> None:
    """Given each address, when the least role that it is for asks, then it is let in, and none below it is."""
    browsers = {role: logged_in(staff(role)) for role in STEPS if role != NOBODY}
    walked = 0
    for place, name in addresses(acme):
        for method in ("GET", "POST"):
            *below, role = STEPS[: STEPS.index(least(method, name)) + 1]
            if role == NOBODY:
                assert status_of(browsers[StaffRole.OWNER], method, place) in (403, 404, 405), (method, place)
                continue
            if (method, name) not in ENDS_SESSIONS and (found := status_of(browsers[role], method, place)) not in (
                404,
                405,
            ):
                assert found < 403, (method, place, role)
                assert {status_of(browsers[each], method, place) for each in below} <= {403}, (method, place, below)
                walked += 1
    assert walked > 100


def test_each_role_may_all_that_the_one_before_may() -> None:
    sets = list(PERMISSIONS.values())
    assert all(less < more for less, more in itertools.pairwise(sets))
    assert set(MEANINGS) == set(StaffRole)


def test_a_role_is_what_somebody_may_do_however_they_came_by_it(db: None) -> None:
    assert [role_of(staff(role)) for role in StaffRole] == list(StaffRole)
    assert role_of(User.objects.create_superuser("root")) == StaffRole.OWNER
    support = Group.objects.create(name="Support")  # as releases without roles made it, and maybe changed since
    support.permissions.set(Permission.objects.filter(codename__in=PERMISSIONS[StaffRole.SUPPORT]))
    old = User.objects.create_user("old", is_staff=True)
    old.groups.add(support)
    assert role_of(User.objects.get(pk=old.pk)) == StaffRole.SUPPORT
    support.permissions.add(Permission.objects.get(codename="change_endpoint"))
    assert role_of(User.objects.get(pk=old.pk)) is None


@pytest.mark.parametrize("change", [{"is_active": ""}, {"is_staff": ""}, {"is_superuser": ""}, None])
def test_the_last_owner_is_neither_lowered_nor_removed(change: dict[str, str] | None, alice: Client) -> None:
    owner = User.objects.get(username="alice")
    form = {"username": "alice", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", **(change or {})}
    form = {name: value for name, value in form.items() if value}
    ending = "delete" if change is None else "change"
    place = f"/admin/auth/user/{owner.pk}/{ending}/"
    answer = alice.post(place, {"post": "yes"} if change is None else form)
    assert answer.status_code == (403 if change is None else 200)
    assert change is None or "At least one owner stays" in answer.content.decode()
    owner.refresh_from_db()
    assert owner.is_active
    assert owner.is_staff
    assert owner.is_superuser
    other = staff(StaffRole.OWNER, "second")
    other.set_password("another-wonderland-1872")
    other.save()
    assert alice.post(place, {"post": "yes"} if change is None else form).status_code == 302
    with pytest.raises(Conflict):
        keep_an_owner(other)
    entry = AuditEntry.objects.get(object_id=f"user {owner.pk}")
    assert (entry.actor, entry.detail["username"]) == ("user:alice", "alice")


NO_PASSWORD = {"usable_password": "false", "unset-password": "1"}
STAYS = "At least one owner stays"
NOT_YET = "No other owner can log in yet"


@pytest.mark.parametrize(("others", "told"), [((), STAYS), (("invited",), NOT_YET)])
def test_the_last_owner_who_can_log_in_keeps_the_password(others: Sequence[str], told: str, alice: Client) -> None:
    for name in others:
        staff(StaffRole.OWNER, name)
    owner = User.objects.get(username="alice")
    answer = alice.post(f"/admin/auth/user/{owner.pk}/password/", NO_PASSWORD)
    assert told in answer.content.decode()
    owner.refresh_from_db()
    assert owner.has_usable_password()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("act", ["off", "role"])
def test_an_owner_who_has_not_come_yet_stands_in_for_nobody(act: str, alice: Client) -> None:
    """Given an owner who was invited and has no password, then the other one is neither switched off nor lowered."""
    staff(StaffRole.OWNER, "invited")
    owner = User.objects.get(username="alice")
    place = f"/admin/staff/{owner.pk}/{act}/"
    assert NOT_YET in alice.post(place, {"confirmed": "yes", "role": "viewer"}, follow=True).content.decode()
    owner.refresh_from_db()
    assert (owner.is_active, owner.is_superuser) == (True, True)
    assert alice.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("way", ["password", "provider", "backend"])
def test_an_owner_with_a_way_in_stands_in_for_the_other(
    way: str, alice: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, owner = staff(StaffRole.OWNER, "second"), User.objects.get(username="alice")
    if way == "password":
        second.set_password("another-wonderland-1872")
        second.save()
    elif way == "provider":
        monkeypatch.setattr(SETTINGS, "oidc_issuer", "https://id.example")
        StaffIdentity.objects.create(user=second, issuer="https://id.example", subject="2", was_made=True)
    else:
        settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "shop.Directory"]
    assert not is_last_owner(owner)
    with transaction.atomic():
        keep_an_owner(owner)


def test_a_password_that_nobody_asks_for_is_no_way_in(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a provider beside which no password counts, then an owner with one stands in for nobody."""
    second, owner = staff(StaffRole.OWNER, "second"), User.objects.get(username="alice")
    second.set_password("another-wonderland-1872")
    second.save()
    monkeypatch.setattr(SETTINGS, "oidc_issuer", "https://id.example")
    StaffIdentity.objects.create(user=owner, issuer="https://id.example", subject="1", was_made=True)
    assert not is_last_owner(owner)
    monkeypatch.setattr(SETTINGS, "oidc_passwords", "none")
    assert is_last_owner(owner)


def test_groups_of_roles_are_not_edited_by_hand(alice: Client) -> None:
    for name, answer in ((group_name(StaffRole.VIEWER), 403), ("Billing", 302)):
        group, _ = Group.objects.get_or_create(name=name)
        assert alice.post(f"/admin/auth/group/{group.pk}/change/", {"name": name}).status_code == answer


def test_who_has_no_role_sees_no_figures(acme: House) -> None:
    page = logged_in(staff(NO_ROLE)).get("/admin/").content.decode()
    assert "You have no role here yet" in page
    assert acme.endpoint.url not in page


def test_who_only_looks_is_offered_no_export(acme: House) -> None:
    for role, is_offered in ((StaffRole.VIEWER, False), (StaffRole.SUPPORT, True)):
        text = logged_in(staff(role)).get("/admin/deliveries/delivery/").content.decode()
        assert ("/export/" in text) is is_offered
