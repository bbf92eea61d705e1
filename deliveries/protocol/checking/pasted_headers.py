"""Headers as developers paste them: lines, JSON, or a program's printout.

What lives here: reading them, forgivingly. Those of a signature are found wherever they stand, for each language prints
a mapping in a way of its own; of the others only what stands in lines. It must not know what they mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from deliveries.protocol.sending.payload import METHODS
from deliveries.protocol.signing.profiles import PROFILES

STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
KNOWN = (*STANDARD, *(name.lower() for profile in PROFILES.values() for name in profile.headers))

_LINE = re.compile(r"""(?:-H\s+)?["']*([A-Za-z][A-Za-z0-9_-]*)["']*\s*(?::|=>|=)\s*(.*)""")
_CGI = "http-"
_SPACES = re.compile(r"[ \t]{2,}")
# What stands between a name and its value: `: `, `" => "`, `', b'`, `:[`, `"]=>\n  string(5) "`, or a line break.
_BETWEEN = re.compile(r"""["'\]]{0,3}\s*(?::|=>|=|,)?\s*(?:string\(\d+\)\s*)?\[?\s*(?:b?(["']))?""")
_PLAIN = re.compile(r"""[^\]})"';\r\n]*""")
_NEXT = re.compile(r",\s| [A-Za-z][\w-]*:(?:\s|$)")
_WRAPPED = re.compile(r"\r?\n[ \t]*(?![A-Za-z-]+[ \t]*(?:\r?\n|$))[A-Za-z0-9+/=_,.-]+(?=[ \t]*(?:\r?\n|$))")
_BREAK = re.compile(r"\s*\n\s*")
_NEXT_SIGNATURE = re.compile(r"\s*\n\s*(?=v\d+a?,)")


def read_pasted_headers(text: str, names: Iterable[str] = ()) -> dict[str, str]:
    """Return headers with their names in lower case; `names` are looked for beside those of the known schemes."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, (Mapping, list)):
        return dict(_pairs(given))
    return _in_lines(text) | _anywhere(text, {*KNOWN, *(name.lower() for name in names)})


def _pairs(given: object, *, depth: int = 3) -> Iterator[tuple[str, str]]:
    """Yield what JSON holds: a mapping of texts or lists, also one below `headers`; pairs; names and values in turn."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            if isinstance(value, Mapping) and depth:
                yield from _pairs(value, depth=depth - 1)
            else:
                yield _name(str(name)), _first(value)
    elif isinstance(given, list) and all(isinstance(each, list) and len(each) == 2 for each in given):
        yield from ((_name(str(name)), _first(value)) for name, value in given)
    elif isinstance(given, list):
        yield from ((_name(str(name)), _first(value)) for name, value in zip(given[::2], given[1::2], strict=False))


def _in_lines(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        if (match := _LINE.match(line.strip())) and match[1].upper() not in METHODS:
            found[_name(match[1])] = match[2].removesuffix(",").rstrip().strip("\"'")
    return found


def _anywhere(text: str, names: Iterable[str]) -> dict[str, str]:
    """Return the headers of these names, each with what stands between its name and the next one of them."""
    either = "|".join(re.escape(name).replace(r"\-", "[-_]") for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z0-9-])(?<!h=)(?:http[-_])?({either})(?![A-Za-z0-9_-])", re.IGNORECASE)
    text = _SPACES.sub(" ", text)
    matches = list(pattern.finditer(text))
    ends = [each.start() for each in matches[1:]] + [len(text)]
    found: dict[str, str] = {}
    for match, end in zip(matches, ends, strict=False):
        if value := _value(text[match.end() : end]):
            found.setdefault(_name(match[1]), value)
    return found


def _value(stretch: str) -> str:
    """Return the value that a stretch of text begins with; a line that was wrapped is put together again."""
    between = _BETWEEN.match(stretch)
    assert between is not None  # each part of it may be missing
    rest = stretch[between.end() :]
    value = rest.partition(between[1])[0] if between[1] else _unquoted(rest)
    return _BREAK.sub("", _NEXT_SIGNATURE.sub(" ", value.replace("\r", ""))).replace("\\/", "/").strip(" ,")


def _unquoted(rest: str) -> str:
    plain = _PLAIN.match(rest)
    assert plain is not None  # it may be empty
    line, end = plain[0], plain.end()
    if (after := _NEXT.search(line)) is not None:
        return line[: after.start()]
    while line and (more := _WRAPPED.match(rest, end)) is not None:
        line, end = line + more[0], more.end()
    return line


def _name(given: str) -> str:
    return given.lower().replace("_", "-").removeprefix(_CGI)


def _first(value: object) -> str:
    return str(value[0]) if isinstance(value, Sequence) and not isinstance(value, str) and value else str(value)
