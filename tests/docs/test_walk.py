"""The walks of the README and of docs/api.md, as a newcomer takes them: typed into a shell, with curl only.

What lives here: two terminals. The first runs Hookpost, the second is one bash that gets what the page says,
with the ids and secrets of the answers put in for the dots.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

CHECKOUT = Path(__file__).parents[2]
SECTIONS = {"README.md": "## Use it", "docs/api.md": "## Five minutes with curl"}
UP_SECONDS, ANSWER_SECONDS, WALK_SECONDS = 120, 60, 300
PAUSE_SECONDS = 3  # where the page says 1: this machine may be busy
OURS = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL", "DJANGO_")

pytestmark = [
    pytest.mark.timeout(WALK_SECONDS),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the walk is for people who have curl"),
]


def blocks_of(page: str) -> list[str]:
    """What the page says to type, block by block."""
    section = (CHECKOUT / page).read_text().partition(SECTIONS[page] + "\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


class Terminal:
    """A bash that is typed into."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, text: str) -> str:
        """Type a block, and return what appears until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\necho; echo the end of the block\n")
        self.process.stdin.flush()
        return self.await_line("the end of the block", seconds=ANSWER_SECONDS)

    def await_line(self, wanted: str, *, seconds: float) -> str:
        """Return what appears up to a line with these words."""
        seen, end = [], time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {wanted!r} in\n{''.join(seen)}"
            if wanted in line:
                return "".join(seen)
            seen.append(line)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)


@contextmanager
def terminal(data_dir: Path) -> Iterator[Terminal]:
    """A shell in the checkout, with nothing set but the data folder; all that it started ends with it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    process = subprocess.Popen(
        ["bash"], cwd=CHECKOUT, env=environment | {"HOOKPOST_DATA": str(data_dir)}, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with process:
        try:
            yield Terminal(process)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.stdin is not None
            process.stdin.close()


def answers_in(text: str) -> list[Any]:
    """The JSON objects that were printed, in order."""
    found, decoder = [], json.JSONDecoder()
    while (start := text.find("{\n")) >= 0:
        value, end = decoder.raw_decode(text[start:])
        found.append(value)
        text = text[start + end :]
    return found


def here(text: str, ports: dict[str, int]) -> str:
    """A block with the interpreter, the ports and the pauses of this run."""
    for standard, port in ports.items():
        text = text.replace(standard, str(port))
    text = text.replace(".venv/bin/python", sys.executable).replace("sleep 1\n", f"sleep {PAUSE_SECONDS}\n")
    return text.replace("make up", f"{sys.executable} manage.py up --port {ports['8000']}")


def with_dots_filled(text: str, **values: str) -> str:
    """A block in which whsec_… and dlv_… are what the answers said."""
    for prefix, value in values.items():
        text = text.replace(f"{prefix}_…", value)
    assert "_…" not in text, text
    return text


@contextmanager
def walk(page: str, data_dir: Path) -> Iterator[tuple[Terminal, list[str]]]:
    """The second terminal, with Hookpost up in the first, and the blocks that are to be typed."""
    ports = dict(zip(("8000", "9400"), free_ports(2), strict=True))
    up, *blocks = [here(block, ports) for block in blocks_of(page)]
    with terminal(data_dir) as first, terminal(data_dir) as second:
        assert first.process.stdin is not None
        first.process.stdin.write(up)
        first.process.stdin.flush()
        first.await_line("Hookpost is up", seconds=UP_SECONDS)
        yield second, blocks


def test_the_walk_of_the_api_page_ends_with_a_redelivery_that_arrives(tmp_path: Path) -> None:
    started = time.monotonic()
    with walk("docs/api.md", tmp_path) as (shell, (make, send)):
        customer, event_type, endpoint, event, deliveries = answers_in(shell.type(make))
        assert (customer["uid"], event_type["name"], endpoint["uid"]) == ("alice", "order.shipped", "main")
        assert event["deliveries"] == 1
        (delivery,) = deliveries["results"]
        assert (delivery["event"], delivery["error"]) == (event["id"], "connect_refused")
        said = shell.type(with_dots_filled(send, whsec=endpoint["secret"], dlv=delivery["id"]))
        again, attempts = answers_in(said)
        assert again["id"] == delivery["id"]
        assert f"received {event['id']} order.shipped" in said
        newest, *_, oldest = attempts["results"]
        assert (newest["redelivery"], newest["status_code"], newest["actor"]) == (True, 204, "key:first")
        assert (oldest["number"], oldest["error"]) == (1, "connect_refused")
    assert time.monotonic() - started < WALK_SECONDS


def test_the_walk_of_the_readme_ends_with_an_event_that_arrives(tmp_path: Path) -> None:
    with walk("README.md", tmp_path) as (shell, (block, *_)):
        make, receive = block.split("export PORT", 1)
        *_, endpoint = answers_in(shell.type(make))
        said = shell.type(with_dots_filled(f"export PORT{receive}", whsec=endpoint["secret"]))
        event, deliveries = answers_in(said)
        assert f"received {event['id']} invoice.paid" in said
        assert [each["state"] for each in deliveries["results"]] == ["succeeded"]
