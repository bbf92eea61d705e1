"""For receivers: whether a request came from Hookpost. The library of Standard Webhooks does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

__all__ = ["Webhook", "WebhookVerificationError", "verify"]


def verify(secret: str, body: bytes | str, headers: Mapping[str, str]) -> Any:
    """Return the payload of a request whose signature is right; raises WebhookVerificationError."""
    return Webhook(secret).verify(body, dict(headers))
