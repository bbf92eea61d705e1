"""Signing secrets of endpoints: made, checked, kept.

What lives here: from a text to a sealed row. It must not know who asks, nor which secrets end when.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django.db.models import Q

from deliveries.errors import CannotDecrypt, InvalidInput
from deliveries.models import Endpoint, EndpointSecret
from deliveries.protocol.signing.profiles import check_key, profile_of
from deliveries.protocol.signing.secrets import HMAC_PREFIX, SigningKey, check_secret, read_secret
from deliveries.protocol.writing.sentences import say
from deliveries.services.common import clock

SECRET_BYTES = 32


def new_secret() -> str:
    """Return a fresh `whsec_` secret."""
    return HMAC_PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def given_or_new(secret: str | None, *, signing: str) -> str:
    """Return the secret that was given, if it serves the scheme, or a fresh one; raises InvalidSecret."""
    return new_secret() if secret is None else check_secret(secret, signing=signing)


def add_secret(endpoint: Endpoint, text: str, expires_at: datetime | None = None) -> None:
    """Store a secret that was checked."""
    secret = EndpointSecret(endpoint=endpoint, expires_at=expires_at)
    secret.seal_secret(text)
    secret.save()


def check_signing(endpoint: Endpoint, keys: Iterable[SigningKey]) -> None:
    """Refuse a scheme that its keys cannot serve, or whose header is a custom one too."""
    for key in keys:
        check_key(endpoint.signing, key)
    custom = {name.replace("_", "-") for name in endpoint.header_names}  # which are one to many a receiver
    for name in profile_of(endpoint.signing).headers:
        if name.lower() in custom:
            raise InvalidInput(
                say("the header {name} is the signature's, and a custom one too", name=name), field="signing"
            )


def own_header_names(endpoint: Endpoint) -> list[str]:
    """Return the names of the headers that an endpoint has of its own: those of its signature, and custom ones."""
    return [*(name.lower() for name in profile_of(endpoint.signing).headers), *endpoint.header_names]


def forget_same(endpoint: Endpoint, text: str) -> None:
    """Forget a secret that is about to be stored again: it would sign each request twice."""
    for secret in endpoint.secrets.all():
        with suppress(CannotDecrypt):
            if secret.open_key() == read_secret(text):
                secret.delete()


def signing_keys(endpoint: Endpoint) -> list[SigningKey]:
    """Return the keys that sign for an endpoint now."""
    alive = endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=clock.likely_now()))
    return [secret.open_key() for secret in alive]
