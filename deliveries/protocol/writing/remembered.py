"""What a process remembers of the outside, up to a limit.

What lives here: the one way to keep a value so that no caller, name or address can fill the memory. It must not know
what is kept, nor for how long it is good.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(known: MutableMapping[Key, Value], key: Key, value: Value, *, limit: int) -> None:
    """Keep a value; what is full begins anew, which costs less than to note with every look what was used last."""
    if len(known) >= limit:
        known.clear()
    known[key] = value
