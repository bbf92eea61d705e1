"""Invitations: from an address that an owner typed to a member with a log-in.

What lives here: making, withdrawing, finding and using them, each with its audit entry. The link is signed, serves
once and ends; it is in the mail alone, so who made the invitation cannot use it. Who invites learns nothing of whether
an address has a log-in already: that is told behind the link. It must not know pages or mail.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from deliveries.errors import Conflict, InvalidId, InvalidInput
from deliveries.models import Customer, Invitation, Member
from deliveries.protocol.who.actor_names import name_person
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act
from deliveries.services.people.mail_addresses import check_email
from deliveries.services.people.members import by_name, check_role, create_person, is_plain

LIFETIME = timedelta(days=7)
DAY = timedelta(days=1)
SALT = "hookpost.invitation"


def invite(customer: Customer, email: str, role: str, *, actor: str) -> Invitation:
    """Invite whoever reads mail at this address; an earlier invitation of it ends."""
    address, now = check_email(email), clock.likely_now()
    by_address = {f"user__{get_user_model().get_email_field_name()}__iexact": address}
    check_role(role)
    with transaction.atomic():
        limits.lock(customer)
        if Member.objects.filter(customer=customer, **by_address).exists():
            raise InvalidInput(say("there is a member with this address"), field="email")
        limits.refuse_beyond("members", Member.objects.filter(customer=customer).count(), customer)
        lately = Invitation.objects.filter(customer=customer, created_at__gt=now - DAY)
        limits.refuse_beyond("invitations", lately.count(), customer)
        open_invitations(customer).filter(email=address).update(withdrawn_at=now, mail_due_at=None)
        made = Invitation.objects.create(
            customer=customer,
            email=address,
            role=role,
            actor=actor[:200],
            created_at=now,
            expires_at=now + LIFETIME,
            mail_due_at=now,
        )
        record_act(actor, "member.invite", customer=customer, object_id=made.public_id, detail={"role": role})
    return made


def open_invitations(customer: Customer) -> QuerySet[Invitation]:
    """Return those that may still be used."""
    return Invitation.objects.filter(
        customer=customer, used_at=None, withdrawn_at=None, expires_at__gt=clock.likely_now()
    )


def withdraw(invitation: Invitation, *, actor: str) -> None:
    """End an invitation; one that was used or is over stays as it is."""
    with transaction.atomic():
        limits.lock(invitation.customer)
        still_open = open_invitations(invitation.customer).filter(pk=invitation.pk)
        if still_open.update(withdrawn_at=clock.likely_now(), mail_due_at=None):
            record_act(actor, "invitation.withdraw", customer=invitation.customer, object_id=invitation.public_id)


def token_of(invitation: Invitation) -> str:
    """Return what the link carries."""
    return Signer(salt=SALT).sign(invitation.public_id)


def find_invitation(token: str) -> Invitation | None:
    """Return the invitation of a link that may still be used."""
    try:
        key = ids.decode_id(Invitation.PREFIX, Signer(salt=SALT).unsign(token))
    except (BadSignature, InvalidId):
        return None
    found = Invitation.objects.select_related("customer").filter(pk=key).first()
    return found if found is not None and open_invitations(found.customer).filter(pk=key).exists() else None


def has_log_in(email: str) -> bool:
    """Say whether this address is the username of somebody who has a password, or is staff: then they log in."""
    user = get_user_model()._default_manager.filter(**by_name(email)).first()
    return user is not None and (user.has_usable_password() or not is_plain(user))


def accept_as(invitation: Invitation, user: User) -> Member:
    """Use an invitation up for somebody who is logged in; raises Conflict when it is over."""
    with transaction.atomic():
        _use_up(invitation)
        member = Member.objects.filter(customer=invitation.customer, user=user).first()
        return member or _join(invitation, user)


def accept_with_password(invitation: Invitation, password: str) -> Member:
    """Use an invitation up for somebody without a log-in: the address becomes their username."""
    users, hashed = get_user_model()._default_manager, make_password(password)  # which takes long, so before any lock
    try:
        with transaction.atomic():
            _use_up(invitation)
            user = users.select_for_update(of=("self",)).filter(**by_name(invitation.email)).first()
            if user is None:
                user = create_person(invitation.email, invitation.email)
            elif has_log_in(invitation.email):
                raise Conflict(say("there is a log-in of this address already: log in with it"))
            user.password = hashed
            user.save(update_fields=["password"])
            return Member.objects.filter(customer=invitation.customer, user=user).first() or _join(invitation, user)
    except IntegrityError as error:
        raise Conflict(say("there is a log-in of this address already: log in with it")) from error


def _use_up(invitation: Invitation) -> None:
    limits.lock(invitation.customer)
    still_open = open_invitations(invitation.customer).filter(pk=invitation.pk)
    if not still_open.update(used_at=clock.likely_now(), mail_due_at=None):
        raise Conflict(say("this invitation was used or is over"))


def _join(invitation: Invitation, user: User) -> Member:
    customer = invitation.customer
    limits.refuse_beyond("members", Member.objects.filter(customer=customer).count(), customer)
    member = Member.objects.create(customer=customer, user=user, role=invitation.role)
    actor = name_person(user.get_username(), is_member=True)
    detail = {"role": member.role, "invited_by": invitation.actor}
    record_act(actor, "member.join", customer=customer, object_id=member.public_id, detail=detail)
    return member
