"""One search over a site: ids, uids, parts of URLs and names; what is named exactly is opened at once.

What lives here: asking each noun's own page, which shows only what this viewer may see. It must not know any noun but
attempts, which have no page of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from deliveries.admin.base.pages import PageAdmin
from deliveries.admin.lists.list_filters import clean
from deliveries.admin.parts.ids import read_id
from deliveries.admin.parts.rendering import page_of
from deliveries.models import Event, visible
from deliveries.protocol.writing import ids
from deliveries.services.common.site_links import STAFF
from deliveries.services.common.statement_timeout import TooSlow, at_most

if TYPE_CHECKING:
    from deliveries.admin.site.site_base import HookpostSite

SHOWN = 8
FIND_SECONDS = 1.0
WORDS_LIMIT = 200
SEARCHED = ("endpoint", "customer", "member", "eventtype", "apikey", "apiversion")  # by words; everything by its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that was found: what it is, how it is called, where its page is, and whether it was named exactly.

    `told` is what its page says of it at once.
    """

    noun: str
    text: str
    note: str
    url: str
    is_exact: bool
    told: SafeString | str = ""


def find_view(request: HttpRequest, *, site: HookpostSite) -> HttpResponse:
    """Show what was found; who submitted the box and named something exactly is led there."""
    words = clean(request.GET.get("q", "")).strip()[:WORDS_LIMIT]
    hits, is_slow = find(request, site, words)
    exact = [each for each in hits if each.is_exact]
    if len(exact) == 1 and "live" not in request.GET:
        return HttpResponseRedirect(exact[0].url)
    found: dict[str, object] = {"words": words, "hits": hits, "is_slow": is_slow}
    if words and not hits and site.get_model_admin(Event).has_view_permission(request):
        found["in_data_url"] = f"{reverse(f'{site.name}:deliveries_event_changelist')}?{urlencode({'value': words})}"
    if "live" in request.GET:  # while somebody types
        return TemplateResponse(request, "hookpost/find_hits.html", found)
    return page_of(site, request, "hookpost/find.html", {"title": gettext("Search"), **found})


def find(request: HttpRequest, site: HookpostSite, words: str) -> tuple[list[Hit], bool]:
    """Return what words mean to this viewer, and whether looking was given up."""
    if not words:
        return [], False
    hits: list[Hit] = []
    try:
        with at_most(seconds=FIND_SECONDS):
            hits += _by_id(request, site, words)
            if not hits:
                hits += _by_words(request, site, words)
    except TooSlow:
        return hits, True
    return hits, False


def _pages(request: HttpRequest, site: HookpostSite) -> Iterator[PageAdmin]:
    for page in map(site.get_model_admin, filter(site.is_registered, apps.get_models())):
        if isinstance(page, PageAdmin) and page.has_view_permission(request):
            yield page


def _by_id(request: HttpRequest, site: HookpostSite, words: str) -> Iterator[Hit]:
    prefix = words.rpartition("_")[0]
    words = _delivery_of(request, site, words) or words
    for page in _pages(request, site):
        if prefix in ("", ids.ATTEMPT, getattr(page.model, "PREFIX", "")):
            row = page.get_object(request, words)
            if row is not None and page.has_view_permission(request, row):
                yield _hit(page, row, is_exact=True)


def _delivery_of(request: HttpRequest, site: HookpostSite, words: str) -> str:
    """Return the id of the delivery that an attempt belongs to, for the id of an attempt that this viewer may see."""
    key = read_id(ids.ATTEMPT, words) if words.startswith(f"{ids.ATTEMPT}_") else None
    if key is None:
        return ""
    found: UUID | None = (
        visible.attempts(site.viewer(request)).filter(id=key).values_list("delivery_id", flat=True).first()
    )
    return ids.encode_id(ids.DELIVERY, found) if found else ""


def _by_words(request: HttpRequest, site: HookpostSite, words: str) -> Iterator[Hit]:
    for page in _pages(request, site):
        if page.opts.model_name in SEARCHED:
            rows, _ = page.get_search_results(request, page.get_queryset(request), words)
            found = list(rows.order_by("-id")[:SHOWN])
            told = page.told_of(found)
            for row in found:
                yield _hit(page, row, is_exact=words in _names(row), told=told.get(row.pk, ""))


def _names(row: Any) -> set[str]:
    return {str(name) for name in (getattr(row, "uid", None), getattr(row, "url", None)) if name}


def _hit(page: PageAdmin, row: Model, *, is_exact: bool, told: SafeString | str = "") -> Hit:
    text = next((getattr(row, name) for name in ("url", "name") if getattr(row, name, "")), "")
    public_id = str(getattr(row, "public_id", row.pk))
    owner = getattr(row, "customer", None) if text and page.opts.model_name == "endpoint" else None
    return Hit(
        noun=str(page.opts.verbose_name),
        text=str(text or row),
        note=" ".join(filter(None, [str(owner) if owner and page.admin_site.name == STAFF else "", public_id])),
        url=page.page_url(row),
        is_exact=is_exact,
        told=told,
    )
