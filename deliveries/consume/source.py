"""A place that events come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

TRACE = ("traceparent", "tracestate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An event as it was written: `key` is the same whenever it is read, `raw` has the form of POST /events.

    Without a key it cannot be known again, and is refused. `traceparent` and `tracestate` are those of who wrote it.
    """

    key: str
    raw: bytes = field(repr=False)
    traceparent: str = ""
    tracestate: str = ""


class SourceAway(Exception):
    """The place does not answer; trying again may help."""


class EventSource(Protocol):
    """What is taken comes again, to this reader or another, until it was finished; both raise SourceAway."""

    def take(self, limit: int) -> Sequence[Message]:
        """Return up to so many messages; waits a moment when there are none."""

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        """Forget what is done, and set aside what is refused, with the reason; what is in neither comes again."""
