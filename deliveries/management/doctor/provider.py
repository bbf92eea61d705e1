"""What the doctor asks about the provider that staff log in by: whether it answers, and who gets in without it.

What lives here: one function for each, which yields findings. It must not know a page.
"""

from __future__ import annotations

from collections.abc import Iterator

from deliveries.conf import conf
from deliveries.errors import LogInRefused, Unavailable
from deliveries.management.doctor.diagnosis import Diagnosis, fail, ok, warn
from deliveries.services.common.site_links import STAFF, url_of
from deliveries.services.people.oidc_provider import find_provider, is_wanted
from deliveries.services.people.role_groups import owners
from deliveries.services.people.staff_identities import has_identity

ABOUT = "staff log-in"


def answers() -> Iterator[Diagnosis]:
    """Whether the provider says where it is, and what it has to know of us."""
    if not is_wanted():
        return
    try:
        provider = find_provider()
    except (LogInRefused, Unavailable) as error:
        do = (
            "Compare HOOKPOST_OIDC_ISSUER with what the provider says; a private one belongs to HOOKPOST_ALLOW_TARGETS."
        )
        yield fail(ABOUT, f"{conf.oidc_issuer}: {error}", do)
        return
    ends = "log-out ends its session too" if provider.end_session_url else "it offers no log-out"
    yield ok(ABOUT, f"{provider.issuer} answers; {ends}; it has to know {url_of(STAFF, 'provider_back')}")


def way_in_without() -> Iterator[Diagnosis]:
    """Whether anybody gets in while the provider is away."""
    if not is_wanted():
        return
    if conf.oidc_passwords == "none":
        do = "Set HOOKPOST_OIDC_PASSWORDS=owners, and keep the password of one owner in the safe."
        yield warn(ABOUT, "nobody gets in while the provider is away", do)
    elif not any(user.has_usable_password() and not has_identity(user) for user in owners()):
        do = "Make one who has a password and does not log in by the provider: manage.py createsuperuser."
        yield warn(ABOUT, "no owner gets in while the provider is away", do)
    else:
        yield ok(ABOUT, "an owner gets in by password while the provider is away")
