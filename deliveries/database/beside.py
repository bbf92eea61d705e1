"""What a thread goes on with while it waits for the database.

What lives here: the work of an engine beside its statements, and waiting in pieces between which it is done. A database
that hangs, or has a row locked, must not stop what has nothing to do with it. It must not know what the work is, nor
what is asked. That work asks the database nothing: the connection is in use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

Work = Callable[[], None]
State = TypeVar("State")
Result = TypeVar("Result")

PIECE_SECONDS = 0.1  # longer than almost all statements take: those pay nothing
NOT_READY = 0  # what psycopg says to who waits for a socket to no avail


class _Mine(threading.local):
    work: Work | None = None


_mine = _Mine()


@contextmanager
def working_beside(work: Work | None) -> Iterator[None]:
    """Inside, this thread does a little work again and again while it waits for the database; None: it only waits."""
    before, _mine.work = _mine.work, work
    try:
        yield
    finally:
        _mine.work = before


def work_beside() -> Work | None:
    """Return what this thread does while it waits."""
    return _mine.work


def resumed(waiting: Generator[State, int, Result]) -> Generator[State, int, Result]:
    """Return a generator that goes on with one of psycopg's, for which was waited to no avail."""
    ready = NOT_READY
    while True:
        try:
            wanted = waiting.send(ready)
        except StopIteration as ended:
            result: Result = ended.value
            return result
        ready = yield wanted


def do_beside(act: Callable[[], Result]) -> Result:
    """Return what `act` returns, which another thread does where this one has other work meanwhile."""
    if (work := _mine.work) is None:
        return act()
    future: Future[Result] = Future()
    threading.Thread(target=_settle, args=(future, act), name="beside", daemon=True).start()
    while True:
        try:
            return future.result(PIECE_SECONDS)
        except TimeoutError:
            if future.done():
                raise
            work()


def _settle(future: Future[Result], act: Callable[[], Result]) -> None:
    try:
        future.set_result(act())
    except BaseException as error:
        future.set_exception(error)
