"""Addresses of pages: found once for each kind of page, for a list has hundreds of them that differ in an id.

What lives here: Django's `reverse`, kept for as long as its addresses are what they are. It must not know a page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from django.conf import settings
from django.urls import get_resolver, get_script_prefix, get_urlconf, reverse
from django.urls.resolvers import URLResolver
from django.utils.translation import get_language

PLACE = "hp-the-id"
PLAIN = re.compile(r"[A-Za-z0-9_-]+")  # of such an id nothing is quoted

Kind = tuple[str, str, str | None, int]
_known: WeakKeyDictionary[URLResolver, dict[Kind, str]] = WeakKeyDictionary()


def address_of(view: str, args: Sequence[object] = ()) -> str:
    """Return what `reverse` does; of one plain argument, or of none, it is asked once."""
    if len(args) > 1 or not all(isinstance(each, str) and PLAIN.fullmatch(each) for each in args):
        return reverse(view, args=args)
    kinds = _known.setdefault(get_resolver(get_urlconf(settings.ROOT_URLCONF)), {})
    kind = (view, get_script_prefix(), get_language(), len(args))
    if kind not in kinds:
        kinds[kind] = reverse(view, args=[PLACE] * len(args))
    return kinds[kind].replace(PLACE, str(args[0])) if args else kinds[kind]
