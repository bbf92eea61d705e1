"""What REST has no door for: the first API key, a member of staff and a member of the customer.

What lives here: rows that a second run finds again and renews. It must not know the story.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction

from deliveries.models import ApiKey, Customer, Member
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import SYSTEM
from deliveries.services.people.api_keys import create_api_key, revoke_api_key

KEY_NAME = "demo"
STAFF = "demo-staff"
MEMBER = "demo-member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user name with the password of this run."""

    username: str
    password: str = field(repr=False)


def new_key() -> str:
    """Return a service key with all scopes; the keys of earlier runs are revoked."""
    for old in ApiKey.objects.filter(name=KEY_NAME, customer=None, revoked_at=None):
        revoke_api_key(old, actor=SYSTEM, reason=say("a new run of the demo"))
    return create_api_key(KEY_NAME, ApiKey.Scope.values, actor=SYSTEM)[1]


def staff_login() -> Login:
    """Return a member of staff who may do everything."""
    return _login(STAFF, is_staff=True, is_superuser=True)[1]


def member_login(customer_uid: str) -> Login:
    """Return a member of that customer."""
    with transaction.atomic():
        user, login = _login(MEMBER)
        customer = Customer.objects.get(uid=customer_uid)
        Member.objects.get_or_create(user=user, customer=customer)
    return login


def _login(username: str, **flags: bool) -> tuple[User, Login]:
    password = secrets.token_urlsafe(9)
    user, _ = User.objects.update_or_create(username=username, defaults={"is_active": True, **flags})
    user.set_password(password)
    user.save()
    return user, Login(username=username, password=password)
