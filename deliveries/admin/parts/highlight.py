"""JSON in colours.

What lives here: HTML made of escaped tokens. It must not know what the JSON means, and shows whatever is no JSON too.
"""

from __future__ import annotations

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from deliveries.admin.parts.safe_text import pretty_json

_STRING = r'"(?:[^"\\]++|\\.)*+'  # without its end, which a body that was cut off may not have
_TOKEN = re.compile(
    rf'(?P<key>{_STRING}"(?=: ))|(?P<text>{_STRING}"?)|(?P<word>\b(?:true|false|null)\b)|(?P<number>-?\d[\d.eE+-]*)',
    re.DOTALL,
)


def coloured_json(raw: bytes) -> SafeString:
    """Return JSON with line breaks, keys, texts, numbers and words each in a colour of its own."""
    text = pretty_json(raw)
    parts: list[str] = []
    at = 0
    for found in _TOKEN.finditer(text):
        parts.append(escape(text[at : found.start()]))
        parts.append(f'<span class="hp-j-{found.lastgroup}">{escape(found[0])}</span>')
        at = found.end()
    parts.append(escape(text[at:]))
    return mark_safe("".join(parts))  # noqa: S308  # every piece was escaped
