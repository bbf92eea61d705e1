"""What the text of an environment variable, or of a file in its place, may say, and the value that it means.

Lives here: how a variable is declared, and the parsers that groups of settings share; each raises ValueError with the
reason, and its docstring is shown in docs/configuration.md. It must not know which variables there are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import Any

from deliveries.pictures import check_picture

KEY_BYTES = 32
QUOTES = ("'", '"')
LONGEST_KEY_ID_BYTES = 255  # its length is one byte of every sealed value

_CELL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def setting(name: str, default: str, parse: Callable[[str], Any], meaning: str) -> Any:
    """Declare one variable; `default` is written as it would stand in the environment."""
    return field(metadata={"name": name, "default": default, "parse": parse, "meaning": meaning})


def written(environ: Mapping[str, str], name: str, *, default: str) -> str:
    """Return a variable's text, or that of the file which `<name>_FILE` names: secrets of containers come as files."""
    path = environ.get(f"{name}_FILE", "")
    if not path:
        return _bare(environ.get(name, default))
    if environ.get(name):
        raise ValueError(f"is set, and so is {name}_FILE")
    return _bare(_content(path, name=name))


def _content(path: str, *, name: str) -> str:
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE: {path} cannot be read ({getattr(error, 'strerror', 'not text')})") from error


def _bare(text: str) -> str:
    """Return a text, unless it came with the quotes that a shell would have taken away."""
    if len(bare := text.strip()) > 1 and bare[0] == bare[-1] and bare[0] in QUOTES:
        raise ValueError(f"is in quotes ({bare[0]}), which belong to it wherever no shell reads it: leave them out")
    return text


def as_text(value: object) -> str:
    """Return a value of a project's settings as it would stand in the environment."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def text(raw: str) -> str:
    """text"""
    return raw.strip()


def folder(raw: str) -> str:
    """text"""
    if not raw.strip():
        raise ValueError("names no folder")
    return raw.strip()


def truth(raw: str) -> bool:
    """true, false"""
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False, "": False}
    if raw.strip().lower() not in known:
        raise ValueError("say true or false")
    return known[raw.strip().lower()]


def between(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of numbers within these bounds."""

    def parse(raw: str) -> int:
        with suppress(ValueError):
            if low <= int(raw) <= high:
                return int(raw)
        raise ValueError(f"{raw.strip()[:40]!r} is not a whole number between {low} and {high}")

    parse.__doc__ = f"{low} to {high}"  # shown in docs/configuration.md, as are the docstrings of all parsers
    return parse


def words(raw: str) -> tuple[str, ...]:
    """words, comma separated"""
    return tuple(word.strip() for word in raw.split(",") if word.strip())


def colour(raw: str) -> str:
    """colour, as #0a7f8c"""
    if raw.strip() and _COLOUR.fullmatch(raw.strip().lower()) is None:
        raise ValueError("a colour is written as #0a7f8c")
    return raw.strip().lower()


def name(raw: str) -> str:
    """text, 1 to 60 printable characters"""
    if not 1 <= len(raw.strip()) <= 60 or not raw.strip().isprintable():
        raise ValueError("a name has 1 to 60 printable characters")
    return raw.strip()


def picture(raw: str) -> str:
    """file, PNG or SVG"""
    path = raw.strip()
    if path:
        try:
            check_picture(Path(path).read_bytes())
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return path


def cell(raw: str) -> str:
    """small letters, digits and -, at most 32"""
    if raw.strip() and _CELL.fullmatch(raw.strip()) is None:
        raise ValueError("a cell's name is made of small letters, digits and -, at most 32 of them")
    return raw.strip()


def keys(raw: str) -> tuple[tuple[str, str], ...]:
    """id:base64, comma separated"""
    pairs = []
    for word in words(raw):
        key_id, colon, value = word.partition(":")
        if not colon or not key_id or not value:
            raise ValueError("must be id:base64key, several separated by commas, the first one encrypts")
        _check_key(key_id, value)
        pairs.append((key_id, value))
    if len(dict(pairs)) < len(pairs):
        raise ValueError("two keys have the same id")
    return tuple(pairs)


def _check_key(key_id: str, value: str) -> None:
    try:
        size = len(base64.b64decode(value, validate=True))
    except ValueError:
        size = 0
    if size != KEY_BYTES:
        raise ValueError(f"key {key_id!r} is not the base64 of {KEY_BYTES} bytes")
    if len(key_id.encode()) > LONGEST_KEY_ID_BYTES:
        raise ValueError(f"the id {key_id[:20]!r}… is longer than {LONGEST_KEY_ID_BYTES} bytes")


def choice(*choices: str) -> Callable[[str], str]:
    """Return a parser of one of these words."""

    def parse(raw: str) -> str:
        if raw.strip() not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return raw.strip()

    parse.__doc__ = ", ".join(choices)
    return parse
