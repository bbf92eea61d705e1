"""API keys: 256 random bits, of which only the SHA-256 is kept.

What lives here: making, finding and revoking keys. It must not know headers or requests. Scopes and
owner of a key never change after its creation, so that callers may remember them; to change them,
make another key.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet

from deliveries.database.failures import first_line
from deliveries.errors import InvalidInput
from deliveries.models import ApiKey, Customer
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock, limits
from deliveries.services.common.audit import record_act

log = structlog.get_logger(__name__)

PREFIX = "hk_"
KEY_BYTES = 32
TOUCH_EVERY = timedelta(minutes=1)

_KEY = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


def create_api_key(
    name: str,
    scopes: Sequence[str],
    *,
    actor: str,
    customer: Customer | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Return the new key's row and its text, which cannot be had again."""
    checked_name, checked_scopes = _check_name(name), _check_scopes(scopes)
    if expires_at is not None and expires_at <= clock.likely_now():
        raise InvalidInput(say("this moment is past"), field="expires_at")
    text = PREFIX + base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")
    with transaction.atomic():
        if customer is not None:
            limits.lock(customer)
            limits.refuse_beyond("api_keys", _alive().filter(customer=customer).count(), customer)
        key = ApiKey.objects.create(
            name=checked_name,
            customer=customer,
            hint=text[-4:],
            hashed=hash_key(text),
            scopes=checked_scopes,
            expires_at=expires_at,
        )
        detail = {"name": checked_name, "scopes": checked_scopes}
        record_act(actor, "api_key.create", customer=customer, object_id=key.public_id, detail=detail)
    return key, text


def find_api_key(text: str) -> ApiKey | None:
    """Return the key of this text unless it is unknown, revoked or expired."""
    if _KEY.fullmatch(text) is None:
        return None
    return _alive().filter(hashed=hash_key(text)).first()


def revoke_api_key(key: ApiKey, *, actor: str, reason: str = "", note: str = "") -> None:
    """End a key at once; revoking it again changes nothing."""
    with transaction.atomic():
        if key.customer is not None:
            limits.lock(key.customer)
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock.likely_now()):
            record_act(
                actor, "api_key.revoke", customer=key.customer, object_id=key.public_id, reason=reason, note=note
            )
    key.refresh_from_db(fields=["revoked_at"])


def touch_api_key(key: ApiKey) -> None:
    """Note that a key was used, at most once a minute: a write per request would be the dearest part of it.

    Whoever only reads is served although this cannot be written: the database may be read-only.
    """
    stale = clock.likely_now() - TOUCH_EVERY
    if (key.last_used_at is not None and key.last_used_at >= stale) or not _pause.is_over():
        return
    unseen = Q(last_used_at=None) | Q(last_used_at__lt=stale)
    try:
        ApiKey.objects.filter(unseen, pk=key.pk).update(last_used_at=clock.likely_now())
    except DatabaseError as error:
        _pause.begin()
        log.warning("key_use_not_noted", error=first_line(error))


class _Pause:
    """After a note that failed none is tried for a minute."""

    until = 0.0

    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def begin(self) -> None:
        self.until = time.monotonic() + TOUCH_EVERY.total_seconds()


_pause = _Pause()


def hash_key(text: str) -> bytes:
    """Return what is kept of a key; 256 random bits need no slow hash."""
    return hashlib.sha256(text.encode()).digest()


def _alive() -> QuerySet[ApiKey]:
    not_over = Q(expires_at=None) | Q(expires_at__gt=clock.likely_now())
    return ApiKey.objects.filter(not_over, revoked_at=None)


def _check_name(name: str) -> str:
    stripped = name.strip()
    if not 1 <= len(stripped) <= 100 or not stripped.isprintable():
        raise InvalidInput(say("a name has 1 to 100 printable characters"), field="name")
    return stripped


def _check_scopes(scopes: Sequence[str]) -> list[str]:
    unknown = sorted(set(scopes) - set(ApiKey.Scope.values))
    if unknown or not scopes:
        raise InvalidInput(say("scopes are some of {names}", names=", ".join(ApiKey.Scope.values)), field="scopes")
    return sorted(set(scopes))
