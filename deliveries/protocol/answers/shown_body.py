"""The body of an answer, for people: inflated up to a cap, and decoded by the charset that it came with.

What lives here: from stored bytes to text, or to hex where no text can be made of them. Nothing that an endpoint
sends costs more than the caps. It must not know pages. Source: RFC 9110 8.3 and 8.4.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from deliveries.protocol.writing.sentences import joined, say

INFLATED_LIMIT_BYTES = 64 * 1024
HEX_LIMIT_BYTES = 16 * 1024

# A short list, and of it only what holds ASCII as ASCII: secrets are looked for in the bytes.
_CHARSETS: Mapping[str, str] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-2": "iso8859-2",
    "iso-8859-15": "iso8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "koi8-r": "koi8-r",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5",
    "euc-kr": "cp949",
    "utf8mb4": "utf-8",
    "latin-9": "iso8859-15",
    "koi8-u": "koi8-u",
    "macintosh": "mac_roman",
    "tis-620": "iso8859-11",
    "big5-hkscs": "big5hkscs",
    **{f"windows-{page}": f"cp{page}" for page in (874, *range(1253, 1259))},
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (*range(3, 12), 13, 14, 16)},
}
# Of a text in an unknown charset: control characters tell that it is none that holds ASCII as ASCII.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([a-z0-9_.:-]+)""")
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBody:
    """A body as people see it: text, or hex digits; `note` says what was done to it, "" for nothing."""

    text: str
    format: Literal["text", "hex"]
    note: str = ""


def shown_body(body: bytes, headers: str) -> ShownBody:
    """Return a stored body for people; `headers` are the stored lines, names in lower case."""
    found = dict(line.partition(": ")[::2] for line in headers.split("\n"))
    encoding = found.get("content-encoding", "").strip().lower()
    plain = inflated(body, encoding)
    if plain is None:
        return _as_hex(body, say("its content-encoding {encoding} is not read", encoding=encoding))
    tried = _charsets_of(found.get("content-type", "").strip().lower())
    for charset in tried:
        if (text := _decoded(plain, charset)) is not None:
            return ShownBody(text=text, format="text", note=_note(encoding if plain is not body else "", charset))
    if tried[0] not in _CHARSETS and not _CONTROL.search(plain) and (text := _decoded(plain, "utf-8")) is not None:
        return ShownBody(
            text=text, format="text", note=say("read as utf-8, because {charset} is not known", charset=tried[0])
        )
    return _as_hex(plain, say("it cannot be read as {charset}", charset=tried[0]))


def inflated(body: bytes, encoding: str) -> bytes | None:
    """Return the body without its content-encoding, at most 64 KB of it; None when it cannot be taken off."""
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in _WINDOWS:
        return None
    tries = (_WINDOWS[encoding], -zlib.MAX_WBITS) if encoding == "deflate" else (_WINDOWS[encoding],)
    return next((plain for window in tries if (plain := _inflate(body, window)) is not None), None)


def content_encoding(headers: Iterable[tuple[str, str]]) -> str:
    """Return the content-encoding among headers, "" without one."""
    return next((value.strip().lower() for name, value in headers if name == "content-encoding"), "")


def _inflate(body: bytes, window: int) -> bytes | None:
    try:
        return zlib.decompressobj(window).decompress(body, INFLATED_LIMIT_BYTES)
    except zlib.error:
        return None


def _charsets_of(content_type: str) -> tuple[str, ...]:
    if match := _CHARSET.search(content_type):
        return (match[1],)
    # What browsers take for a text that says nothing.
    return ("utf-8", "windows-1252") if content_type.startswith("text/") else ("utf-8",)


def _decoded(plain: bytes, charset: str) -> str | None:
    if charset not in _CHARSETS:
        return None
    try:
        # Not final: what was stored may end in the middle of a character.
        return codecs.getincrementaldecoder(_CHARSETS[charset])("strict").decode(plain)
    except UnicodeDecodeError:
        return None


def _as_hex(raw: bytes, why: str) -> ShownBody:
    return ShownBody(text=raw[:HEX_LIMIT_BYTES].hex(" "), format="hex", note=say("in hex, because {why}", why=why))


def _note(encoding: str, charset: str) -> str:
    said = [say("inflated from {encoding}", encoding=encoding)] if encoding else []
    if _CHARSETS[charset] != "utf-8":
        said.append(say("read as {charset}", charset=charset))
    return joined(said, ", ")
