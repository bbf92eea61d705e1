"""What somebody else may put into a queue of ours; none of it is a message that an actor may see.

What lives here: the bodies, made from one good message. It must not know a broker.
"""

from __future__ import annotations

import json
import threading

import dramatiq

from deliveries.management.workers import build_worker

THREADS = 2
NO_MESSAGES = [b"", b"\xff\xfe", b"hello", b"null", b"[1]", b"{}", b"[" * 60_000, b'"' + b"x" * 1_000_000 + b'"']
# Each often enough that it would end all threads, if it ended one.
OTHERS: list[dict[str, object]] = [
    {"queue_name": "nowhere"}, {"queue_name": None}, {"queue_name": ["bell"]},
    {"actor_name": "nobody"}, {"actor_name": ["ring"]}, {"actor_name": None},
    {"options": None}, {"options": {"throws": "x"}}, {"options": {"eta": 1e18}}, {"options": {"eta": "soon"}},
    {"options": {"pipe_target": 1}}, {"kwargs": None}, {"kwargs": {"number": 1}}, {"more": 1},
]  # fmt: skip
WRONG_FOR_ITS_ACTOR: list[dict[str, object]] = [{"args": "abc"}, {"args": []}, {"args": [{"a": 1}, None]}]


def refused(good: dramatiq.Message[object]) -> list[bytes]:
    """Return bodies that never reach an actor."""
    return [*NO_MESSAGES, *(_with(good, each) for each in OTHERS * (THREADS + 1))]


def failing(good: dramatiq.Message[object]) -> list[bytes]:
    """Return bodies that an actor is given and cannot do anything with."""
    return [_with(good, each) for each in WRONG_FOR_ITS_ACTOR * (THREADS + 1)]


def _with(good: dramatiq.Message[object], other: dict[str, object]) -> bytes:
    return json.dumps(good.asdict() | other).encode()


class Listening:
    """A worker whose actor remembers what it was given."""

    def __init__(self, broker: dramatiq.Broker, queue_name: str) -> None:
        self.heard: list[int] = []
        self.changed = threading.Condition()

        def ring(number: int) -> None:
            with self.changed:
                self.heard.append(int(number))
                self.changed.notify_all()

        self.ring = dramatiq.actor(ring, broker=broker, queue_name=queue_name, max_retries=0)
        self.worker = build_worker(broker, queues={queue_name}, threads=THREADS)

    def hears(self, number: int) -> bool:
        """Send it, and say whether it was heard within a minute."""
        self.ring.send(number)
        with self.changed:
            return self.changed.wait_for(lambda: number in self.heard, timeout=60)

    def threads_alive(self) -> int:
        """How many of its threads go on."""
        return sum(each.is_alive() for each in self.worker.workers)
