"""A silent name server costs its own endpoints their deadline, and nobody else anything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.outbound.silent_name_server import PATIENCE_SECONDS

_APART = ["unshare", "--user", "--map-root-user", "--net", "--mount"]


def may_stand_apart() -> bool:
    """Tell whether this machine lets us have namespaces of our own."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    probe = subprocess.run([*_APART, "mount", "--bind", "/etc/hosts", "/etc/hosts"], capture_output=True, check=False)
    return probe.returncode == 0


@pytest.fixture(scope="module")
def silent() -> dict[str, Any]:
    """What the engine made of fifty names that nobody answers for; whoever waits for one of them takes too long."""
    if not may_stand_apart():
        pytest.skip("no namespaces here")
    script = [*_APART, sys.executable, "-W", "error", "-m", "tests.outbound.silent_name_server"]
    run = subprocess.run(script, capture_output=True, check=False, timeout=PATIENCE_SECONDS)
    assert run.returncode == 0, run.stderr.decode()
    return dict(json.loads(run.stdout))


def test_a_silent_name_server_counts_in_the_deadline(silent: dict[str, Any]) -> None:
    assert silent["errors"] == ["connect_timeout"]
    assert silent["details"] == ["the host name was not resolved in time"]


def test_the_next_requests_do_not_wait_for_hanging_resolvers(silent: dict[str, Any]) -> None:
    assert silent["after"] == 200


def test_fifty_silent_names_do_not_delay_the_names_beside_them(silent: dict[str, Any]) -> None:
    assert silent["healthy"] == [200] * 5


def test_a_registration_does_not_wait_for_a_silent_name_server(silent: dict[str, Any]) -> None:
    assert silent["registration"] == "silent.example could not be resolved in time"
