"""`deliveries` inside another Django project: which apps and settings it needs there, and which of them are missing.

What lives here: the lists, and system checks that name what is not there, each with an id; docs/embedding.md shows
them. The standalone server's own settings (config/settings.py) have all of it. It must not know what a page does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, update_wrapper
from types import MethodType

import dramatiq
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004
from django.db import connection
from django.db.transaction import non_atomic_requests
from django.urls import URLPattern, URLResolver
from django.utils.module_loading import import_string

# Looked at before any actor is imported, for an actor without a broker makes one that nobody chose.
BROKER_WAS_SET = dramatiq.broker.global_broker is not None

NEEDED_APPS = ("django.contrib.auth", "django.contrib.contenttypes")
APPS_OF_API = ("rest_framework", "drf_spectacular")
APPS_OF_PAGES = (
    *("unfold", "django.contrib.admin", "django.contrib.sessions", "django.contrib.messages"),
    *("django.contrib.staticfiles", "axes", "django_otp"),
)
MIDDLEWARE_OF_PAGES = {
    "django.contrib.sessions.middleware": "SessionMiddleware",
    "django.contrib.auth.middleware": "AuthenticationMiddleware",
    "django.contrib.messages.middleware": "MessageMiddleware",
    "django_otp.middleware": "OTPMiddleware",
    "axes.middleware": "AxesMiddleware",
}
BACKENDS_OF_PAGES = ("axes.backends.AxesStandaloneBackend", "deliveries.services.link_backend.LinkBackend")


def missing_apps(names: tuple[str, ...]) -> list[str]:
    """Return those of some apps that are not in INSTALLED_APPS."""
    return [name for name in names if not apps.is_installed(name)]


def without_transaction(addresses: Sequence[URLPattern | URLResolver]) -> None:
    """Keep ATOMIC_REQUESTS of a project around us away from the views of these addresses.

    Services end what they begin; workers would be rung for what is not committed yet; and a poll, a log-in by the
    provider, a look at a URL or at the broker would hold a transaction while it waits for somebody else.
    """
    for address in addresses:
        if isinstance(address, URLResolver):
            without_transaction(address.url_patterns)
            continue
        if isinstance(address.callback, MethodType):  # of a site; it takes no mark itself
            address.callback = update_wrapper(partial(address.callback), address.callback)
        non_atomic_requests(address.callback)


@register
def check_project(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Check what the project around us has to bring."""
    return [*_errors(), *_warnings()]


def _errors() -> Iterator[CheckMessage]:
    if missing := missing_apps(NEEDED_APPS):
        yield Error(f"INSTALLED_APPS: without {', '.join(missing)}", id="hookpost.E010")
    if not getattr(settings, "ENCRYPTION_KEYS", ()):
        hint = (
            'HOOKPOST = {"ENCRYPTION_KEYS": "k1:…"}: an id and the base64 of 32 bytes; of several the first encrypts.'
        )
        yield Error("ENCRYPTION_KEYS: is missing, so no secret can be stored", hint=hint, id="hookpost.E011")
    if not getattr(settings, "BROKER_URL", "") or not BROKER_WAS_SET:
        hint = (
            'HOOKPOST = {"BROKER_URL": "redis://…"}; a broker of the project\'s own is set by dramatiq.set_broker(…).'
        )
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
    if missing_apps(APPS_OF_PAGES):
        return
    if missing := _missing_middleware():
        yield Warning(f"MIDDLEWARE: Hookpost's pages need {', '.join(missing)}", hint="Add it.", id="hookpost.W015")
    if missing := [name for name in BACKENDS_OF_PAGES if name not in settings.AUTHENTICATION_BACKENDS]:
        hint = "Without the first nobody is locked out after failed log-ins, without the second no portal link works."
        message = f"AUTHENTICATION_BACKENDS: Hookpost's pages need {' and '.join(missing)}"
        yield Warning(message, hint=hint, id="hookpost.W016")


def _missing_middleware() -> list[str]:
    """Return those that pages need and that are neither there themselves nor as a class made of them."""
    classes = [import_string(each) for each in settings.MIDDLEWARE]
    needed = [import_string(f"{module}.{name}") for module, name in MIDDLEWARE_OF_PAGES.items()]
    return [
        f"{each.__module__}.{each.__name__}"
        for each in needed
        if not any(isinstance(made, type) and issubclass(made, each) for made in classes)
    ]
