"""Child processes that are started again when they die.

What lives here: one child with its back-off, and the end of it. It must not know what a child does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from config.embedded.processes import dies_with_parent

log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
HEALTHY_SECONDS = 60.0


class Child:
    """One command that is meant to run all the time, in a process group of its own."""

    def __init__(self, name: str, command: Sequence[str], *, environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = [*dies_with_parent(signal.SIGTERM), *command]
        self.environment = dict(environment)
        self.delay = FIRST_DELAY_SECONDS
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.due = 0.0

    def tend(self, now: float) -> None:
        """Start the command, or start it again after it has died; `now` is monotonic."""
        if self.process is not None and self.process.poll() is not None:
            self.bury(now)
        if self.process is None and now >= self.due:
            self.process = subprocess.Popen(self.command, env=self.environment, start_new_session=True)
            self.started = now

    def bury(self, now: float) -> None:
        """Note a death, end what the dead has left behind, and say when to start again."""
        assert self.process is not None
        signal_group(self.process, signal.SIGKILL)
        self.delay = FIRST_DELAY_SECONDS if now - self.started > HEALTHY_SECONDS else self.delay
        log.warning("child died", child=self.name, exit_code=self.process.returncode, again_in_seconds=self.delay)
        self.due = now + self.delay
        self.delay = min(self.delay * 2, LONGEST_DELAY_SECONDS)
        self.process = None

    def ask_to_stop(self) -> None:
        """Ask the process, which tells its own children."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self, *, until: float) -> None:
        """Wait until the monotonic time, then kill the group."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, until - time.monotonic()))
        signal_group(self.process, signal.SIGKILL)
        self.process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child's group, if anybody of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def stop_all(children: Sequence[Child], *, seconds: float) -> None:
    """Stop all children at the same time."""
    until = time.monotonic() + seconds
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop(until=until)
