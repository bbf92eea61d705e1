"""The page that shows a secret once.

What lives here: an answer that no cache keeps, with how to use the secret. The value is in this answer only,
never in a session, a message or a log. It must not know how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.template.response import TemplateResponse

from deliveries.admin.pages import PageAdmin
from deliveries.admin.paging import Row
from deliveries.protocol.profiles import Profile
from deliveries.protocol.secrets import HMAC_PREFIX

PYTHON = """\
# pip install standardwebhooks
import os
from standardwebhooks import Webhook

# request.body: the raw bytes, before anything parses them
payload = Webhook(os.environ["WEBHOOK_SECRET"]).verify(request.body, dict(request.headers))\
"""
NODE = """\
// npm install standardwebhooks
import { Webhook } from "standardwebhooks";

// rawBody: the raw bytes, before anything parses them
const payload = new Webhook(process.env.WEBHOOK_SECRET).verify(rawBody, req.headers);\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """What is shown once, and where to go on."""

    title: str
    what: str
    value: str
    url: str
    profile: Profile | None = None
    usage: str = ""


def reveal(page: PageAdmin[Row], request: HttpRequest, revealed: Revealed) -> TemplateResponse:
    """Return the page with the secret and the code that uses it."""
    profile = revealed.profile
    context = {
        **page.admin_site.each_context(request),
        "title": revealed.title,
        "opts": page.opts,
        "revealed": revealed,
        "snippets": snippets_for(profile) if revealed.value.startswith(HMAC_PREFIX) else [],
        "own_example": profile.example if profile and profile.name != "standard" else "",
    }
    request.current_app = page.admin_site.name
    answer = TemplateResponse(request, "hookpost/revealed.html", context)
    answer.headers["Cache-Control"] = "no-store, no-transform"  # so neither we nor a proxy compresses the secret
    return answer


def snippets_for(profile: Profile | None) -> list[tuple[str, str]]:
    """Return code that verifies a request with an endpoint's secret, which it reads from the environment."""
    return [] if profile is None else [("Python", PYTHON), ("Node", NODE)]
