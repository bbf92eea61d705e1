"""Second factors: set up, confirmed, checked, removed, each with its audit entry.

What lives here: the verbs. It must not know pages or sessions.
"""

from __future__ import annotations

import base64
import os

from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser
from django.db import transaction

from deliveries.conf import conf
from deliveries.errors import Conflict
from deliveries.models import SecondFactor
from deliveries.models.second_factor import hash_backup
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import actor_of_user, record_act

SHOWN_TO_PROVIDER = "hookpost_second_factor_at_provider"  # of a session: the provider saw one, by our setting
SEED_BYTES = 20
BACKUP_CODES = 10
BACKUP_BYTES = 10

User = AbstractBaseUser | AnonymousUser


def confirmed_factor(user: User) -> SecondFactor | None:
    """Return the factor that is asked for at log-in, if there is one."""
    found: SecondFactor | None = SecondFactor.objects.filter(user_id=user.pk, confirmed=True).first()
    return found


def is_required(user: AbstractUser) -> bool:
    """Say whether this person must have a second factor."""
    return conf.require_2fa == "all" or (conf.require_2fa == "staff" and (user.is_staff or user.is_superuser))


def begin_factor(user: AbstractUser) -> SecondFactor:
    """Return a new factor that counts once its first code was shown; an unconfirmed one before it is gone."""
    with transaction.atomic():
        if SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed=True).exists():
            raise Conflict(say("there is a second factor already; remove it first"))
        SecondFactor.objects.filter(user_id=user.pk).delete()
        factor = SecondFactor(user=user, name="authenticator", confirmed=False)
        factor.seal_seed(os.urandom(SEED_BYTES))
        factor.save(force_insert=True)
    return factor


def confirm_factor(user: AbstractUser, code: str) -> tuple[SecondFactor, list[str]] | None:
    """Let the factor count from now on and return it with its backup codes; None when the code is wrong."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed=False).first()
        if factor is None or not factor.verify_token(code):
            return None
        factor.confirmed = True
        codes = _give_backup_codes(factor)
        _record(user, "second_factor.add", factor)
    return factor, codes


def check_code(user: User, code: str) -> SecondFactor | None:
    """Return the factor when the code is right; it cannot be used again."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        return factor if factor is not None and factor.verify_token(code) else None


def new_backup_codes(user: AbstractUser) -> list[str]:
    """Return fresh backup codes; the old ones end."""
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        if factor is None:
            raise Conflict(say("there is no second factor"))
        codes = _give_backup_codes(factor)
        _record(user, "second_factor.backup_codes", factor)
    return codes


def remove_factor(factor: SecondFactor, *, actor: str, reason: str = "") -> None:
    """Ask for the password only, from now on."""
    with transaction.atomic():
        object_id, detail = f"user {factor.user_id}", {"username": factor.user.get_username()}
        record_act(actor, "second_factor.remove", object_id=object_id, reason=reason, detail=detail)
        factor.delete()


def _give_backup_codes(factor: SecondFactor) -> list[str]:
    texts = [base64.b32encode(os.urandom(BACKUP_BYTES)).decode().lower() for _ in range(BACKUP_CODES)]
    factor.backup_hashes = [hash_backup(text) for text in texts]
    factor.save()
    return ["-".join(text[start : start + 4] for start in range(0, 16, 4)) for text in texts]


def _record(user: AbstractUser, action: str, factor: SecondFactor) -> None:
    detail = {"username": user.get_username()}
    record_act(actor_of_user(user.get_username()), action, object_id=f"user {factor.user_id}", detail=detail)
