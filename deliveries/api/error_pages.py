"""Errors as people see them: what happened, in words, and a way on.

What lives here: one page for each status, which asks neither the database nor a session: it is shown when those fail.
It must not know what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import structlog
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from deliveries.protocol.writing.timestamps import to_second
from deliveries.services.common.site_links import PORTAL, STAFF, path_of, site_root
from deliveries.services.people.brands import Brand, operator_brand

log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
WORDS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        400: (
            _("This request is not understood"),
            _("Go back and try again; an address that was typed may have a mistake."),
        ),
        403: (_("You may not do this"), _("Your account does not have the right. Ask whoever administers it.")),
        404: (
            _("There is nothing at this address"),
            _("It may have been deleted, be older than the log is kept, or belong to somebody else."),
        ),
        405: (
            _("There is nothing to see at this address"),
            _("It only takes what a button or a form sends. Go back to the page that has it, and press it there."),
        ),
        408: (_("This took too long to arrive"), _("Try again, on a better connection.")),
        413: (_("This is too large"), _("Send less at once.")),
        429: (
            _("Too many pages at once"),
            _("Too many pages of this customer are asked for. Wait a moment, then reload."),
        ),
        500: (_("Something went wrong on our side"), _("It was logged. Try again in a moment.")),
        503: (_("This is not available at the moment"), _("Try again in a moment.")),
    }
)
OUTDATED_FORM = (
    _("This form can no longer be sent"),
    _("The page was open for long, or you logged in again meanwhile. Go back, reload it, and send it again."),
)


def error_page(
    request: HttpRequest,
    code: int,
    *,
    said: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    brand: Brand | None = None,
    others_url: str = "",
    without_url: str = "",
) -> HttpResponse:
    """Return the page of a status; `said` is its title and sentence where they are not the usual ones.

    The brand is the operator's unless whoever refuses knows another; `others_url` is where to look as somebody else,
    `without_url` where the same page is without what was refused.
    """
    title, sentence = (gettext(each) for each in said or WORDS.get(code, WORDS[500]))
    staff, portal = site_root(STAFF), site_root(PORTAL)
    site = next((each for each in (staff, portal) if each and request.path.startswith(each)), "")
    at = f"{to_second(datetime.now(UTC))} UTC"
    context = {"code": code, "title": title, "sentence": sentence, "at": at}
    context |= {"site": site, "staff": staff, "portal": portal, "others_url": others_url, "without_url": without_url}
    try:
        context |= look_of(brand or operator_brand())
        text = render_to_string("hookpost/error.html", context)
    except Exception as error:  # whatever is broken, there is a page
        log.warning("error_page_failed", error=type(error).__name__)
        text = format_html("<!doctype html><title>{0}</title><h1>{0}</h1><p>{1}</p>", title, sentence)
    policy = {} if site else {"Content-Security-Policy": POLICY}  # the sites' pages have theirs
    return HttpResponse(text, status=code, headers={**policy, **(headers or {})})


def look_of(brand: Brand) -> dict[str, str]:
    """Return what a page that stands alone shows of a brand: its name, and where its pictures are."""
    pictures = {"logo": brand.logo or brand.logo_dark, "logo_dark": brand.logo_dark, "favicon": brand.favicon}
    found = {kind: path_of(PORTAL, "brand_picture", name) if name else "" for kind, name in pictures.items()}
    return {"brand": brand.name, **found}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form without the token of this browser's session."""
    return error_page(request, 403, said=OUTDATED_FORM)
