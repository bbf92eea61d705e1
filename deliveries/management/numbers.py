"""Numbers of a command line: within bounds, or refused in a sentence. It must not know what they count."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number of an option."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text[:19]) <= most:
            raise ArgumentTypeError(f"a whole number from {least} to {most}")
        return int(text)

    return read
