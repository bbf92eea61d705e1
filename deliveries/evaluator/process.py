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
from contextlib import ExitStack, suppress
from pathlib import Path

from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator import child
from deliveries.evaluator.line import ROUND_SECONDS, WaitingLine
from deliveries.evaluator.turns import Turns
from deliveries.protocol.events.api_versions import MappingStep
from deliveries.protocol.events.transformation import FAILED, TIMEOUT, TOO_LARGE, too_large
from deliveries.protocol.sending.payload import EventText, Shaped, Shaping, shape, transformed

ROOT = Path(__file__).parents[2]
END_SECONDS = 10.0  # for a process that was killed to be gone
WAIT_SECONDS = 10.0  # for a turn
TRIES = 2  # a process that somebody else ended says nothing about what it was asked
CLOSED = b"it is evaluated no more"
_WITHOUT_MEMORY = (-signal.SIGABRT, -signal.SIGSEGV)  # how libraries end that get none


class Evaluator:
    """One process; any thread may ask, one after the other, customers in rotation."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._is_closed = False

    def transform(self, text: str, event: bytes, *, steps: Sequence[MappingStep] = ()) -> bytes:
        """Return what `transform` does, in protocol/events/; raises CannotShape, and Unavailable where many ask."""
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
        with self._turns.turn(wait_seconds=END_SECONDS):
            self._end()

    def _ask(self, text: str, event: bytes, steps: Sequence[MappingStep]) -> tuple[str, bytes]:
        question = child.written(json.dumps([text, steps]).encode(), event)
        for _ in range(TRIES):
            if self._is_closed:
                return FAILED, CLOSED
            answer = self._answer_to(question)
            if answer is not None:
                return self._read_answer(*answer)
            if (told := _told(self._end(), steps)) is not None:
                return told
        return FAILED, b"it ended the process that evaluates it"

    def _answer_to(self, question: bytes) -> tuple[bytes, bytes] | None:
        """Ask the process; None where it ended. One that is stuck or starves is ended."""
        line = self._line_to_ask()
        try:
            line.sendall(question)
            return child.read(line)
        except TimeoutError:
            self._end()
            return TIMEOUT.encode(), b"the process that evaluates it did not answer"
        except OSError:
            return None
        except Unavailable:
            self._end()
            raise

    def _read_answer(self, name: bytes, content: bytes) -> tuple[str, bytes]:
        if name.decode() in (TIMEOUT, TOO_LARGE):  # it may have ended itself
            self._end()
        return name.decode(), content

    def _line_to_ask(self) -> WaitingLine:
        fresh = self._line is None
        try:
            line = self._line or self._start()
        except OSError as error:  # this machine's want is no transformation's fault
            raise Unavailable("the process that evaluates transformations cannot be started; try again") from error
        assert self._process is not None
        return WaitingLine(line, pid=self._process.pid, is_fresh=fresh)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as unless_started:
            unless_started.enter_context(ours)
            self._process = subprocess.Popen(
                [sys.executable, "-I", child.__file__, str(ROOT), str(theirs.fileno())],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
            unless_started.pop_all()
        ours.settimeout(ROUND_SECONDS)
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
                return process.wait(END_SECONDS)
        return None


def _told(ended: int | None, steps: Sequence[MappingStep]) -> tuple[str, bytes] | None:
    """Return what is said of an expression at which its process ended: by its budget, or for want of memory."""
    if ended == -child.ENDED_BY_TIME:
        return TIMEOUT, child.too_long(steps).encode()
    if ended in _WITHOUT_MEMORY:
        return TOO_LARGE, too_large().detail.encode()
    return None


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
