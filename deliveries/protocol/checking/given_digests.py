"""Signatures as developers paste them: in hex or base64, with quotation marks, line breaks, or a header's name.

What lives here: reading them. It must not know what they are of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deliveries.protocol.signing.secrets import from_any_base64
from deliveries.protocol.writing.sentences import say

LENGTHS = (20, 32, 64)
MOST = 8
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]*\s*:\s*")
_QUOTED = re.compile(r"""^b?(["'`])(.*)\1$""", re.DOTALL)
_MARK = re.compile(r"^(?:v\da?,|[\w.-]{1,32}=(?=[^=]))")
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDigest:
    """The bytes of a signature, and the mistake in words by which they were written otherwise, "" for none."""

    value: bytes
    words: str = ""


def read_digests(given: str) -> list[GivenDigest]:
    """Return what may be meant, the likeliest first."""
    text = _NAME.sub("", given.strip())
    text = quoted[2] if (quoted := _QUOTED.match(text)) is not None else text
    found: dict[bytes, GivenDigest] = {}
    for each in _in_pieces(text):
        found.setdefault(each.value, each)
    return list(found.values())[:MOST]


def _in_pieces(text: str) -> Iterator[GivenDigest]:
    """Yield the whole without its white space, each of its parts, and what had a plus sign for each space."""
    bare = "".join(text.split())
    for each in (bare, *text.replace(",", " ").split()):
        if (value := _value(each)) is not None:
            yield _digest(value)
    if bare != text and (value := _value(text.replace(" ", "+"))) is not None:
        yield GivenDigest(value=value, words=say("each + of it became a space, as in a form or in a URL"))


def _digest(value: bytes) -> GivenDigest:
    """Return a digest, also where base64 held its hex."""
    if len(value) in LENGTHS and not _HEX_DIGITS.issuperset(value):
        return GivenDigest(value=value)
    if len(value) // 2 in LENGTHS:
        words = say("the hex of the digest was encoded in base64; encode its bytes")
        return GivenDigest(value=bytes.fromhex(value.decode()), words=words)
    return GivenDigest(value=value)


def _value(written: str) -> bytes | None:
    text = _MARK.sub("", written)
    for read in (bytes.fromhex, _from_base64):
        try:
            raw = read(text)
        except ValueError:
            continue
        if len(raw) in LENGTHS or (len(raw) // 2 in LENGTHS and _HEX_DIGITS.issuperset(raw)):
            return raw
    return None


def _from_base64(text: str) -> bytes:
    return from_any_base64(text.encode())
