"""What passes through the engine: a due delivery, a request in flight, and an attempt that ended.

What lives here: values. They know no lane and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from deliveries import __version__
from deliveries.errors import CannotShape
from deliveries.models.base import new_id
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import Outcome
from deliveries.protocol.events.api_versions import Route

if TYPE_CHECKING:
    from deliveries.tracing.spans import Begun

USER_AGENT = f"Hookpost/{__version__}"
Key = tuple[int, bool]  # of a due row; a UUID's number, because the UUID would hash itself in Python
BY_HAND = 0  # the rank of what somebody waits for: neither rest nor rate hold it back
FIRST = 1  # of a first attempt; retries, backlogs and what is sent again in bulk come after it


# There are some of these for every request. Frozen, or made by names instead of places, each would cost three times as
# much.


@dataclass(slots=True)
class Claimed:
    """A due delivery with its event; `attempts` counts the scheduled attempts made before.

    `body` is None while a large one is not fetched yet. `api_version` is what the data is in, `route` the way to what
    the endpoint is pinned to, once it was asked for. `due_at` is in Unix seconds by the database's clock, and known
    only where somebody asks for it (leases.py). All but `route` stand as the rows of a claim end.
    """

    delivery_id: UUID
    manual: bool
    event_id: UUID
    rank: int
    attempts: int
    actor: str
    reason: str
    type: str
    body_bytes: int
    body: bytes | None = field(repr=False)
    trace_context: str | None = None
    api_version: str | None = None
    due_at: float | None = None
    route: Route | None = None

    @property
    def key(self) -> Key:
        """What tells a due row from the redelivery of the same delivery."""
        return self.delivery_id.int, self.manual

    @property
    def number(self) -> int | None:
        """The place in the schedule of the attempt that it becomes; None for a redelivery, which stands beside it."""
        return None if self.manual else self.attempts + 1


@dataclass(slots=True)
class Sent:
    """A request in flight: when it was started, what of it the log keeps, and its span where there are spans.

    `batch` is what it carries where that is several events, or may be: then `claimed` stands for all of them, with the
    size of all.
    """

    claimed: Claimed
    started_at: datetime
    request_headers: str = ""
    begun: Begun | None = None
    batch: Batch | None = None

    @property
    def members(self) -> Sequence[Sent]:
        """Each delivery in it, as if it had been sent alone."""
        return (self,) if self.batch is None else self.batch.members


@dataclass(slots=True, kw_only=True)
class Batch:
    """The deliveries of one request; `made` is what was made of them, later the body of each.

    `awaited` counts those of which something is still made.
    """

    members: list[Sent]
    made: dict[Key, bytes | CannotShape] = field(default_factory=dict)
    awaited: int = 0


@dataclass(slots=True)
class Finished:
    """One attempt that ended, ready to be recorded; its id tells whether it was recorded already."""

    claimed: Claimed
    started_at: datetime
    answer: Answer
    outcome: Outcome
    request_headers: str = ""
    begun: Begun | None = None
    attempt_id: UUID = field(default_factory=new_id)
