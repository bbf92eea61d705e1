"""The gate: `.ci/run` asks for everything once, style and types first, and never asks failed tests again.

What lives here: the script itself, with a `make` and an `apt-get` that only write down what they were asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> {calls}
case " {fails} " in *" $1 "*) exit 1;; esac
"""


def run_gate(folder: Path, *, fails: str = "") -> tuple[int, list[str]]:
    """Run .ci/run, in which some targets of make fail; returns its status and what was asked of make."""
    calls, programs = folder / "calls", folder / "bin"
    programs.mkdir()
    for name in ("make", "apt-get"):
        (programs / name).write_text(STAND_IN.format(calls=calls, fails=fails))
        (programs / name).chmod(0o755)
    script = folder / ".ci" / "run"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci" / "run", script)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run([script], env=environment, capture_output=True, check=False, timeout=60)
    return done.returncode, [line for line in calls.read_text().splitlines() if line.startswith("make ")]


def test_style_and_types_come_before_the_tests(tmp_path: Path) -> None:
    status, calls = run_gate(tmp_path)
    assert status == 0
    assert sorted(calls[:-1]) == ["make lint", "make receivers"]  # beside each other
    assert calls[-1] == "make test"


def test_nothing_is_tested_where_style_or_types_are_wrong(tmp_path: Path) -> None:
    status, calls = run_gate(tmp_path, fails="lint")
    assert status != 0
    assert "make test" not in calls


def test_tests_that_fail_fail_the_run_and_are_not_run_again(tmp_path: Path) -> None:
    status, calls = run_gate(tmp_path, fails="test")
    assert status != 0
    assert calls.count("make test") == 1
    assert calls[-1] == "make test"


@pytest.mark.parametrize("fails", ["install", "update", "receivers"])
def test_what_cannot_be_installed_or_built_is_no_failure(tmp_path: Path, fails: str) -> None:
    status, calls = run_gate(tmp_path, fails=fails)
    assert status == 0
    assert calls[-1] == "make test"


def test_lint_asks_for_style_format_and_types() -> None:
    plan = subprocess.run(["make", "-n", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("ruff check", "ruff format --check", "mypy"):
        assert command in plan
