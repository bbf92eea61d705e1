"""In which order the files of a run are handed out to its processes.

What lives here: whose tests wait and whose compute. A file is handed out whole, so that its fixtures are made once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

# Rooms whose tests start programs and wait for them; many of their files hold few tests that take long.
WAITING = frozenset({"faults", "production", "cells", "receivers", "clients", "listen", "embedded"})
COMPUTING_BETWEEN = 2


def spread(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Files of many tests first, and one that waits after every few that compute, as long as there are such.

    Left together at the end, where their few tests would put them, they leave the cores idle.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    names = in_turn(sorted(files, key=lambda name: -len(files[name])))
    return [item for name in names for item in files[name]]


def in_turn(names: Sequence[str]) -> Iterator[str]:
    """The same files, those that wait drawn through those that compute."""
    waiting = [name for name in names if waits(name)]
    for place, name in enumerate((name for name in names if not waits(name)), start=1):
        yield name
        if waiting and place % COMPUTING_BETWEEN == 0:
            yield waiting.pop(0)
    yield from waiting


def waits(name: str) -> bool:
    """Whether a file's tests mostly wait, by its room."""
    return len(parts := name.split("/")) > 2 and parts[1] in WAITING
