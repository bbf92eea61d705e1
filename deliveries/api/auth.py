"""Who calls: API keys as Bearer tokens. Source: RFC 6750.

What lives here: from the Authorization header to a caller, scopes, and a memory of facts about keys
that never change. It must not know any view. Whether a key is alive is asked of PostgreSQL each time.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from deliveries.errors import TokenRefused
from deliveries.models import ApiKey
from deliveries.models.visible import Viewer
from deliveries.protocol.writing.remembered import remember
from deliveries.services.common.audit import actor_of_key
from deliveries.services.people.api_keys import find_api_key, hash_key, touch_api_key
from deliveries.services.people.token_callers import TokenCaller, caller_with, is_wanted, remembered_caller

NO_KEY = "send the header Authorization: Bearer <key>"
CHALLENGE = 'Bearer realm="hookpost"'
REMEMBERED = 10_000
NOTE_USE_SECONDS = 60.0

_HEADER = re.compile(r"Bearer +(hk_[A-Za-z0-9_-]{43})", re.IGNORECASE)
_TOKEN = re.compile(r"Bearer +([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2})", re.IGNORECASE)

Scope = ApiKey.Scope


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What is true of a key for ever: scopes and owner of a key never change. `is_token`: it has no row."""

    id: UUID
    name: str
    customer_id: UUID | None
    scopes: frozenset[str]
    is_token: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as `request.user`."""

    key: ApiKey | TokenCaller

    is_authenticated = True

    @property
    def viewer(self) -> Viewer:
        """Whose rows this caller sees."""
        return Viewer(self.key.customer_id)

    @property
    def actor(self) -> str:
        """How the audit trail names this caller."""
        return self.key.actor if isinstance(self.key, TokenCaller) else actor_of_key(self.key)


_known: dict[bytes, tuple[KnownKey, float]] = {}  # and when its use was noted last
_lock = threading.Lock()


def known_key(header: str) -> KnownKey:
    """Return the facts about the key in an Authorization header, mostly from memory; it may be dead by now.

    Raises AuthenticationFailed for a key that was dead or unknown when it was last looked up.
    """
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        return _facts_of_token(token_caller(header))
    digest = hash_key(match[1])
    known, used_at = _known.get(digest, (None, 0.0))
    now = time.monotonic()
    if known is None or now - used_at > NOTE_USE_SECONDS:
        key = authenticate_text(header)
        touch_api_key(key)
        known = _remember(digest, key, now)
    return known


def remembered_key(header: str) -> KnownKey | None:
    """Return the facts about a key that came before, without asking whether it is alive."""
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        return _remembered_token(header)
    return _known.get(hash_key(match[1]), (None, 0.0))[0]


def authenticate_text(header: str) -> ApiKey:
    """Return the living key in an Authorization header, or raise AuthenticationFailed."""
    text = _text_of(header)
    key = find_api_key(text)
    if key is None:
        _known.pop(hash_key(text), None)
        raise AuthenticationFailed("the API key is unknown, revoked or expired")
    return key


class BearerKey(BaseAuthentication):
    """Authenticates REST views; without a header nobody is logged in."""

    def authenticate(self, request: Request) -> tuple[object, ApiKey | TokenCaller] | None:
        """Return the caller and its key or token, or raise AuthenticationFailed."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        if _HEADER.fullmatch(header.strip()) is None:
            token = token_caller(header)
            return Caller(token), token
        key = authenticate_text(header)
        touch_api_key(key)
        _remember(hash_key(_text_of(header)), key, time.monotonic())
        return Caller(key), key

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 says in WWW-Authenticate."""
        return CHALLENGE


class HasScope(BasePermission):
    """Lets a caller in whose key has the scope that the view names for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether to go on; says which scope is missing."""
        key: Any = request.auth
        if key is None:
            raise NotAuthenticated(NO_KEY)
        if request.method == "OPTIONS":
            return True
        needed: Mapping[str, str] = view.scopes
        scope = needed.get(request.method or "", needed.get("GET", Scope.READ))
        if not allows(key.scopes, scope):
            raise PermissionDenied(f"this needs a key with the scope {scope}")
        return True


def allows(scopes: list[str] | frozenset[str], scope: str) -> bool:
    """Tell whether a key with these scopes has that one; who manages may also read."""
    return scope in scopes or (scope == Scope.READ and Scope.MANAGE in scopes)


def caller_of(request: Request) -> Caller:
    """Return who calls; only behind HasScope."""
    return cast(Caller, request.user)


def refuse_customer_keys(request: Request) -> None:
    """Raise PermissionDenied for a key that is bound to a customer."""
    if not caller_of(request).viewer.is_operator:
        raise PermissionDenied("this needs a service key; yours is bound to a customer")


def _text_of(header: str) -> str:
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        raise AuthenticationFailed(NO_KEY)
    return match[1]


def token_caller(header: str) -> TokenCaller:
    """Return who shows a token of the operator's issuer, or raise AuthenticationFailed for what is neither."""
    match = _TOKEN.fullmatch(header.strip()) if is_wanted() else None
    if match is None:
        raise AuthenticationFailed(NO_KEY)
    try:
        return caller_with(match[1])
    except TokenRefused as error:
        raise AuthenticationFailed(f"the token is not taken: {error}") from error


def _remembered_token(header: str) -> KnownKey | None:
    match = _TOKEN.fullmatch(header.strip()) if is_wanted() else None
    caller = remembered_caller(match[1]) if match else None
    return _facts_of_token(caller) if caller else None


def _facts_of_token(token: TokenCaller) -> KnownKey:
    return KnownKey(token.id, token.name, token.customer_id, token.scopes, is_token=True)


def _remember(digest: bytes, key: ApiKey, now: float) -> KnownKey:
    known = _facts(key)
    with _lock:
        remember(_known, digest, (known, now), limit=REMEMBERED)
    return known


def _facts(key: ApiKey) -> KnownKey:
    return KnownKey(key.id, key.name, key.customer_id, frozenset(key.scopes))
