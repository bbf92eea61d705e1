"""Staff: the verbs of owners, beneath any page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User

from deliveries.errors import Conflict, HookpostError, InvalidInput
from deliveries.models import AuditEntry, Customer
from deliveries.protocol.who.staff_roles import PERMISSIONS, StaffRole
from deliveries.services.people import staff
from deliveries.services.people.members import add_member
from deliveries.services.people.role_groups import group_name, is_last_owner, owners, permissions_of, role_of
from tests.security.steps import a_factor

pytestmark = pytest.mark.django_db

ACTOR = "user:alice"


def an_owner(name: str = "alice") -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser(name, f"{name}@example.org")


def again(user: User) -> User:
    """The user as the next request finds it."""
    return User.objects.get(pk=user.pk)


def trail() -> list[tuple[str, object]]:
    """What was written down, with who it was about."""
    return [(entry.action, entry.detail["username"]) for entry in AuditEntry.objects.order_by("id")]


@pytest.mark.parametrize("role", list(StaffRole))
def test_who_is_invited_is_staff_of_that_role_without_a_password(role: StaffRole) -> None:
    user = again(staff.invite_staff(" Eve@Example.org", role, actor=ACTOR))
    assert (user.get_username(), user.email, user.is_staff) == ("eve@example.org", "eve@example.org", True)
    assert role_of(user) == role
    assert user.is_superuser == (role == StaffRole.OWNER)
    assert not user.has_usable_password()
    assert trail() == [("staff.invite", "eve@example.org")]


@pytest.mark.parametrize(("email", "role"), [("eve@example.org", "boss"), ("eve@example.org", ""), ("eve", "viewer")])
def test_what_makes_no_sense_invites_nobody(email: str, role: str) -> None:
    with pytest.raises(InvalidInput):
        staff.invite_staff(email, role, actor=ACTOR)
    assert not User.objects.exists()
    assert trail() == []


def test_a_member_is_not_made_one_of_staff_by_an_invitation() -> None:
    customer = Customer.objects.create(name="Acme")
    member = add_member(customer, "carol@example.com", email="carol@example.com", actor="system")
    with pytest.raises(InvalidInput):
        staff.invite_staff("carol@example.com", "owner", actor=ACTOR)
    assert not again(member.user).is_staff
    assert not staff.staff_users().exists()


def test_each_role_leads_to_each_other_and_leaves_nothing_behind() -> None:
    an_owner()
    user = staff.invite_staff("eve@example.org", "viewer", actor=ACTOR)
    for role in (*StaffRole, *reversed(StaffRole)):
        staff.change_staff_role(again(user), role, actor=ACTOR)
        assert role_of(again(user)) == role
        if role != StaffRole.OWNER:
            assert permissions_of(again(user)) == PERMISSIONS[role]
            assert list(user.groups.values_list("name", flat=True)) == [group_name(role)]
    assert AuditEntry.objects.filter(action="staff.role").count() == 8


def test_the_trail_says_what_somebody_was_before() -> None:
    an_owner()
    user = User.objects.create_user("eve", is_staff=True)
    for role in ("support", "operator"):
        staff.change_staff_role(again(user), role, actor=ACTOR)
    details = [entry.detail for entry in AuditEntry.objects.order_by("id")]
    assert [(each["before"], each["after"]) for each in details] == [
        ("of their own", "support"),
        ("support", "operator"),
    ]


def test_a_group_that_is_about_nothing_of_ours_is_kept() -> None:
    an_owner()
    user = User.objects.create_user("eve", is_staff=True)
    user.groups.add(Group.objects.create(name="Choir"))
    staff.change_staff_role(user, "viewer", actor=ACTOR)
    assert set(user.groups.values_list("name", flat=True)) == {"Choir", group_name(StaffRole.VIEWER)}


LOWER: dict[str, Callable[[User], object]] = {
    "another role": lambda user: staff.change_staff_role(user, "operator", actor=ACTOR),
    "switched off": lambda user: staff.switch_staff(user, on=False, actor=ACTOR),
}


@pytest.mark.parametrize("how", LOWER)
@pytest.mark.parametrize("other", ["none", "switched off", "without the staff flag"])
def test_one_owner_stays_who_can_log_in(how: str, other: str) -> None:
    alice = an_owner()
    if other != "none":
        second = an_owner("second")
        second.is_active, second.is_staff = other != "switched off", other != "without the staff flag"
        second.save()
    assert is_last_owner(alice)
    with pytest.raises(Conflict):
        LOWER[how](alice)
    assert list(owners()) == [again(alice)]
    assert trail() == []
    an_owner("third")
    LOWER[how](again(alice))
    assert [user.get_username() for user in owners()] == ["third"]


def test_an_owner_stays_an_owner_when_told_so_again() -> None:
    alice = an_owner()
    staff.change_staff_role(alice, "owner", actor=ACTOR)
    assert is_last_owner(again(alice))


def test_who_is_switched_off_comes_back_as_what_they_were() -> None:
    an_owner()
    user = staff.invite_staff("eve@example.org", "support", actor=ACTOR)
    staff.switch_staff(user, on=False, actor=ACTOR)
    assert (again(user).is_active, permissions_of(again(user)), role_of(again(user))) == (False, set(), "support")
    staff.switch_staff(user, on=True, actor=ACTOR)
    assert permissions_of(again(user)) == PERMISSIONS[StaffRole.SUPPORT]
    assert [action for action, _ in trail()] == ["staff.invite", "staff.off", "staff.on"]


def test_a_second_factor_is_taken_once() -> None:
    user = User.objects.create_user("eve", is_staff=True)
    with pytest.raises(HookpostError):
        staff.reset_second_factor(user, actor=ACTOR)
    a_factor(user)
    staff.reset_second_factor(user, actor=ACTOR)
    with pytest.raises(HookpostError):
        staff.reset_second_factor(user, actor=ACTOR)
    assert trail() == [("second_factor.remove", "eve")]
