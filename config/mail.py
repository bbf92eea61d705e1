"""HOOKPOST_EMAIL_URL as Django wants it.

What lives here: the translation. It must not know what is mailed.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from config.database import ESCAPES
from deliveries.errors import WrongSetting

DEFAULT_PORTS = {"smtp": 587, "smtps": 465}
TIMEOUT_SECONDS = 10


def email_settings(url: str) -> dict[str, object]:
    """Django's EMAIL_* settings; smtps is TLS from the first byte, smtp with a password is STARTTLS."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise WrongSetting("HOOKPOST_EMAIL_URL: the port is not a number from 1 to 65535") from None
    if not parts.hostname:
        raise WrongSetting("HOOKPOST_EMAIL_URL: names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise WrongSetting(f"HOOKPOST_EMAIL_URL: nothing stands behind host and port; {ESCAPES}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not f"{user}{password}".isascii():  # what smtplib sends of it
        raise WrongSetting("HOOKPOST_EMAIL_URL: user and password have ASCII characters only")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or DEFAULT_PORTS[parts.scheme],
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(parts.username),
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
    }
