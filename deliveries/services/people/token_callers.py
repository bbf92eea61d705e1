"""Callers with a token of the operator's issuer: who they are to us, as if they had shown a key.

What lives here: from a token to a caller with scopes and a customer, and a short memory of tokens that were read. It
must not know headers or requests. A token says itself until when it counts; a customer that is gone ends it
within seconds.
"""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db.models import Q
from joserfc.jwk import Key

from deliveries.conf import conf
from deliveries.errors import InvalidId, TokenRefused
from deliveries.models import ApiKey, Customer
from deliveries.protocol.who.actor_names import name_token
from deliveries.protocol.who.bearer_tokens import LONGEST, SERVICE, TokenClaims, TokenRules, key_id_of, read_token
from deliveries.protocol.writing import ids
from deliveries.protocol.writing.remembered import remember
from deliveries.services.common import clock
from deliveries.services.people.issuer_keys import issuer_keys

REMEMBERED = 10_000
REMEMBERED_SECONDS = 30.0
SCOPES = frozenset(ApiKey.Scope.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaller:
    """Who shows a token. `id` is the same for the same subject and customer; `ends_at` is in Unix seconds."""

    id: UUID
    name: str
    customer_id: UUID | None
    scopes: frozenset[str]
    ends_at: float

    @property
    def actor(self) -> str:
        """How the audit trail names this caller."""
        return name_token(self.name, is_customers=self.customer_id is not None)


_known: dict[bytes, tuple[TokenCaller, float]] = {}  # and when it was read
_lock = threading.Lock()


def is_wanted() -> bool:
    """Say whether tokens are taken at all."""
    return bool(conf.jwt_issuer)


def caller_with(text: str) -> TokenCaller:
    """Return who shows this token; raises TokenRefused, ClockOff, or Unavailable without the issuer's keys."""
    now, digest = clock.now().timestamp(), _digest(text)
    caller, read_at = _known.get(digest, (None, 0.0))
    if caller is None or time.monotonic() - read_at > REMEMBERED_SECONDS:
        caller = _read(text, now)
        with _lock:
            remember(_known, digest, (caller, time.monotonic()), limit=REMEMBERED)
    if now >= caller.ends_at:
        raise TokenRefused("it has expired")
    return caller


def remembered_caller(text: str) -> TokenCaller | None:
    """Return who showed this token before, without reading it again; None for a stranger."""
    return _known.get(_digest(text), (None, 0.0))[0]


def _read(text: str, now: float) -> TokenCaller:
    if len(text) > LONGEST:
        raise TokenRefused(f"it is longer than {LONGEST} characters")
    key = issuer_keys.find(key_id_of(text))
    if not isinstance(key, Key):
        raise TokenRefused("it is signed by no key of the issuer")
    claims = read_token(text, key, _rules(), now=now)
    customer_id = None if claims.customer == SERVICE else _customer_id(claims)
    return TokenCaller(
        id=uuid5(NAMESPACE_URL, f"{conf.jwt_issuer} {customer_id or SERVICE} {claims.subject}"),
        name=claims.subject,
        customer_id=customer_id,
        scopes=claims.scopes & SCOPES,
        ends_at=claims.ends_at,
    )


def _rules() -> TokenRules:
    return TokenRules(
        issuer=conf.jwt_issuer,
        audience=conf.jwt_audience,
        algorithms=conf.jwt_algorithms,
        scope_claim=conf.jwt_scope_claim,
        customer_claim=conf.jwt_customer_claim,
        without_customer=conf.jwt_without_customer == "service",
    )


def _customer_id(claims: TokenClaims) -> UUID:
    named = Q(uid=claims.customer)
    with suppress(InvalidId):
        named = Q(id=ids.decode_id(ids.CUSTOMER, claims.customer))
    found = Customer.objects.filter(named, moved_to="").values_list("id", flat=True).first()
    if found is None:
        raise TokenRefused("it is for a customer that is not here")
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
