"""The maps of packages, in their `__init__.py`: each file stands in its own, and nothing that is not there.

Nor does any other docstring or comment name a file that is gone.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
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


def files_of(pattern: str) -> Iterator[Path]:
    """The files of the checkout that are our own."""
    for folder in (*PACKAGES, "docs", "bench", "tests"):
        yield from (ROOT / folder).rglob(pattern)
    yield from ROOT.glob(pattern)


NAMED = re.compile(r"(?<![\w/])(?:\.\./)*((?:\w+/)*\w+\.(?:py|sql|md))\b")
SOURCES = [
    path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if path.parent.name not in WITHOUT
]
PLACES = [f"/{path.relative_to(ROOT)}" for pattern in ("*.py", "*.sql", "*.md") for path in files_of(pattern)]


def spoken_in(source: str) -> Iterator[str]:
    """The docstrings and comments of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def test_each_file_that_a_docstring_or_a_comment_names_is_there() -> None:
    gone = [
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        for text in spoken_in(path.read_text())
        for name in NAMED.findall(text)
        if not any(place.endswith(f"/{name}") for place in PLACES)
    ]
    assert gone == []
