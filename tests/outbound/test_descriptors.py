"""A machine without a socket to spare says so, and blames no receiver."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

NO_SOCKET = [["no_socket", "no socket could be opened here: Too many open files"]]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the engine made of a process that may open no more files."""
    script = [sys.executable, "-W", "error", "-m", "tests.outbound.few_descriptors"]
    run = subprocess.run(script, capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stderr == b""
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("case", ["none", "none, by name", "one"])
def test_without_descriptors_it_is_not_the_receivers_fault(case: str, found: dict[str, Any]) -> None:
    assert found[case] == NO_SOCKET


@pytest.mark.parametrize("case", ["enough", "enough, by name"])
def test_with_descriptors_again_it_goes_on(case: str, found: dict[str, Any]) -> None:
    assert found[case] == [["200", ""]]
