"""The log-in page of staff: by password, by the provider, or both, as the settings have it.

What lives here: the form for passwords and whom it lets in, and what the page shows beside it. It must not know how a
log-in by the provider goes: provider_log_in.py does.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import AbstractBaseUser, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import AuthenticationForm

from deliveries.conf import conf
from deliveries.protocol.who.log_in_refusals import sentence_of
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.languages import in_words, tell
from deliveries.services.common.site_links import STAFF, path_of
from deliveries.services.people.oidc_provider import is_wanted
from deliveries.services.people.staff_identities import has_identity

REFUSED = "refused"


class StaffLogin(AuthenticationForm):
    """Lets staff in by password, except those who are to come by the provider."""

    def clean(self) -> dict[str, object]:
        """Look at no password where none counts."""
        if is_wanted() and conf.oidc_passwords == "none":
            raise ValidationError(_by_provider(), code="by_provider")
        cleaned: dict[str, object] = super().clean()
        return cleaned

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        """Refuse whom Django refuses, and whose groups at the provider would be asked."""
        super().confirm_login_allowed(user)
        if not is_wanted() or not isinstance(user, User):
            return
        if has_identity(user) or (conf.oidc_passwords == "owners" and not user.is_superuser):
            raise ValidationError(_by_provider(), code="by_provider")


def provider_name() -> str:
    """Return what staff call the provider, in the language that is spoken now."""
    return conf.oidc_name or tell("Single sign-on")


def log_in_context(request: HttpRequest) -> dict[str, object]:
    """Return what the log-in page shows besides the form; nothing without a provider."""
    if not is_wanted():
        return {}
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    query = f"?{urlencode({REDIRECT_FIELD_NAME: wanted})}" if wanted else ""
    refused = sentence_of(request.GET.get(REFUSED, ""), name=provider_name()) if request.method == "GET" else None
    return {
        "provider_url": f"{path_of(STAFF, 'provider_log_in')}{query}",
        "provider_label": tell("Log in with {name}", name=conf.oidc_name) if conf.oidc_name else provider_name(),
        "passwords": conf.oidc_passwords,
        "refused": in_words(refused) if refused is not None else "",
    }


def _by_provider() -> str:
    return in_words(say("Log in by {name} here, not by a password.", name=provider_name()))
