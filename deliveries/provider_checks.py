"""Settings of the provider that staff log in by, where they are wrong or risky together.

What lives here: the rules, each with an id; checks.py asks them with all others. It must not know what the provider
answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error

from deliveries.conf import Conf

EVERYBODY = "*"
# Where anybody at all can have an account.
PUBLIC = ("https://accounts.google.com", "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")


def problems_of_provider(chosen: Conf) -> Iterator[CheckMessage]:
    """Yield what is wrong or risky about these settings."""
    if not chosen.oidc_issuer:
        if given := _given(chosen):
            message = f"{', '.join(given)}: without HOOKPOST_OIDC_ISSUER nobody logs in by it"
            yield Error(message, hint="Name the issuer, or take them away.", id="hookpost.E009")
        return
    if not chosen.oidc_client_id or not chosen.oidc_roles:
        yield Error(
            "HOOKPOST_OIDC_ISSUER, HOOKPOST_OIDC_CLIENT_ID and HOOKPOST_OIDC_ROLES: all of them, or none",
            hint="Without roles nobody is let in: HOOKPOST_OIDC_ROLES=webhook-support=support,platform=owner",
            id="hookpost.E009",
        )
    host = urlsplit(chosen.oidc_issuer).hostname or ""
    if chosen.oidc_issuer.startswith("http://") and not is_allowed_literal(host, chosen):
        yield Error(
            "HOOKPOST_OIDC_ISSUER: plain http, and its address is none of HOOKPOST_ALLOW_TARGETS",
            hint="Whoever is on the way could log in as anybody.",
            id="hookpost.E015",
        )
    everybody = next((role for group, role in chosen.oidc_roles if group == EVERYBODY), "")
    if everybody and chosen.oidc_issuer.rstrip("/") in PUBLIC:
        hint = "Give the role to a claim of your company: HOOKPOST_OIDC_ROLE_CLAIM=hd, and your domain=the role."
        message = f"HOOKPOST_OIDC_ROLES: * makes everybody in the world with an account there {everybody}"
        yield Error(message, hint=hint, id="hookpost.E016")


def is_allowed_literal(host: str, chosen: Conf) -> bool:
    """Say whether a host is an address that the operator has allowed."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in target.network for target in chosen.allow_targets)


def _given(chosen: Conf) -> list[str]:
    """Return the variables that say something although there is no provider."""
    given = {
        "HOOKPOST_OIDC_CLIENT_ID": chosen.oidc_client_id,
        "HOOKPOST_OIDC_CLIENT_SECRET": chosen.oidc_client_secret,
        "HOOKPOST_OIDC_ROLES": chosen.oidc_roles,
        "HOOKPOST_OIDC_PASSWORDS": chosen.oidc_passwords != "all",
    }
    return [name for name, is_given in given.items() if is_given]
