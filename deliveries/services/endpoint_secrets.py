"""Signing secrets of endpoints: made, checked, kept.

What lives here: from a text to a sealed row. It must not know who asks, nor which secrets end when.
"""

from __future__ import annotations

import base64
import os
from datetime import datetime

from deliveries.models import Endpoint, EndpointSecret
from deliveries.protocol.secrets import HMAC_PREFIX, check_secret

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
