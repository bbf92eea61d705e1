"""Members: people of a customer, each with a user of their own, and the link that lets them set a password.

What lives here: the verbs, each with its audit entry. It must not know pages. No mail is needed: the link
is handed over by whoever made it. It serves once, and only for users who are not staff. Who is invited by mail
is in invitations.py.
"""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, User
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, Member
from deliveries.protocol.who.member_roles import MemberRole
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

USERNAME_LIMIT = 150
EMAIL_LIMIT = 254


def add_member(customer: Customer, username: str, *, email: str = "", actor: str) -> Member:
    """Create a user without a password and make it a member; a username that exists is refused."""
    _check(username, email)
    try:
        with transaction.atomic():
            limits.lock(customer)
            limits.refuse_beyond("members", Member.objects.filter(customer=customer).count(), customer)
            user = create_person(username, email)
            member = Member.objects.create(customer=customer, user=user)
            record_act(
                actor, "member.add", customer=customer, object_id=member.public_id, detail={"username": username}
            )
    except IntegrityError as error:
        raise InvalidInput(say("there is a user of this name already"), field="username") from error
    return member


def create_person(name: str, email: str) -> User:
    """Create a user without a password, whatever fields the project's own kind of user has for name and address."""
    return get_user_model()._default_manager.create_user(**names_of_person(name, email), password=None)


def names_of_person(name: str, email: str) -> dict[str, str]:
    """Return the fields of a user that hold a log-in's name and an address; one field may be both."""
    model = get_user_model()
    return {model.get_email_field_name(): email, model.USERNAME_FIELD: name}


def by_name(name: str) -> dict[str, str]:
    """Return the filter that finds a user by what is typed to log in."""
    return {get_user_model().USERNAME_FIELD: name}


def login_token(member: Member, *, actor: str) -> tuple[str, str]:
    """Return user part and token of a link that lets the member set a password, once."""
    if not is_plain(member.user):
        raise Conflict(say("this user is staff; a link would let its holder in as staff"))
    record_act(actor, "member.login_link", customer=member.customer, object_id=member.public_id)
    return urlsafe_base64_encode(force_bytes(member.user.pk)), default_token_generator.make_token(member.user)


def change_role(member: Member, role: str, *, actor: str) -> Member:
    """Give a member another role; raises Conflict when the customer would be left without an owner."""
    check_role(role)
    with transaction.atomic():
        limits.lock(member.customer)
        hold(member)
        before = member.role
        if role != MemberRole.OWNER:
            _keep_an_owner(member)
        Member.objects.filter(pk=member.pk).update(role=role)
        detail = {"username": member.user.get_username(), "from": before, "to": role}
        record_act(actor, "member.role", customer=member.customer, object_id=member.public_id, detail=detail)
    member.role = role
    return member


def remove_member(member: Member, *, actor: str, reason: str = "", may_be_last: bool = False) -> None:
    """Take a person out of a customer; a user of no other customer, who is not staff, goes too, with every session.

    Raises Conflict when the customer would be left without an owner; `may_be_last` lets the only member go.
    """
    with transaction.atomic():
        limits.lock(member.customer)
        hold(member)
        if not (may_be_last and Member.objects.filter(customer=member.customer).count() == 1):
            _keep_an_owner(member)
        detail = {"username": member.user.get_username()}
        record_act(
            actor, "member.remove", customer=member.customer, object_id=member.public_id, reason=reason, detail=detail
        )
        if is_plain(member.user) and only_of(member.customer).filter(pk=member.user_id).exists():
            member.user.delete()
        else:
            member.delete()


def only_of(customer: Customer) -> QuerySet[AbstractUser]:
    """Return the users who are members of this customer and of no other."""
    elsewhere = Member.objects.filter(user=OuterRef("pk")).exclude(customer=customer)
    return get_user_model().objects.filter(memberships__customer=customer).exclude(Exists(elsewhere))


def note_session(user_id: int, session_hash: str) -> None:
    """Note that a member logged in, and end its oldest sessions beyond the limit; nothing for who is no member."""

    with transaction.atomic():
        members = list(Member.objects.select_for_update(no_key=True).filter(user_id=user_id).order_by("id"))
        if not members:
            return
        longest = max((member.session_hashes for member in members), key=len)  # of who joined last there are fewer
        known = [*longest, session_hash]
        sessions = apps.get_model("sessions.Session")._default_manager  # a project without pages has none
        sessions.filter(session_key__in=known[: -limits.SESSIONS]).delete()
        Member.objects.filter(user_id=user_id).update(session_hashes=known[-limits.SESSIONS :])


def find_member(user_part: str) -> Member | None:
    """Return the member whom a link names, if its user may use such links."""
    try:
        key = urlsafe_base64_decode(user_part).decode()
        user_id = get_user_model()._meta.pk.to_python(key)
        member = Member.objects.select_related("user", "customer").filter(user_id=user_id).order_by("id").first()
    except (ValueError, OverflowError, ValidationError):
        return None
    return member if member is not None and is_plain(member.user) else None


def is_plain(user: AbstractUser) -> bool:
    """Say whether a user is active and has no part in the staff's site."""
    return user.is_active and not user.is_staff and not user.is_superuser


def check_role(role: str) -> None:
    """Raise InvalidInput unless there is such a role."""
    if role not in set(MemberRole):
        raise InvalidInput(say("one of {names}", names=", ".join(MemberRole)), field="role")


def _keep_an_owner(member: Member) -> None:
    owners = Member.objects.filter(customer=member.customer, role=MemberRole.OWNER, user__is_active=True)
    if owners.filter(pk=member.pk).exists() and not owners.exclude(pk=member.pk).exists():
        raise Conflict(say("a customer keeps at least one owner; make somebody else an owner first"))


def _check(username: str, email: str) -> None:
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as error:
        raise InvalidInput(say("letters, digits and @ . + - _ only"), field="username") from error
    if not 1 <= len(username) <= USERNAME_LIMIT:
        raise InvalidInput(
            say("a username has 1 to {username_limit} characters", username_limit=USERNAME_LIMIT), field="username"
        )
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise InvalidInput(say("this is no e-mail address"), field="email") from error
    if len(email) > EMAIL_LIMIT:
        raise InvalidInput(
            say("an e-mail address has at most {email_limit} characters", email_limit=EMAIL_LIMIT), field="email"
        )
