"""The page that shows a secret once.

What lives here: an answer that no cache keeps, with how to use the secret. The value is in this answer only,
never in a session, a message or a log. It must not know how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.template.response import TemplateResponse

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.parts.paging import Row
from deliveries.admin.parts.rendering import NEVER_KEPT, page_of
from deliveries.protocol.checking.receiver_code import RECEIVER_CODE
from deliveries.protocol.signing.profiles import Profile
from deliveries.protocol.signing.secrets import HMAC_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """What is shown once, and where to go on: by looking, or with a test event."""

    title: str
    what: str
    value: str
    url: str
    test_url: str = ""
    profile: Profile | None = None
    usage: str = ""


def reveal(page: PageAdmin[Row], request: HttpRequest, revealed: Revealed) -> TemplateResponse:
    """Return the page with the secret and the code that uses it."""
    profile = revealed.profile
    context = {
        "title": revealed.title,
        "opts": page.opts,
        "crumb": revealed.title,
        "revealed": revealed,
        "languages": RECEIVER_CODE if profile and revealed.value.startswith(HMAC_PREFIX) else (),
        "own_example": profile.example if profile and profile.name != "standard" else "",
    }
    return page_of(page.admin_site, request, "hookpost/revealed.html", context, headers=NEVER_KEPT)
