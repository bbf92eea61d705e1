"""`deliveries` inside another Django project: which apps and settings it needs there, and which of them are missing.

What lives here: the lists, and system checks that name what is not there, each with an id; docs/embedding.md shows
them. The standalone server's own settings (config/settings.py) have all of it. It must not know what a page does.
"""

from __future__ import annotations

from collections.abc import Iterator

import dramatiq
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004
from django.db import connection

# Looked at before any actor is imported, for an actor without a broker makes one that nobody chose.
BROKER_WAS_SET = dramatiq.broker.global_broker is not None

NEEDED_APPS = ("django.contrib.auth", "django.contrib.contenttypes")
APPS_OF_API = ("rest_framework", "drf_spectacular")
APPS_OF_PAGES = (
    *("unfold", "django.contrib.admin", "django.contrib.sessions", "django.contrib.messages"),
    *("django.contrib.staticfiles", "axes", "django_otp"),
)


def missing_apps(names: tuple[str, ...]) -> list[str]:
    """Return those of some apps that are not in INSTALLED_APPS."""
    return [name for name in names if not apps.is_installed(name)]


@register
def check_project(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check what the project around us has to bring."""
    return [*_errors(), *_warnings()]


def _errors() -> Iterator[CheckMessage]:
    if missing := missing_apps(NEEDED_APPS):
        yield Error(f"INSTALLED_APPS: without {', '.join(missing)}", id="hookpost.E010")
    if not getattr(settings, "ENCRYPTION_KEYS", ()):
        hint = 'ENCRYPTION_KEYS = (("k1", "…"),): pairs of an id and the base64 of 32 bytes; the first encrypts.'
        yield Error("ENCRYPTION_KEYS: is missing, so no secret can be stored", hint=hint, id="hookpost.E011")
    if not getattr(settings, "BROKER_URL", "") or not BROKER_WAS_SET:
        hint = "BROKER_URL = …, and dramatiq.set_broker(…) with that URL, both in the settings."
        yield Error("BROKER_URL: is missing, or no broker was set", hint=hint, id="hookpost.E012")
    if connection.vendor != "postgresql":
        yield Error("DATABASES: the default database is not PostgreSQL", id="hookpost.E013")
    if not settings.USE_TZ:
        yield Error("USE_TZ: must be True, for all moments have an offset", id="hookpost.E014")


def _warnings() -> Iterator[CheckMessage]:
    for part, names, check_id in (("API", APPS_OF_API, "hookpost.W013"), ("pages", APPS_OF_PAGES, "hookpost.W014")):
        if missing := missing_apps(names):
            message = f"INSTALLED_APPS: without {', '.join(missing)} Hookpost's {part} cannot be mounted"
            yield Warning(message, hint="Add them, or silence this where only the rest is used.", id=check_id)
