"""Middleware: each page in the language of whoever asks for it.

What lives here: from a request to a language. First is what the person chose (kept in the session, as is what a portal
link names), then what the browser prefers, then the setting. It must not know a page.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import override
from django.utils.translation.trans_real import parse_accept_lang_header

from deliveries.conf import conf


class PageLanguage:
    """Speaks the reader's language while a page is made, and the process's own again afterwards."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in the language that is wanted."""
        language = wanted_language(request)
        with override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language",))
        return response


def wanted_language(request: HttpRequest) -> str:
    """Return the language of a request: chosen, preferred by the browser, or the setting's."""
    from deliveries.services.common.languages import IN_SESSION, LANGUAGES  # once Django's apps are there

    chosen = request.session.get(IN_SESSION, "")
    if chosen in LANGUAGES:
        return str(chosen)
    for wanted, _ in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        if (code := wanted.partition("-")[0]) in LANGUAGES:
            return code
    return conf.language


@receiver(user_logged_in, dispatch_uid="hookpost.page_language")
def remember_language(sender: object, request: HttpRequest, user: AbstractBaseUser, **_: object) -> None:
    """Take the person's own choice into the session that begins."""
    from deliveries.services.common.languages import IN_SESSION, language_of

    request.session.pop(IN_SESSION, None)  # of whoever was logged in here before
    if chosen := language_of(user.pk):
        request.session[IN_SESSION] = chosen
