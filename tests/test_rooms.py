"""The rooms of the large parts of the house: each knows those that stand above it in the list of its part.

What lives here: what the `__init__.py` of services, protocol and admin promise, read from the source itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.counters import ROOT

PARTS = ("services", "protocol", "admin")
CROWDED = 60  # files beside each other; a part of more has rooms
LISTED = re.compile(r"^(\w+)/ +\S", re.MULTILINE)


def rooms_of(part: str) -> list[str]:
    """The rooms of a part, the lowest one first."""
    init = ROOT / "deliveries" / part / "__init__.py"
    return LISTED.findall(ast.get_docstring(ast.parse(init.read_text())) or "")


def met_when_run(path: Path) -> Iterator[str]:
    """What a file imports, also inside functions, but for what only types need."""
    tree = ast.parse(path.read_text())
    for_types = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    left_out = {id(each) for node in for_types for inner in node.body for each in ast.walk(inner)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in left_out:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("part", PARTS)
def test_the_list_of_rooms_is_what_is_there(part: str) -> None:
    folders = {path.parent.name for path in (ROOT / "deliveries" / part).glob("*/__init__.py")}
    assert sorted(rooms_of(part)) == sorted(folders)


@pytest.mark.parametrize("part", PARTS)
def test_a_room_knows_only_those_above_it_in_the_list(part: str) -> None:
    """Given also what stands beside the rooms: no room knows it."""
    rooms, prefix = rooms_of(part), f"deliveries.{part}."
    wrong = [
        f"{room}/{path.name}: {name}"
        for place, room in enumerate(rooms)
        for path in sorted((ROOT / "deliveries" / part / room).rglob("*.py"))
        for name in met_when_run(path)
        if name.startswith(prefix) and name.removeprefix(prefix).split(".")[0] not in rooms[: place + 1]
    ]
    assert wrong == []


def test_no_folder_is_crowded() -> None:
    folders = {path.parent for path in (ROOT / "deliveries").rglob("*.py") if "migrations" not in path.parts}
    counts = {folder: len([*folder.glob("*.py")]) for folder in folders}
    assert {folder.name: count for folder, count in counts.items() if count > CROWDED} == {}
