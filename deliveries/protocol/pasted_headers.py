"""Headers as developers paste them: lines, JSON, or a program's printout.

What lives here: reading them, forgivingly. It must not know what they mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from deliveries.protocol.payload import METHODS

_LINE = re.compile(r"""(?:-H\s+)?["']*([A-Za-z][A-Za-z0-9_-]*)["']*\s*(?::|=>|=)\s*(.*)""")
_CGI = "http-"


def read_pasted_headers(text: str) -> dict[str, str]:
    """Return headers with their names in lower case; what is no header is passed over."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, Mapping):
        return {_name(str(name)): _first(value) for name, value in given.items()}
    found = {}
    for line in text.splitlines():
        if (match := _LINE.match(line.strip())) and match[1].upper() not in METHODS:
            found[_name(match[1])] = match[2].removesuffix(",").rstrip().strip("\"'")
    return found


def _name(given: str) -> str:
    return given.lower().replace("_", "-").removeprefix(_CGI)


def _first(value: object) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)
