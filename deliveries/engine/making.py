"""Deliveries that may go and cannot be sent yet: their event, their batch or their transformation is still to come.

What lives here: what each of them waits for. To its lane it is in flight meanwhile. It must not know who may send, nor
send anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deliveries.engine.batch_sender import Batches
from deliveries.engine.database_retry import Retry
from deliveries.engine.lane import Lane
from deliveries.engine.leases import event_bodies
from deliveries.engine.sender import making_of, text_of, with_event
from deliveries.engine.transforms import Transforms
from deliveries.engine.work import Claimed, Sent
from deliveries.errors import CannotShape
from deliveries.protocol.answers.answer import Answer


@dataclass(slots=True, kw_only=True)
class Ready:
    """What can go now; `body` is what a transformation made, or why it made nothing."""

    lane: Lane
    claimed: Claimed
    body: bytes | CannotShape | None = None
    batch: Sent | None = None

    @property
    def _members(self) -> Sequence[Claimed]:
        return [self.claimed] if self.batch is None else [each.claimed for each in self.batch.members]

    def outgrown(self) -> int:
        """Return how large it is where that is more than it counts for: of another day's event it is known only now."""
        size = sum([len(each.body or b"") for each in self._members])
        return size if size > self.claimed.body_bytes else 0

    def without_bodies(self) -> Sequence[Claimed]:
        """Return what has to wait after all; the events are fetched again when they may go."""
        for each in self._members:
            each.body_bytes, each.body = len(each.body or b""), None
        return self._members


class Making:
    """What one engine has in the making; `tell` is called on another thread, when a transformation has ended."""

    def __init__(self, *, retry: Retry, tell: Callable[[], None]) -> None:
        self._retry, self._tell = retry, tell
        self._large: list[tuple[Lane, Claimed]] = []
        self._batches = Batches()
        self._transforms: Transforms[tuple[Lane, Claimed]] | None = None  # made when the first endpoint has one

    @property
    def transformed(self) -> int:
        """How many wait for their transformation."""
        return self._transforms.waiting if self._transforms else 0

    def clear(self) -> None:
        """Forget all of it."""
        if self._transforms:
            self._transforms.close()
            self._transforms = None
        self._large.clear()
        self._batches.clear()

    def fetch_event(self, lane: Lane, claimed: Claimed) -> None:
        """Let a delivery wait for its event, which did not come with the claim."""
        _note(lane, claimed)
        self._large.append((lane, claimed))

    def gather(self, lane: Lane, claimed: Sequence[Claimed]) -> Claimed:
        """Put deliveries together; returns what stands for all of them."""
        sent = self._batches.add(lane, claimed)
        lane.note_sent(sent)
        return sent.claimed

    def begin(self, lane: Lane, claimed: Claimed) -> bool | Answer:
        """Say whether a body is made of the event first; what the attempt ends with, where no way leads there."""
        text = self._retry(lambda: making_of(claimed, lane.endpoint))
        if isinstance(text, str):
            _note(lane, claimed)
            self._transform(lane, claimed, text)
            return True
        return text or False

    def finished(self) -> Iterator[Ready]:
        """Return what waits no longer; each is to be sent before the next one is asked for."""
        yield from self._fetched()
        for lane, sent in self._batches.open(self._retry, self._transform):
            yield Ready(lane=lane, claimed=sent.claimed, batch=sent)
        for (lane, claimed), body in self._transforms.fetch() if self._transforms else ():
            if not lane.in_batches:
                yield Ready(lane=lane, claimed=claimed, body=body)
            elif whole := self._batches.came(claimed, body):
                yield Ready(lane=lane, claimed=whole.claimed, batch=whole)

    def _fetched(self) -> Iterator[Ready]:
        """Fetch the events that did not come with the claim, each once."""
        if not self._large:
            return
        bodies = self._retry(lambda: event_bodies({claimed.event_id for _, claimed in self._large}))
        large, self._large = self._large, []
        for lane, claimed in large:
            yield Ready(lane=lane, claimed=with_event(claimed, bodies.get(claimed.event_id)))

    def _transform(self, lane: Lane, claimed: Claimed, text: str) -> None:
        if self._transforms is None:
            self._transforms = Transforms(self._tell)
        event, tag = text_of(claimed), (lane, claimed)
        self._transforms.put(lane.customer_id, tag, text=text, event=event.whole_with_id, steps=event.steps)


def _note(lane: Lane, claimed: Claimed) -> None:
    lane.note_sent(Sent(claimed=claimed, started_at=datetime.now(UTC)))
