"""A request as a command of curl's, byte for byte, to be pasted into a shell.

What lives here: quoting. It must not know where requests come from.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

# What curl sets by itself.
_LEFT_OUT = frozenset({"content-length", "host"})
_PLAIN = re.compile(rb"[\x20-\x7e]*")


def as_curl(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the command, one header a line."""
    kept = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in _LEFT_OUT]
    parts = [f"curl --globoff -X {method} {_quoted(url.encode())}"]
    parts += [f"-H {_quoted(line.encode())}" for line in kept]
    return " \\\n  ".join([*parts, f"--data-raw {_quoted(body)}"])


def _quoted(raw: bytes) -> str:
    """Quote for sh; what is not plain ASCII as escapes, which bash and zsh read, so that nothing hidden is pasted."""
    if _PLAIN.fullmatch(raw):
        return shlex.quote(raw.decode())
    return "$'" + "".join(map(_escaped, raw)) + "'"


def _escaped(byte: int) -> str:
    character = chr(byte)
    if character in "\\'":
        return "\\" + character
    return character if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
