"""Generators and linters that come from elsewhere: `make test-openapi` fetches them, other runs skip them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.steps import HERE, do_the_whole_job, run_tool
from tests.receiver import Receiver

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

NODE = HERE / "node" / "node_modules"
JAR = HERE / "jar" / "openapi_generator_cli" / "openapi-generator.jar"
TYPESCRIPT = ["--strict", "--target", "es2022", "--module", "node16", "--skipLibCheck", "--types", "node"]

pytestmark = pytest.mark.django_db(transaction=True)
needs_node = pytest.mark.skipif(not NODE.exists() or not shutil.which("node"), reason="tests/clients/fetch was not run")
needs_java = pytest.mark.skipif(not JAR.exists() or not shutil.which("java"), reason="tests/clients/fetch was not run")


def run_node(name: str, *options: str | Path, folder: Path) -> str:
    return run_tool([NODE / ".bin" / name, *options], folder=folder)


@needs_node
def test_redocly_finds_no_error(described: Path) -> None:
    assert "is valid" in run_node("redocly", "lint", described, folder=described.parent)


@needs_node
def test_spectral_finds_no_error(described: Path) -> None:
    rules = HERE / "node" / "spectral.yaml"
    said = run_node("spectral", "lint", described, "--ruleset", rules, folder=described.parent)
    assert "(0 errors" in said or "No results with a severity" in said


@needs_node
@pytest.mark.parametrize(
    ("tool", "options", "program"),
    [
        ("openapi-typescript", ["openapi.json", "--output", "api.ts"], "openapi_typescript"),
        ("openapi-ts", ["--input", "openapi.json", "--output", "client"], "hey_api"),
    ],
)
def test_a_typescript_client_does_the_whole_job(
    described: Path,
    live_server: LiveServer,
    key: str,
    receiver: Receiver,
    tool: str,
    options: list[str],
    program: str,
) -> None:
    folder = described.parent
    (folder / "node_modules").symlink_to(NODE)
    shutil.copy(HERE / "jobs" / f"{program}.ts", folder)
    run_node(tool, *options, folder=folder)
    run_node("tsc", *TYPESCRIPT, f"{program}.ts", folder=folder)
    command = ["node", folder / f"{program}.js", live_server.url, key, receiver.url]
    do_the_whole_job(command, receiver=receiver, generated=folder)
    assert receiver.requests


@needs_java
def test_the_python_client_of_openapi_generator_does_the_whole_job(
    described: Path, live_server: LiveServer, key: str, receiver: Receiver
) -> None:
    folder = described.parent
    options = ["-g", "python", "--package-name", "hookpost_client", "-o", folder / "made"]
    said = run_tool(["java", "-jar", JAR, "generate", "-i", described, *options], folder=folder)
    assert "ERROR" not in said
    program = HERE / "jobs" / "openapi_generator.py"
    command = [sys.executable, program, live_server.url, key, receiver.url]
    do_the_whole_job(command, receiver=receiver, generated=folder / "made")
