"""Requests to inbox addresses, which are answered here: no name is looked up, no socket opened, nothing can loop.

Lives here: the answers, and the wait of those who get none. It must not know deliveries.
"""

from __future__ import annotations

import heapq
from itertools import count

from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.inbox import ANSWER_AT, InboxAnswer

ADDRESS = "inbox"
HEADERS = (("content-type", "text/plain; charset=utf-8"),)
NEVER = float("inf")


class Inbox:
    """Those of one engine's requests that nobody answers in time."""

    def __init__(self) -> None:
        self._silent: list[tuple[float, int, object, Answer]] = []
        self._numbers = count()  # of two that end at the same moment neither tag nor answer is compared

    @property
    def waiting(self) -> int:
        """How many requests have no answer yet."""
        return len(self._silent)

    @property
    def next_at(self) -> float:
        """When the next of them is given up."""
        return self._silent[0][0] if self._silent else NEVER

    def take(self, url: str, *, tag: object, timeout_seconds: float, now: float) -> Answer | None:
        """Return the answer of an inbox address; None where there will be one at the deadline."""
        asked = ANSWER_AT[url]
        if asked is not InboxAnswer.SLOW:
            body = f"This inbox answers {asked.value}.\n".encode()
            return Answer(status=int(asked.value), headers=HEADERS, body=body, address=ADDRESS)
        milliseconds = int(timeout_seconds * 1000)
        detail = f"this inbox answers nothing within {timeout_seconds:g} s"
        answer = Answer(error="deadline_exceeded", detail=detail, address=ADDRESS, duration_ms=milliseconds)
        heapq.heappush(self._silent, (now + timeout_seconds, next(self._numbers), tag, answer))
        return None

    def ended(self, now: float) -> list[tuple[object, Answer]]:
        """Return those whose time is up."""
        over = []
        while self._silent and self._silent[0][0] <= now:
            _, _, tag, answer = heapq.heappop(self._silent)
            over.append((tag, answer))
        return over

    def close(self) -> None:
        """Forget all of them."""
        self._silent.clear()
