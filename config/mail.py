"""HOOKPOST_EMAIL_URL as Django wants it.

What lives here: the translation. It must not know what is mailed.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

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
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or DEFAULT_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(parts.username),
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
    }
