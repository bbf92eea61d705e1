"""The threat model names tests that exist, and every check that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from deliveries.services.common.limits import LIMITS
from tests.hostile import ATTACKS, chosen

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


def limits() -> list[list[str]]:
    """The rows of the table of limits, cell by cell."""
    table = PAGE.partition("## Limits")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| limit |")]
    return [[cell.strip() for cell in row.strip("| ").split(" | ")] for row in rows]


def test_every_limit_of_a_customer_is_in_the_table() -> None:
    named = {name for row in limits() for name in re.findall(r"`(\w+)`", row[0])}
    assert LIMITS.keys() <= named


def test_every_limit_has_an_owner_and_a_test_that_exists() -> None:
    """Every named test of the page is looked up above; here each row must name one."""
    assert len(limits()) > 20
    assert [
        row[0] for row in limits() if len(row) != 5 or not row[2] or not re.search(r"`tests/.+::test_", row[4])
    ] == []


def test_every_check_is_listed() -> None:
    source = "".join((CHECKOUT / f"deliveries/{name}.py").read_text() for name in ("checks", "provider_checks"))
    assert set(re.findall(r"hookpost\.[EW]\d{3}", PAGE)) == set(re.findall(r"hookpost\.[EW]\d{3}", source))


def test_the_files_of_make_hostile_exist_and_are_few() -> None:
    assert [path for path in ATTACKS if not (CHECKOUT / path).exists()] == []
    assert len(chosen()) < 200


def test_make_hostile_runs_all_that_the_page_names() -> None:
    assert {f"{path}::{name}" for path, name in NAMED if path not in ATTACKS} == set(chosen()) - set(ATTACKS)
