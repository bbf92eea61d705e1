"""Middleware that only pages need: compression, sessions, log-in, messages, lock-out. Requests to the API pass by.

What lives here: the fork. It must not know what either side does.
"""

from __future__ import annotations

from typing import Any, cast

from axes.middleware import AxesMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django_otp.middleware import OTPMiddleware

from config.bodies import Sender, note_sender
from config.sessions import SessionStore
from config.site_cookies import STAFF, site_of
from deliveries.api.page_language import PageLanguage

API = ("/api/", "/healthz", "/readyz", "/metrics")


class PagesOnly:
    """Leaves requests to the API alone: they carry a key and no cookie."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the work of the class behind this one only for pages."""
        if request.path_info.startswith(API):
            return cast(HttpResponse, self.get_response(request))
        return cast(HttpResponse, super().__call__(request))  # type: ignore[misc]


class Compressed(PagesOnly, GZipMiddleware):
    """Compression, for pages that show no secret; docs/security.md says why it may be."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress a page, unless it says that nobody may change it on its way: then a secret is on it."""
        is_page = response.get("Content-Type", "").startswith("text/html") and not response.streaming
        if not is_page or "no-transform" in response.get("Cache-Control", ""):
            return response
        return super().process_response(request, response)


class Sessions(PagesOnly, SessionMiddleware):
    """Sessions, for pages: each belongs to the site that made it."""

    def process_request(self, request: HttpRequest) -> None:
        """Open the session of the site that is asked."""
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = SessionStore(key, site=site_of(request))


class Language(PagesOnly, PageLanguage):
    """The language of whoever asks, for pages."""


class Authentication(PagesOnly, AuthenticationMiddleware):
    """Who is logged in, for pages."""

    def process_request(self, request: HttpRequest) -> None:
        """Say who sends a form before it is read: places and limits are another for strangers."""
        super().process_request(request)
        if request.method == "POST" and request.user.is_authenticated:
            note_sender(request.META, Sender.STAFF if site_of(request) == STAFF else Sender.MEMBER)


class SecondFactor(PagesOnly, OTPMiddleware):  # type: ignore[misc]
    """Whether a second factor was shown, for pages."""


class Messages(PagesOnly, MessageMiddleware):
    """Messages, for pages."""


class LockOut(PagesOnly, AxesMiddleware):  # type: ignore[misc]
    """Lock-out after failed log-ins, for pages."""
