"""How both sites look: name, mark, colours, menu.

What lives here: what Unfold's templates read from the context. It must not ask the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from unfold.dataclasses import Favicon

SCRIPTS = ("pages", "find")  # of all pages; others are named where they are used

# A blue-green of our own over Unfold's shades.
PRIMARY = {
    "50": "oklch(97.5% .018 200)",
    "100": "oklch(94.5% .04 200)",
    "200": "oklch(89.5% .07 200)",
    "300": "oklch(82.5% .1 200)",
    "400": "oklch(73% .115 205)",
    "500": "oklch(63% .115 210)",
    "600": "oklch(53% .1 215)",
    "700": "oklch(46% .088 218)",
    "800": "oklch(39.5% .072 220)",
    "900": "oklch(34% .06 222)",
    "950": "oklch(26% .048 224)",
}


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


def context_of(*, subtitle: str) -> dict[str, object]:
    """Return the name, the mark and the colours."""
    mark = static("hookpost/mark.svg")
    return {
        "site_title": f"Hookpost {subtitle}",
        "site_header": "Hookpost",
        "site_subheader": subtitle,
        "site_icon": mark,
        "site_favicons": [Favicon(href=mark, rel="icon", type="image/svg+xml", sizes=None)],
        "site_url": None,
        "site_logo": None,
        "show_back_button": True,
        "show_view_on_site": False,
        "styles": [static("hookpost/pages.css")],
        "scripts": [static(f"hookpost/{name}.js") for name in SCRIPTS],
        "has_search": False,
    }


def menu(request: HttpRequest, *, site_name: str, groups: Sequence[Group], seen: set[str]) -> list[dict[str, object]]:
    """Return the menu as Unfold's templates read it; only nouns that this person may see."""
    shown = []
    for group in groups:
        items = [_line(request, site_name, item) for item in group.items if not item.model or item.model in seen]
        if items:
            shown.append({"title": group.title, "separator": False, "collapsible": False, "items": items})
    return shown


def _line(request: HttpRequest, site_name: str, item: Item) -> dict[str, object]:
    if not item.model and not item.page:
        url = reverse(f"{site_name}:index")
        active = request.path == url
    else:
        url = reverse(f"{site_name}:" + (item.page or f"{item.app}_{item.model}_changelist"))
        active = request.path.startswith(url)
    return {"title": item.title, "icon": item.icon, "link": url, "active": active, "has_permission": True}
