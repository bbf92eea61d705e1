"""`make demo` installs what running needs, `make test` the developers' tools too, and neither undoes the other.

What lives here: make itself, with a Python that notes what it is told. It must not know what is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LOCKS = {"running": "requirements.lock", "developing": "requirements-dev.lock"}
PYTHON = """#!/usr/bin/env bash
case "$*" in
    "-m venv "*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"pip install"*) echo "${@: -1}" >> told ;;
    *"manage.py demo"*) echo demo >> told ;;
    *pytest*) echo tests >> told ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as make looks at it."""
    for name in ("Makefile", *LOCKS.values()):
        shutil.copy(CHECKOUT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def make(clone: Path, target: str) -> list[str]:
    """Run make and return what Python was told."""
    told = clone / "told"
    told.write_text("")
    subprocess.run(["make", target, f"PYTHON={clone / 'python'}"], cwd=clone, check=True, capture_output=True)
    return told.read_text().split()


def test_a_demo_installs_what_running_needs_and_tests_the_rest(clone: Path) -> None:
    assert make(clone, "demo") == ["requirements.lock", "demo"]
    assert make(clone, "test") == ["requirements-dev.lock", "tests"]
    assert make(clone, "demo") == ["demo"]
    assert make(clone, "test") == ["tests"]


def test_variables_of_other_projects_reach_no_program_of_ours(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("PYTHONPATH", "PYTHONHOME", "DJANGO_SETTINGS_MODULE", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    for name in names:
        monkeypatch.setenv(name, "/another/project")
    (clone / "python").write_text((clone / "python").read_text() + "\nenv >>environment\n")
    make(clone, "demo")
    found = (clone / "environment").read_text()
    assert [name for name in names if f"{name}=" in found] == []


def test_after_the_tests_a_demo_installs_nothing(clone: Path) -> None:
    assert make(clone, "test") == ["requirements-dev.lock", "tests"]
    assert make(clone, "demo") == ["demo"]


def test_what_running_needs_has_one_version_in_both_lists() -> None:
    """Given that the same environment takes both, then neither changes what the other installed."""
    running, developing = (
        dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==([^ ;\\\\]+)", (CHECKOUT / lock).read_text(), re.MULTILINE))
        for lock in LOCKS.values()
    )
    assert running.items() <= developing.items()
    assert len(running) > 40
