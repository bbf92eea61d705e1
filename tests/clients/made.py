"""Our clients as a program finds them: the Python one with its generated part, the TypeScript one compiled.

What lives here: making each once a run, whichever tests ask. `make receivers` fetches what the second needs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.generate import OPENAPI_TYPESCRIPT, TYPESCRIPT, generate_python
from tests.clients.steps import CHECKOUT, HERE, run_tool

needs_typescript = pytest.mark.skipif(
    not OPENAPI_TYPESCRIPT.exists() or not shutil.which("node"), reason="no Node, or `make receivers` was not run"
)


PROGRAMS = ("our_typescript.ts", "our_typescript_calls.ts", "emit_many.ts")


def python_client(factory: pytest.TempPathFactory) -> Path:
    """Return the folder to import the package with its generated part from."""
    return _once(factory, "hookpost-client-python", _make_python)


def typescript_client(factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the package and programs of ours, compiled."""
    return _once(factory, "hookpost-client-typescript", _make_typescript) / "dist"


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder that all processes of this run share."""
    base = factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            (folder / "made").touch()
    return folder


def _make_python(folder: Path) -> None:
    from deliveries.api.openapi import description

    shutil.copytree(CHECKOUT / "clients/python", folder, ignore=shutil.ignore_patterns("generated", "build", "dist"))
    (folder / "openapi.json").write_text(json.dumps(description()))
    generate_python(folder / "openapi.json", folder)


def _make_typescript(folder: Path) -> None:
    """Compile the package, the example of its page and our programs."""
    shutil.copytree(TYPESCRIPT / "src", folder / "src")
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(TYPESCRIPT / name, folder)
    (folder / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    for name in PROGRAMS:
        shutil.copy(HERE / "jobs" / name, folder / "src")
    example = re.findall("```ts\n(.*?)```", (TYPESCRIPT / "README.md").read_text(), re.DOTALL)[0]
    (folder / "src" / "readme.ts").write_text(example.replace('"hookpost-client"', '"./index.js"'))
    run_tool([folder / "node_modules" / ".bin" / "tsc"], folder=folder)
