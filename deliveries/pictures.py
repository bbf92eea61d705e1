"""Pictures that others give and browsers are shown: PNG and SVG, small, and without anything that acts.

Lives here: the check of their bytes. It must not know where they are kept. An SVG is made of known elements only, each
of which draws; what could run, load or link has no name here. It is served so that it could do nothing besides
(admin/portal/brand_pages.py): two locks, because a browser's parser may read otherwise than this one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from xml.etree import ElementTree

from deliveries.drawings import trouble_of_drawing

SIZE_LIMIT_BYTES = 64 * 1024
SIDE_LIMIT = 2048
ELEMENTS_LIMIT = 2000
PNG, SVG = "image/png", "image/svg+xml"

_PNG_BEGIN, _PNG_END = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"IEND\xaeB`\x82"
_SVG = "{http://www.w3.org/2000/svg}"
_DRAWING = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title", "desc"}
    | {"defs", "symbol", "use", "clipPath", "mask", "linearGradient", "radialGradient", "stop"}
)
_ACTIVE = re.compile(
    r"url\((?!\s*['\"]?#)|(?:image|image-set|element|src)\(|javascript:|data:|@|expression|\\", re.IGNORECASE
)


def check_picture(content: bytes) -> str:
    """Return the content type of a picture; raises ValueError for anything else than a small PNG or harmless SVG."""
    if len(content) > SIZE_LIMIT_BYTES:
        raise ValueError(f"a picture has at most {SIZE_LIMIT_BYTES // 1024} KB")
    trouble = _trouble_of_png(content) if content.startswith(b"\x89PNG") else _trouble_of_svg(content)
    if trouble:
        raise ValueError(trouble)
    return PNG if content.startswith(b"\x89PNG") else SVG


def _trouble_of_png(content: bytes) -> str:
    if len(content) < 33 or not content.startswith(_PNG_BEGIN) or not content.endswith(_PNG_END):
        return "this PNG is broken, or something follows it"
    width, height = struct.unpack(">II", content[16:24])
    if not (1 <= width <= SIDE_LIMIT and 1 <= height <= SIDE_LIMIT):
        return f"a picture is at most {SIDE_LIMIT} pixels wide and high"
    return ""


def _trouble_of_svg(content: bytes) -> str:
    try:
        text = content.decode()
        if "<!" in text.replace("<!--", "") or "<?" in text.removeprefix("<?xml "):
            return "an SVG has no DOCTYPE, no entities and no processing instructions"
        root = ElementTree.fromstring(text)  # noqa: S314  # no DOCTYPE, no entities
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError):
        return "a PNG or an SVG"
    if root.tag != f"{_SVG}svg":
        return "a PNG or an SVG"
    return next(_faults(root), "") or trouble_of_drawing(root)


def _faults(root: ElementTree.Element) -> Iterator[str]:
    for place, element in enumerate(root.iter()):
        if place >= ELEMENTS_LIMIT:
            yield f"an SVG has at most {ELEMENTS_LIMIT} elements"
        name = str(element.tag).removeprefix(_SVG)
        if name not in _DRAWING:
            yield f"an SVG that only draws; this one has <{name.rpartition('}')[2][:40]}>"
        for attribute, value in element.attrib.items():
            bare = attribute.rpartition("}")[2].lower()
            if bare.startswith("on") or (bare == "href" and not value.startswith("#")) or _ACTIVE.search(value):
                yield f"an SVG that only draws; this one has an attribute {bare[:40]} that does more"
