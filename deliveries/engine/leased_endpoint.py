"""How a leased lane's endpoint wants to be sent to, as of the moment of the lease.

What lives here: from the columns of sql/parts/sending_columns.sql to a value, with what is sealed in them opened. It
knows no lane. A field of an endpoint that sending has to know is read here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from django.conf import settings

from deliveries.engine.credentials import NOTHING, SentAlong, sent_along
from deliveries.engine.work import USER_AGENT, Claimed
from deliveries.errors import HookpostError
from deliveries.models import Endpoint
from deliveries.models.keyring import unseal
from deliveries.outbound.options import ClientTls
from deliveries.protocol.sending.credentials import Auth
from deliveries.protocol.sending.payload import Shaping, read_shaping
from deliveries.protocol.sending.request import Frame, frame_of
from deliveries.protocol.signing.secrets import SigningKey, read_secret
from deliveries.protocol.when.backoff import DEFAULT_SCHEDULE
from deliveries.protocol.writing.remembered import remember
from deliveries.sql.engine_rows import RenewLeasesRow, TakeLaneRow, TakeLanesRow

NOT_YET = "its access token is to be fetched first"
NOT_READ = "a stored secret, header or credential cannot be read"
NOT_OURS = "the stored secret is none of ours"
NONE_SIGNS = "the endpoint has no secret"
ONLY_ONCE = (0,)
KEPT_SECONDS, KEPT_ENDPOINTS = 60.0, 2000
PLAIN_FRAME = frame_of({}, user_agent=USER_AGENT, secret=())  # of endpoints without headers of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedEndpoint:
    """How an endpoint wants to be sent to, as of the moment of the lease.

    `shaping` is None where events are sent as they are stored; `problem` is why nothing can be sent,
    NOT_YET that its token is to be fetched first. `token_is_fresh`: it was fetched for this lease. `frame` is what
    its requests have in common where nothing is made of the event.
    """

    url: str
    signing: str
    shaping: Shaping | None
    keys: tuple[SigningKey, ...]
    hints: str
    headers: Mapping[str, str] = field(repr=False)
    hidden: Sequence[str] = field(repr=False)
    schedule: Sequence[int]
    timeout_seconds: int
    max_in_flight: int
    rate_limit: float | None
    ordered: bool
    enabled: bool
    set_aside_after: int = 0
    problem: str = ""
    tls: ClientTls | None = None
    oauth: Auth | None = field(default=None, repr=False)
    token_is_fresh: bool = False
    frame: Frame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Write down once what all of its requests have in common."""
        own = self.headers
        frame = frame_of(own, user_agent=USER_AGENT, secret=own.keys()) if own else PLAIN_FRAME
        object.__setattr__(self, "frame", frame)

    @property
    def in_batches(self) -> bool:
        """Whether it wants several events in one request."""
        return self.shaping is not None and self.shaping.batch_size > 1

    @property
    def batch_size(self) -> int:
        """Up to how many events go in one request."""
        return self.shaping.batch_size if self.shaping else 1

    @property
    def batch_wait_seconds(self) -> float:
        """How long a batch that is not full waits for more events."""
        return self.shaping.batch_wait_ms / 1000 if self.shaping else 0.0

    @property
    def a_second(self) -> int:
        """How many may be sent in the second for which a lane is in hand, by its rate."""
        return sys.maxsize if self.rate_limit is None else 1 + ceil(self.rate_limit)

    def holds_up(self, claimed: Claimed) -> bool:
        """Say whether those behind a delivery wait for its retry, should it fail now; `set_aside_after` 0: always."""
        return self.ordered and not 0 < self.set_aside_after <= claimed.attempts + 1


class _Opened(NamedTuple):
    shaping: Shaping | None = None
    keys: tuple[SigningKey, ...] = ()
    own: SentAlong = NOTHING


class _Remembered:
    """What endpoints were read to be, with the columns and the keyring that they were read from.

    Opening what is sealed is a tenth of what a lease costs a worker. Nothing is kept for longer than KEPT_SECONDS, so
    that what was erased leaves the memory too.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, LeasedEndpoint]] = {}  # by the id's number: UUID hashes itself in Python
        self._since = time.monotonic()

    def get(self, row: TakeLanesRow | RenewLeasesRow) -> LeasedEndpoint:
        if time.monotonic() - self._since > KEPT_SECONDS:
            self._known.clear()
            self._since = time.monotonic()
        columns = settings.ENCRYPTION_KEYS, row[_COLUMNS[type(row)]]
        number = row.endpoint_id.int
        known = self._known.get(number)
        if known is not None and known[0] == columns:
            return known[1]
        endpoint = _read(row)
        if not endpoint.problem:
            remember(self._known, number, (columns, endpoint), limit=KEPT_ENDPOINTS)
        return endpoint


_COLUMNS = {
    kind: slice(kind._fields.index("url"), kind._fields.index("hints") + 1)
    for kind in (TakeLanesRow, TakeLaneRow, RenewLeasesRow)
}
_remembered = _Remembered()


def leased_endpoint(row: TakeLanesRow | RenewLeasesRow) -> LeasedEndpoint:
    """Return how an endpoint wants to be sent to; what cannot be read is its problem."""
    return _remembered.get(row)


def _read(row: TakeLanesRow | RenewLeasesRow) -> LeasedEndpoint:
    opened, problem = _Opened(), ""
    try:
        opened = _open(row)
    except HookpostError as error:
        problem = str(error)
    except (ValueError, TypeError):
        problem = NOT_READ
    return LeasedEndpoint(
        url=row.url,
        signing=row.signing,
        shaping=opened.shaping,
        keys=opened.keys,
        hints="\n".join(row.hints or ()),
        headers=opened.own.headers,
        hidden=opened.own.hidden,
        tls=opened.own.tls,
        oauth=opened.own.oauth,
        schedule=row.retry_schedule or DEFAULT_SCHEDULE,
        timeout_seconds=row.timeout_seconds,
        max_in_flight=1 if row.ordered else row.max_in_flight,
        rate_limit=row.rate_limit,
        ordered=row.ordered,
        set_aside_after=row.set_aside_after or 0,
        enabled=row.state == Endpoint.State.ENABLED,
        problem=problem or _what_is_missing(row.signing, opened),
    )


def _open(row: TakeLanesRow | RenewLeasesRow) -> _Opened:
    pairs = zip(row.secret_ids or (), row.sealed or (), strict=True)
    return _Opened(
        shaping=None if row.shaping is None else read_shaping(row.shaping),
        keys=tuple(read_secret(unseal(sealed, row_id=row_id).decode()) for row_id, sealed in pairs),
        own=sent_along(row.endpoint_id, row.headers_sealed, row.credentials_sealed),
    )


def _what_is_missing(signing: str, opened: _Opened) -> str:
    if not opened.keys:
        return NONE_SIGNS
    if signing == "standard" and opened.keys[0].kind == "text":
        return NOT_OURS
    return NOT_YET if opened.own.oauth else ""


def schedule_of(claimed: Claimed, endpoint: LeasedEndpoint) -> Sequence[int]:
    """Return the delays before the attempts that a delivery has; a redelivery has one."""
    return ONLY_ONCE if claimed.manual else endpoint.schedule
