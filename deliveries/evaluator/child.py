"""The process that evaluates mappings and transformations, one after the other, as they come over a socket.

What lives here: its bounds, and the form of question and answer. It must not know Django, settings or the database: it
is started with an empty environment and has no secret to lose. It ends when whoever started it does.

    question   length of the expression, length of the event (4 bytes each, big-endian), both
    answer     length of the error's name, length of the content, both; the content is the result, or the error's detail
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

HEAD = struct.Struct(">II")
MEMORY_BYTES = 384 * 1024 * 1024
PROCESSOR_SECONDS = 0.2  # for each event
# Two lists that hold the same parts again and again are compared, or a long text is looked through, in one step of the
# interpreter, which hears no signal meanwhile: the kernel ends the process then, and needs nobody's attention for it.
LAST_SECONDS = 2 * PROCESSOR_SECONDS
ENDED_BY_TIME = signal.SIGVTALRM
NICENESS = 5


class OutOfTime(Exception):
    """The budget of one event is used up."""


class _Budget:
    """Processor time, not the clock's: a slow machine changes nothing."""

    def __init__(self) -> None:
        self._is_running = False
        signal.signal(signal.SIGPROF, self._end)
        signal.signal(ENDED_BY_TIME, signal.SIG_DFL)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_running:
            self._is_running = False
            raise OutOfTime

    @contextmanager
    def running(self) -> Iterator[None]:
        self._is_running = True
        signal.setitimer(signal.ITIMER_VIRTUAL, LAST_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
        try:
            yield
        finally:
            self._is_running = False
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)


def main(descriptor: int) -> None:
    """Answer questions until nobody asks; after one that used up time or memory, a fresh process goes on."""
    from deliveries.errors import CannotShape
    from deliveries.protocol.events.api_versions import MappingStep
    from deliveries.protocol.events.transformation import TIMEOUT, too_large, transform

    line, budget = socket.socket(fileno=descriptor), _Budget()
    while question := read(line):
        name, content, is_over = "", b"", False
        try:
            with budget.running():
                text, steps = json.loads(question[0])
                content = transform(text, question[1], steps=[MappingStep(*step) for step in steps])
        except CannotShape as error:
            name, content = error.error, error.detail.encode()
        except OutOfTime:
            name, content, is_over = TIMEOUT, too_long(steps).encode(), True
        except MemoryError:
            name, content, is_over = too_large().error, too_large().detail.encode(), True
        line.sendall(written(name.encode(), content))
        if is_over:
            return


def too_long(steps: Sequence[object]) -> str:
    """Return what is said of an event whose budget is used up; `steps` are the mappings before a transformation."""
    name = "mapping and transformation take" if steps else "the transformation takes"
    return f"{name} longer than {PROCESSOR_SECONDS} s of processor time"


class Readable(Protocol):
    """What messages are read from."""

    def recv(self, size: int, /) -> bytes:
        """Return what has come; nothing at the end."""


def read(line: Readable) -> tuple[bytes, bytes] | None:
    """Return the two parts of a message; None at the end."""
    head = _exactly(line, HEAD.size)
    if head is None:
        return None
    first, second = HEAD.unpack(head)
    both = _exactly(line, first + second)
    return None if both is None else (both[:first], both[first:])


def written(first: bytes, second: bytes) -> bytes:
    """Return a message of two parts."""
    return HEAD.pack(len(first), len(second)) + first + second


def _exactly(line: Readable, size: int) -> bytes | None:
    parts, left = [], size
    while left:
        part = line.recv(min(left, 1 << 16))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def bound() -> None:
    """Let this process have little memory, no file to write, and the processor after others."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever started this one ends it
    os.nice(NICENESS)


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    bound()
    main(int(sys.argv[2]))
