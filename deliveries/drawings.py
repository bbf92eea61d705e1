"""How much an SVG draws, with what it draws again: ten uses of ten uses, seven times over, are ten million elements.

Lives here: the count, as a browser would draw. It must not know which elements are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

DRAWN_LIMIT = 10_000

_POINTER = re.compile(r"url\(\s*['\"]?#([^'\")\s]*)", re.IGNORECASE)
_PAINT = ("linearGradient", "radialGradient")  # which draw nothing, however often they are used


def trouble_of_drawing(root: Element) -> str:
    """Draw an element wherever it stands or is pointed at, up to the limit, where circles end too; empty is fine."""
    named: dict[str, Element] = {}
    for element in root.iter():
        named.setdefault(element.get("id", ""), element)
    left, drawn = [root], 0
    while left:
        element = left.pop()
        drawn += 1
        if drawn > DRAWN_LIMIT:
            return f"an SVG draws at most {DRAWN_LIMIT:,} elements, one that is used again as often as it is"
        meant = (named.get(name) for name in _pointers(element))
        left += [each for each in meant if each is not None and not each.tag.endswith(_PAINT)]
        left += element
    return ""


def _pointers(element: Element) -> Iterator[str]:
    for attribute, value in element.attrib.items():
        if attribute.rpartition("}")[2].lower() == "href":
            yield unquote(value[1:])
        yield from map(unquote, _POINTER.findall(value))
