"""Whom the tests of mailed alerts write to, and by which server."""

from __future__ import annotations

from typing import Any

from config.mail import email_settings

OPERATOR = "ops@example.org"
CAROL = "carol@example.com"


def use(port: int, settings: Any, *, user: str = "") -> None:
    """Send by the server on this port, as HOOKPOST_EMAIL_URL would have it."""
    for name, value in email_settings(f"smtp://{user}127.0.0.1:{port}").items():
        setattr(settings, name, value)
