"""How both sites look: name, mark, colours, menu.

What lives here: what Unfold's templates read from the context. It must not ask the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import get_resolver, get_script_prefix, get_urlconf
from django.urls.resolvers import URLResolver
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from unfold.dataclasses import Favicon

from deliveries.admin.parts.page_addresses import address_of
from deliveries.admin.parts.pieces import joined, piece
from deliveries.protocol.writing.brand_colours import shades_of
from deliveries.services.common.site_links import PORTAL, path_of
from deliveries.services.people.brands import Brand

LINE = (
    '<li><a href="{}" class="flex h-[38px] items-center -mx-3 px-3 rounded-default hover:text-primary-600 '
    'dark:hover:text-primary-500{}"><span class="material-symbols-outlined md-18 mr-3 w-[18px]" aria-hidden="true">{}'
    "</span><span>{}</span></a></li>"
)
ACTIVE = SafeString(
    ' bg-base-100 font-semibold text-primary-600 dark:bg-white/[.06] dark:text-primary-500 active" aria-current="page'
)
PRIMARY = "primary"  # the colour of what is pressed and chosen, a brand's own
SCRIPTS = ("pages", "forms", "find")  # of all pages; others are named where they are used


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One line of the menu: a noun of the app, a page of its own, or the front page."""

    title: str
    icon: str
    model: str = ""
    page: str = ""
    app: str = "deliveries"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Lines of the menu that belong together."""

    title: str
    items: Sequence[Item]


def picture_url(name: str) -> str:
    """Return the address of a brand's picture by its name; empty without one, or without a portal."""
    return path_of(PORTAL, "brand_picture", name) if name else ""


def context_of(brand: Brand, *, subtitle: str) -> dict[str, object]:
    """Return the name, the mark or logo, and what else pages show of a brand."""
    mark = static("hookpost/mark.svg")
    logo, dark = picture_url(brand.logo or brand.logo_dark), picture_url(brand.logo_dark or brand.logo)
    icon = picture_url(brand.favicon)
    kind = "image/png" if brand.favicon.endswith(".png") else "image/svg+xml"
    return {
        "brand": brand,
        "site_title": f"{brand.name} {subtitle}",
        "site_header": brand.name,
        "site_subheader": subtitle,
        "site_icon": logo or mark,
        "site_icon_dark": dark if dark != logo else "",
        "site_favicons": [Favicon(href=icon or mark, rel="icon", type=kind, sizes=None)],
        "site_url": None,
        "site_logo": None,
        "show_back_button": True,
        "show_view_on_site": False,
        "styles": [static("hookpost/pages.css")],
        "scripts": [static(f"hookpost/{name}.js") for name in SCRIPTS],
        "has_search": False,
    }


def colours_of(given: object, accent: str) -> SafeString:
    """Return the variables of a page's colours, as its style sheet reads them: those given, and a brand's accent."""
    shades = given.items() if isinstance(given, Mapping) else ()
    return _variables(tuple((name, tuple(each.items())) for name, each in shades if name != PRIMARY), accent)


@lru_cache(maxsize=512)
def _variables(given: Sequence[tuple[str, Sequence[tuple[str, str]]]], accent: str) -> SafeString:
    shades = [*given, (PRIMARY, shades_of(accent).items())]
    return joined("--color-{}-{}: {};", [(name, *shade) for name, each in shades for shade in each])


def menu(request: HttpRequest, *, site_name: str, groups: Sequence[Group], seen: set[str]) -> list[dict[str, object]]:
    """Return the menu as Unfold's templates read it; only nouns that this person may see."""
    resolver = get_resolver(get_urlconf(settings.ROOT_URLCONF))
    lines = _lines_of(site_name, tuple(groups), frozenset(seen), get_language(), get_script_prefix(), resolver)
    return [
        {"title": title, "lines": SafeString("".join([each.shown_at(request.path) for each in some]))}
        for title, some in lines
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the menu as it is written: on other pages than its own, and on those."""

    url: str
    is_front: bool
    elsewhere: SafeString
    here: SafeString

    def shown_at(self, path: str) -> SafeString:
        """Return the line as the page at a path has it."""
        return self.here if (path == self.url if self.is_front else path.startswith(self.url)) else self.elsewhere


@lru_cache(maxsize=256)
def _lines_of(
    site_name: str,
    groups: Sequence[Group],
    seen: frozenset[str],
    language: str | None,
    prefix: str,
    resolver: URLResolver,
) -> list[tuple[str, list[Line]]]:
    """Return titles and lines; kept for each site, role and language, as nothing else of a person is in them."""
    shown = [(group, [item for item in group.items if not item.model or item.model in seen]) for group in groups]
    return [
        (group.title and gettext(group.title), [_line(site_name, each) for each in items])
        for group, items in shown
        if items
    ]


def _line(site_name: str, item: Item) -> Line:
    is_front = not item.model and not item.page
    name = "index" if is_front else item.page or f"{item.app}_{item.model}_changelist"
    url, title = address_of(f"{site_name}:{name}"), gettext(item.title)
    elsewhere, here = (piece(LINE, url, mark, item.icon, title) for mark in ("", ACTIVE))
    return Line(url=url, is_front=is_front, elsewhere=elsewhere, here=here)
