"""The maps of packages, in their `__init__.py`: each file stands in its own, and nothing that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.counters import PACKAGES, ROOT

WITHOUT = ("migrations", "commands")  # whose files are numbered, or named for what is typed
FEW = 5
BY_THEME = "By what they are about;"
# A row of a map by theme: what it is about, and the names behind it; a further line of it has names alone.
ROW = re.compile(r"^(?:\S+(?: \S+)*)?  +(\w+(?: \w+)*)$", re.MULTILINE)
PACKAGES_WITH_FILES = [
    init.parent.relative_to(ROOT)
    for package in PACKAGES
    for init in sorted((ROOT / package).rglob("__init__.py"))
    if init.parent.name not in WITHOUT and len([*init.parent.glob("*.py")]) > FEW
]


def named_in(text: str) -> set[str]:
    """The files that a map names: as `name.py`, or by theme as their bare names."""
    names = set(re.findall(r"(?<![\w/.])(\w+)\.py\b", text))
    return names | {name for row in ROW.findall(text.partition(BY_THEME)[2]) for name in row.split()}


@pytest.mark.parametrize("package", PACKAGES_WITH_FILES, ids=str)
def test_a_package_of_many_files_has_a_map_of_them_all(package: Path) -> None:
    init = ROOT / package / "__init__.py"
    files = {path.stem for path in init.parent.glob("*.py")} - {"__init__"}
    named = named_in(ast.get_docstring(ast.parse(init.read_text())) or "")
    elsewhere = {"jobs", "alerts", "retention"} if package == Path("deliveries") else {"manage"}
    assert (files - named, named - files - elsewhere) == (set(), set())
