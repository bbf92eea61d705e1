"""The threat model names tests that exist, and every check that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
THREATS = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((CHECKOUT / path).read_text())
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_every_threat_names_a_test() -> None:
    rows = [row for row in THREATS if not row.startswith(("| threat", "|---"))]
    assert len(rows) > 35
    assert [row for row in rows if "`tests/" not in row] == []


def test_every_check_is_listed() -> None:
    source = (CHECKOUT / "deliveries/checks.py").read_text()
    assert set(re.findall(r"hookpost\.[EW]\d{3}", PAGE)) == set(re.findall(r"hookpost\.[EW]\d{3}", source))


def test_the_targets_of_make_hostile_exist() -> None:
    recipe = re.search(r"^HOSTILE := (.+)$", (CHECKOUT / "Makefile").read_text(), re.M)
    assert recipe is not None
    for path in recipe[1].split():
        assert (CHECKOUT / path).exists(), path
    assert {path for path, _ in NAMED if not path.startswith(tuple(recipe[1].split()))} == set()
