"""The receivers in this folder as processes: which there are, what each needs, how one is started.

What lives here: command lines. It must not know what is sent to them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from config.embedded.processes import wait_until
from tests.ports import is_listening

FOLDER = Path(__file__).parent
START_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A receiver that we did not write the verification of; `takes` is its answer to what it takes."""

    name: str
    command: tuple[str, ...]
    needs: str = ""
    profile: str = "standard"
    takes: int = 204


PROGRAMS = (
    Program(name="python_standardwebhooks", command=(sys.executable, "python/standard.py")),
    Program(name="node_standardwebhooks", command=("node", "node/standard.mjs"), needs="node/node_modules"),
    Program(name="node_svix", command=("node", "node/svix.mjs"), needs="node/node_modules"),
    Program(name="express", command=("node", "node/express_hex.mjs"), needs="node/node_modules", profile="hex_sha256"),
    Program(name="octokit", command=("node", "node/github.mjs"), needs="node/node_modules", profile="github"),
    Program(
        name="octokit_app",
        command=("node", "node/github_app.mjs"),
        needs="node/node_modules/@octokit/webhooks",
        profile="github",
        takes=200,
    ),
    Program(name="go_standardwebhooks", command=("bin/go-receiver",), needs="bin/go-receiver"),
    Program(name="rust_standardwebhooks", command=("bin/rust-receiver",), needs="bin/rust-receiver"),
    Program(name="java", command=("java", "-cp", "bin", "Receiver"), needs="bin/Receiver.class"),
)


def skip_unless_ready(program: Program) -> None:
    """Skip the test when the program's tools or packages are not here."""
    if shutil.which(program.command[0]) is None and not (FOLDER / program.command[0]).is_file():
        pytest.skip(f"{program.command[0]} is not installed or not built: see `make receivers`")
    if not (FOLDER / program.needs).exists():
        pytest.skip(f"tests/receivers/{program.needs} is missing: run `make receivers`")


def forge(port: int) -> None:
    """Send what nobody signed, and wait for the answer as long as it takes.

    With the first request a virtual machine loads what it verifies with, which may take longer than an endpoint waits.
    """
    headers = {"webhook-id": "evt_1", "webhook-timestamp": f"{time.time():.0f}", "webhook-signature": "v1,AAAA"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)) as connection:
        connection.request("POST", "/", body=b"{}", headers=headers)
        connection.getresponse().read()


@contextmanager
def running(program: Program, *, port: int, secret: str) -> Iterator[None]:
    """The program, listening inside the block."""
    environment = os.environ | {"PORT": str(port), "WEBHOOK_SECRET": secret}
    child = subprocess.Popen(program.command, cwd=FOLDER, env=environment, stdout=subprocess.DEVNULL)
    try:
        is_up = wait_until(lambda: is_listening(port), seconds=START_SECONDS, child=child)
        assert is_up, f"{program.name} did not start"
        forge(port)
        yield
    finally:
        child.terminate()
        child.wait(START_SECONDS)
