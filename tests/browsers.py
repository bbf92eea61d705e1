"""Browsers of Django's test client in which somebody is logged in, without the log-in's pages.

What lives here: sessions as the sites make them. It must not know what a test looks at.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest
from django.test import Client

BACKEND = "django.contrib.auth.backends.ModelBackend"


def open_session(client: Client, user: Any, site: str) -> str:
    """Log a user in on one site, whether or not it would let them in; returns the session's key."""
    from config.site_cookies import session_cookie  # it needs settings, which fixtures are read before

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(site=site)
    login(request, user, backend=BACKEND)
    request.session.save()
    key: str = request.session.session_key
    client.cookies[session_cookie(site)] = key
    return key


def logged_in(user: Any, client: Client | None = None) -> Client:
    """A browser in which this user has a session on both sites."""
    client = client or Client()
    for site in ("staff", "portal"):
        open_session(client, user, site)
    return client
