"""How both sites look: name, mark, colours, menu.

What lives here: what Unfold's templates read from the context. It must not ask the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from unfold.dataclasses import Favicon

from deliveries.admin.page_addresses import address_of
from deliveries.admin.pieces import joined
from deliveries.services.brands import Brand
from deliveries.services.site_links import PORTAL, path_of

LINE = (
    '<li><a href="{}" class="flex h-[38px] items-center -mx-3 px-3 rounded-default hover:text-primary-600 '
    'dark:hover:text-primary-500{}"><span class="material-symbols-outlined md-18 mr-3 w-[18px]" aria-hidden="true">{}'
    "</span><span>{}</span></a></li>"
)
ACTIVE = SafeString(
    ' bg-base-100 font-semibold text-primary-600 dark:bg-white/[.06] dark:text-primary-500 active" aria-current="page'
)
SCRIPTS = ("pages", "forms", "find")  # of all pages; others are named where they are used


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the menu: a noun of the app, a page of its own, or the front page."""

    title: str
    icon: str
    model: str = ""
    page: str = ""
    app: str = "deliveries"


@dataclass(frozen=True, slots=True, kw_only=True)
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


def menu(request: HttpRequest, *, site_name: str, groups: Sequence[Group], seen: set[str]) -> list[dict[str, str]]:
    """Return the menu as Unfold's templates read it; only nouns that this person may see."""
    shown = []
    for group in groups:
        items = [_line(request, site_name, item) for item in group.items if not item.model or item.model in seen]
        if items:
            shown.append(
                {
                    "title": group.title and gettext(group.title),
                    "lines": joined(LINE, items),
                }
            )
    return shown


def _line(request: HttpRequest, site_name: str, item: Item) -> tuple[str, SafeString | str, str, str]:
    if not item.model and not item.page:
        url = address_of(f"{site_name}:index")
        active = request.path == url
    else:
        url = address_of(f"{site_name}:" + (item.page or f"{item.app}_{item.model}_changelist"))
        active = request.path.startswith(url)
    return url, ACTIVE if active else "", item.icon, gettext(item.title)
