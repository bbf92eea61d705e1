"""Options of a service's URL: which one is misspelt, or says what nobody understands.

What lives here: finding it by reading the URL with one option at a time, for libraries seldom say which. It must not
know whose URL it is, nor say a value.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

OF_TLS = "ssl_"  # their files are looked at before, and some are read in pairs only


def misread_option(url: str, read: Callable[[str], object]) -> str:
    """Return the name of the option that `read` refuses; empty where it refuses the URL without any.

    What stands before an @ may be a part of a password: no name is told of it.
    """
    place, _, _ = url.partition("?")
    if not _is_read(place, read) or "@" in (query := urlsplit(url).query):
        return ""
    options = sorted(query.split("&"), key=lambda each: each.startswith(OF_TLS))
    wrong = next((each for each in options if parse_qsl(each) and not _is_read(f"{place}?{each}", read)), "")
    return wrong.partition("=")[0]


def _is_read(url: str, read: Callable[[str], object]) -> bool:
    try:
        read(url)
    except (TypeError, ValueError):
        return False
    return True
