"""Events that wait for their mapping or transformation, and those that have it.

What lives here: a thread that asks an evaluator, one customer after the other, and tells the engine when an answer is
there. It must not know lanes, the database, or what an event is sent to. Nobody who has no transformation waits for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from deliveries.errors import CannotShape, Unavailable
from deliveries.evaluator.process import Evaluator
from deliveries.protocol.events.api_versions import MappingStep
from deliveries.protocol.events.transformation import FAILED
from deliveries.services.common.seldom import Seldom

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0  # before one that could not be evaluated for want of something here is tried again

Tag = TypeVar("Tag")


class Transforms(Generic[Tag]):
    """The transformations of one engine; `tell` is called on the thread, when one has ended."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.waiting = 0  # that were asked for and not fetched yet
        self._tell, self._evaluator = tell, Evaluator()
        self._lines: dict[UUID, deque[tuple[Tag, str, bytes, Sequence[MappingStep]]]] = {}
        self._ended: deque[tuple[Tag, bytes | CannotShape]] = deque()
        self._changed = threading.Condition()
        self._is_closed, self._seldom = False, Seldom()
        self._thread = threading.Thread(target=self._run, name="transformations", daemon=True)
        self._thread.start()

    def put(self, customer_id: UUID, tag: Tag, *, text: str, event: bytes, steps: Sequence[MappingStep] = ()) -> None:
        """Have an event mapped and transformed; returns at once."""
        self.waiting += 1
        with self._changed:
            self._lines.setdefault(customer_id, deque()).append((tag, text, event, steps))
            self._changed.notify()

    def fetch(self) -> list[tuple[Tag, bytes | CannotShape]]:
        """Return what has ended since the last time."""
        found = [self._ended.popleft() for _ in range(len(self._ended))]
        self.waiting -= len(found)
        return found

    def close(self) -> None:
        """End all of it; nothing more is told."""
        with self._changed:
            self._is_closed = True
            self._lines.clear()
            self._changed.notify()
        self._evaluator.close()
        self._thread.join()

    def _run(self) -> None:
        while (following := self._next()) is not None:
            tag, text, event, steps = following
            made = self._made(text, event, steps)
            if self._is_closed:
                return
            self._ended.append((tag, made))
            self._tell()

    def _made(self, text: str, event: bytes, steps: Sequence[MappingStep]) -> bytes | CannotShape:
        """Evaluate one; what this machine lacks is waited for, as no attempt is to end with it."""
        while not self._is_closed:
            try:
                return self._evaluator.transform(text, event, steps=steps)
            except CannotShape as error:
                return error
            except Unavailable as error:
                if self._seldom.lets():
                    log.warning("transformations_wait", reason=str(error))
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, timeout=PAUSE_SECONDS)
            except (OSError, ValueError) as error:
                return CannotShape(str(error), error=FAILED)
        return CannotShape("", error=FAILED)

    def _next(self) -> tuple[Tag, str, bytes, Sequence[MappingStep]] | None:
        """Wait for the next one, of the customer whose last one is longest ago; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or bool(self._lines))
            if self._is_closed:
                return None
            customer_id = next(iter(self._lines))
            line = self._lines.pop(customer_id)
            following = line.popleft()
            if line:
                self._lines[customer_id] = line  # behind the others
            return following
