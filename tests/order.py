"""In which order the files of a run are handed out to its processes.

What lives here: whose tests wait and whose compute. A file is handed out whole, so that its fixtures are made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice

import pytest

# Rooms whose tests start programs and wait for them; many of their files hold few tests that take long.
WAITING = frozenset({"faults", "production", "cells", "receivers", "clients", "listen", "embedded"})
COMPUTING_BETWEEN = 2
# Few tests that walk through all pages, in minutes: begun last, one of them is the end of the run, beside idle cores.
LONG = (
    "tests/pages/test_accessibility.py",
    "tests/pages/test_wrong_values.py",
    "tests/pages/test_parameters.py",
    "tests/security/test_browser.py",
    "tests/docs/test_recipes.py",
    "tests/demo/test_demo.py",
    "tests/docs/test_walk.py",
    "tests/pages/test_inbox.py",
)
LONG_BETWEEN = 8


def spread(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Files of many tests first, and one that waits or is long after every few, as long as there are such.

    Left together at the end, where their few tests would put them, they leave the cores idle.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    names = sorted(files, key=lambda name: -len(files[name]))
    computing = [name for name in names if not waits(name) and name not in LONG]
    busy = drawn_through(computing, [name for name in LONG if name in files], LONG_BETWEEN)
    names = drawn_through(busy, [name for name in names if waits(name)], COMPUTING_BETWEEN)
    return [item for name in names for item in files[name]]


def drawn_through(names: Sequence[str], others: Sequence[str], between: int) -> list[str]:
    """The same files, one of the others after every few of the first, and what is left of them."""
    left = iter(others)
    drawn = [[name, *([*islice(left, 1)] if place % between == 0 else [])] for place, name in enumerate(names, start=1)]
    return [*chain.from_iterable(drawn), *left]


def waits(name: str) -> bool:
    """Whether a file's tests mostly wait, by its room."""
    return len(parts := name.split("/")) > 2 and parts[1] in WAITING
