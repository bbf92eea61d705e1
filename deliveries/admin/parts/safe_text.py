"""Bytes that others wrote, made safe to look at.

What lives here: from stored bytes to text for a page; templates escape it. It must not know HTML.
"""

from __future__ import annotations

import re
import unicodedata

SHOWN_BYTES = 65_536
INDENT = "  "

# A text that does not end is one token: looked for again behind each quotation mark, it would take minutes.
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_OPENING, _CLOSING = frozenset("{["), frozenset("}]")


def readable(raw: bytes) -> str:
    """Return bytes as text; what would be invisible or turn the line around is shown as an escape."""
    return "".join(map(_visible, raw[:SHOWN_BYTES].decode("utf-8", errors="replace")))


def pretty_json(raw: bytes) -> str:
    """Return JSON with line breaks; every token stays as it was sent, `1e2` and repeated keys too."""
    tokens = _JSON_TOKEN.findall(readable(raw))
    parts: list[str] = []
    depth = 0
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        if token in _OPENING and following not in _CLOSING:
            depth += 1
            parts.append(token + _new_line(depth))
        elif token in _CLOSING and index and tokens[index - 1] not in _OPENING:
            depth = max(depth - 1, 0)
            parts.append(_new_line(depth) + token)
        else:
            parts.append({",": "," + _new_line(depth), ":": ": "}.get(token, token))
    return "".join(parts)


def _new_line(depth: int) -> str:
    # An attacker's body may nest thousands deep; the indent must not multiply its size.
    return "\n" + INDENT * min(depth, 20)


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character
    return "" if character == "\r" else f"\\u{ord(character):04x}" if ord(character) < 65536 else "\ufffd"
