"""Where the two sites are: below any path, or not at all.

What lives here: their names among a project's addresses, and links into them, for pages, letters and the log-in by
link. It must not know a page.
"""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from deliveries.conf import conf

STAFF = "hookpost_staff"
PORTAL = "hookpost_portal"
SITES = (STAFF, PORTAL)
EMBEDDED_PREFIX = "/embedded"  # below it the standalone server shows the portal once more, for frames
IS_EMBEDDED = "hookpost.embedded"  # set for a request below that prefix
DESCRIPTION = "/api/v1/openapi.json"


def site_root(site: str) -> str:
    """Return the path of a site's front page, with its slash; empty where the site is not mounted."""
    return path_of(site, "index")


def path_of(site: str, page: str, *args: str) -> str:
    """Return the path of a page; empty where its site is not mounted."""
    try:
        return reverse(f"{site}:{page}", args=args)
    except NoReverseMatch:
        return ""


def url_of(site: str, page: str, *args: str) -> str:
    """Return the whole URL of a page, for letters; empty where its site is not mounted."""
    path = path_of(site, page, *args)
    return f"{_outside_of_api()}{path}" if path else ""


def _outside_of_api() -> str:
    """Return BASE_URL without the path that the API is mounted under."""
    try:
        mounted = reverse("hookpost:openapi").removesuffix(DESCRIPTION)
    except NoReverseMatch:
        mounted = ""
    return conf.base_url.removesuffix(mounted)
