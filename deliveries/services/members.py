"""Members: people of a customer, each with a user of their own, and the link that lets them set a password.

What lives here: the verbs, each with its audit entry. It must not know pages. No mail is needed: the link
is handed over by whoever made it. It serves once, and only for users who are not staff.
"""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, Member
from deliveries.services import limits
from deliveries.services.audit import record_act

USERNAME_LIMIT = 150
EMAIL_LIMIT = 254


def add_member(customer: Customer, username: str, *, email: str = "", actor: str) -> Member:
    """Create a user without a password and make it a member; a username that exists is refused."""
    _check(username, email)
    try:
        with transaction.atomic():
            limits.lock(customer)
            limits.refuse_beyond("members", Member.objects.filter(customer=customer).count(), customer)
            user = get_user_model().objects.create_user(username=username, email=email, password=None)
            member = Member.objects.create(customer=customer, user=user)
            record_act(actor, "member.add", customer=customer, target=member.public_id, detail={"username": username})
    except IntegrityError as error:
        raise InvalidInput("there is a user of this name already", field="username") from error
    return member


def login_token(member: Member, *, actor: str) -> tuple[str, str]:
    """Return user part and token of a link that lets the member set a password, once."""
    if not is_plain(member.user):
        raise Conflict("this user is staff; a link would let its holder in as staff")
    record_act(actor, "member.login_link", customer=member.customer, target=member.public_id)
    return urlsafe_base64_encode(force_bytes(member.user.pk)), default_token_generator.make_token(member.user)


def remove_member(member: Member, *, actor: str, reason: str = "") -> None:
    """Take a person out of a customer; a user who is not staff goes too, and with it every session."""
    with transaction.atomic():
        detail = {"username": member.user.get_username()}
        record_act(
            actor, "member.remove", customer=member.customer, target=member.public_id, reason=reason, detail=detail
        )
        if is_plain(member.user):
            member.user.delete()
        else:
            member.delete()


def note_session(user_id: int, session_hash: str) -> None:
    """Note that a member logged in, and end its oldest sessions beyond the limit; nothing for who is no member."""
    with transaction.atomic():
        member = Member.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
        if member is None:
            return
        known = [*member.session_hashes, session_hash]
        Session.objects.filter(session_key__in=known[: -limits.SESSIONS]).delete()
        member.session_hashes = known[-limits.SESSIONS :]
        member.save(update_fields=["session_hashes"])


def find_member(user_part: str) -> Member | None:
    """Return the member whom a link names, if its user may use such links."""
    try:
        key = urlsafe_base64_decode(user_part).decode()
        member = Member.objects.select_related("user", "customer").filter(user_id=int(key)).first()
    except (ValueError, OverflowError):
        return None
    return member if member is not None and is_plain(member.user) else None


def is_plain(user: AbstractUser) -> bool:
    """Say whether a user is active and has no part in the staff's site."""
    return user.is_active and not user.is_staff and not user.is_superuser


def _check(username: str, email: str) -> None:
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as error:
        raise InvalidInput("letters, digits and @ . + - _ only", field="username") from error
    if not 1 <= len(username) <= USERNAME_LIMIT:
        raise InvalidInput(f"a username has 1 to {USERNAME_LIMIT} characters", field="username")
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        raise InvalidInput("this is no e-mail address", field="email") from error
    if len(email) > EMAIL_LIMIT:
        raise InvalidInput(f"an e-mail address has at most {EMAIL_LIMIT} characters", field="email")
