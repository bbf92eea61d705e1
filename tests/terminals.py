"""A shell that is typed into, for the tests that follow a page.

What lives here: one bash with a clean environment, and the answers that it printed. It must not know a page.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
ANSWER_SECONDS = 240
STOP_SECONDS = 240
OURS = ("HOOKPOST_", "DATABASE_URL", "BROKER_URL", "DJANGO_", "PYTHON")  # an unbuffered one mixes what two print


def blocks_of(page: str, section: str) -> list[str]:
    """What a section of a page says to type, block by block."""
    text = (CHECKOUT / page).read_text().partition(section + "\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def clean_environment(**settings: str) -> dict[str, str]:
    """The caller's environment without settings of ours or Python's, and then these; no balancer is waited for."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return others | {"HOOKPOST_DRAIN_SECONDS": "0"} | settings


class Terminal:
    """A bash that is typed into."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def type(self, text: str, *, seconds: float = ANSWER_SECONDS) -> str:
        """Type a block, and return what appears until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\necho; echo the end of the block\n")
        self.process.stdin.flush()
        return self.await_line("the end of the block", seconds=seconds)

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
def terminal(**settings: str) -> Iterator[Terminal]:
    """A shell in the checkout, with nothing set but these; all that it started ends with it."""
    process = subprocess.Popen(
        ["bash"], cwd=CHECKOUT, env=clean_environment(**settings), text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    with process:
        shell = Terminal(process)
        try:
            yield shell
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            assert process.stdin is not None
            process.stdin.close()
            shell.reader.join(STOP_SECONDS)  # until the last of them has ended: nobody may read what is closed


def answers_in(text: str) -> list[Any]:
    """The JSON objects that were printed, in order."""
    found, decoder = [], json.JSONDecoder()
    while (start := text.find("{\n")) >= 0:
        value, end = decoder.raw_decode(text[start:])
        found.append(value)
        text = text[start + end :]
    return found
