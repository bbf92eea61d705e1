"""Asking the process that evaluates mappings and transformations.

What lives here: starting it when it is first needed, one question at a time, and ending it where it does not answer.
It must not know endpoints or lanes.
"""

from __future__ import annotations

import atexit
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator import child
from deliveries.evaluator.turns import Turns
from deliveries.protocol.api_versions import MappingStep
from deliveries.protocol.payload import EventText, Shaped, Shaping, shape, transformed
from deliveries.protocol.transformation import FAILED, TIMEOUT, TOO_LARGE, too_large

ROOT = Path(__file__).parents[2]
ANSWER_SECONDS = 10.0  # far beyond the budget: only a process that is stuck takes so long
WAIT_SECONDS = 10.0  # for a turn
_WITHOUT_MEMORY = (-signal.SIGABRT, -signal.SIGSEGV)  # how libraries end that get none


class Evaluator:
    """One process; any thread may ask, one after the other, customers in rotation."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._is_closed = False

    def transform(self, text: str, event: bytes, *, steps: Sequence[MappingStep] = ()) -> bytes:
        """Return what protocol.transformation.transform does; raises CannotShape, and Unavailable where many ask."""
        with self._turns.turn(wait_seconds=WAIT_SECONDS) as is_mine:
            if not is_mine:
                raise Unavailable("too many transformations are evaluated at this moment; try again")
            name, content = self._ask(text, event, steps)
        if name:
            raise CannotShape(content.decode(errors="replace"), error=name)
        return content

    def close(self) -> None:
        """End the process, also amid a question."""
        self._is_closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._turns.turn(wait_seconds=ANSWER_SECONDS):
            self._end()

    def _ask(self, text: str, event: bytes, steps: Sequence[MappingStep]) -> tuple[str, bytes]:
        answer = None
        try:
            line = self._line or self._start()
            line.sendall(child.written(json.dumps([text, steps]).encode(), event))
            answer = child.read(line)
        except TimeoutError:
            self._end()
            return TIMEOUT, b"the process that evaluates it did not answer"
        except OSError:
            pass
        if answer is None:
            return _told(self._end(), steps)
        name = answer[0].decode()
        if name in (TIMEOUT, TOO_LARGE):  # it may have ended itself
            self._end()
        return name, answer[1]

    def _start(self) -> socket.socket:
        if self._is_closed:
            raise OSError("closed")
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", child.__file__, str(ROOT), str(theirs.fileno())],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        ours.settimeout(ANSWER_SECONDS)
        self._line = ours
        return ours

    def _end(self) -> int | None:
        """Forget the process, and return how it ended; the next question has a new one."""
        line, process = self._line, self._process
        self._line = self._process = None
        if line is not None:
            line.close()
        if process is not None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                return process.wait(ANSWER_SECONDS)
        return None


def _told(ended: int | None, steps: Sequence[MappingStep]) -> tuple[str, bytes]:
    """Return what is said of an expression at which its process ended: by its budget, for want of memory, or else."""
    if ended == -child.ENDED_BY_TIME:
        return TIMEOUT, child.too_long(steps).encode()
    if ended in _WITHOUT_MEMORY:
        return TOO_LARGE, too_large().detail.encode()
    return FAILED, b"it ended the process that evaluates it"


_shared = Evaluator()
atexit.register(_shared.close)


def shape_event(event: EventText, shaping: Shaping, *, evaluator: Evaluator = _shared) -> Shaped:
    """Return what is sent of an event, what is made of it evaluated apart; raises CannotShape, Unavailable."""
    made = made_of(event, shaping, evaluator=evaluator)
    return shape(event if made is None else transformed(event, made), shaping)


def evaluate(event: EventText, *, evaluator: Evaluator = _shared) -> bytes:
    """Return the data that an event's mappings make of its own; raises CannotShape, Unavailable."""
    return evaluator.transform("", event.whole_with_id, steps=event.steps)


def made_of(event: EventText, shaping: Shaping, *, evaluator: Evaluator = _shared) -> bytes | None:
    """Return what mappings and a transformation make of an event, None without; raises CannotShape, Unavailable."""
    if not shaping.transformation and not event.steps:
        return None
    return evaluator.transform(shaping.transformation, event.whole_with_id, steps=event.steps)
