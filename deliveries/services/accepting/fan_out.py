"""Fan-outs that go on after their event is stored: large ones, and those whose filters may take long.

What lives here: the next chunk of endpoints of an event, one customer after the other, and a thread that goes on while
something is open. Whoever is killed leaves a row, from which anybody goes on: no delivery is lost or made twice. Which
endpoints an event goes to is judged by their configuration at that moment. It must not know the broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from deliveries import sql
from deliveries.database.failures import first_line
from deliveries.models import Endpoint, Event, FanOut
from deliveries.protocol.events.event_types import is_ours, matching_keys
from deliveries.protocol.writing.remembered import remember
from deliveries.services.accepting.event_store import accepting
from deliveries.services.accepting.filter_judge import Judged, judge
from deliveries.services.bodies.filter_bodies import body_seen
from deliveries.services.process.interpreter import quick_handover
from deliveries.services.process.shares import charge
from deliveries.sql.days import day_of
from deliveries.sql.rows import ClaimFanOutsRow, FanOutChunkRow

log = structlog.get_logger(__name__)

CHUNK = 250  # endpoints: some 5 ms of PostgreSQL, which others wait for at most
LONGEST_PAUSE_SECONDS = 0.1  # after a chunk, while events for others are accepted
LEFT_SECONDS = 3.0  # without a turn for anybody, while something is open: whoever made the deliveries is gone
AT_ONCE = 4  # customers that one process leases at the same moment
LEASE_SECONDS = 15.0  # longer than that many chunks, each of which is bounded
LOOK_SECONDS = 0.25
REMEMBERED = 10_000  # events with who posted them, and customers that wait
FILTER_FAILED = "filter_failed"  # sql/fan_out_chunk.sql knows it too
WAIT_FOR = 3  # a customer whose filters took long waits for so many times as long, up to LEASE_SECONDS

Wake = Callable[[Iterable[tuple[UUID, bool]]], None]

_posters: dict[UUID, UUID] = {}  # the customer that posted an event itself
_waits_until: dict[UUID, float] = {}  # until when, for each customer whose filters took long


@dataclass(frozen=True, slots=True)
class _Candidate:
    endpoint_id: UUID
    is_filtered: bool
    api_version: str | None


def continue_fan_outs(wake: Wake, *, seconds: float = 30.0) -> int:
    """Make deliveries of open fan-outs, chunk by chunk in rotation; returns how many chunks it was.

    Returns when nothing is open that is not leased or waiting, or after so many seconds.
    """
    give_up, chunks = time.monotonic() + seconds, 0
    while time.monotonic() < give_up:
        taken = sql.fetch(ClaimFanOutsRow, {"limit": AT_ONCE, "lease_seconds": LEASE_SECONDS})
        if not taken:
            break
        for row in taken:
            _take_turn(row, wake)
        chunks += len(taken)
    return chunks


def _take_turn(row: ClaimFanOutsRow, wake: Wake) -> None:
    if _still_waits(row):
        return
    began = time.monotonic()
    with quick_handover:
        lanes = fan_out_chunk(row)
    wake(lanes)
    _charge_poster(row, deliveries=len(lanes), seconds=time.monotonic() - began)
    _give_way(time.monotonic() - began)


def _still_waits(row: ClaimFanOutsRow) -> bool:
    """Leave a fan-out whose customer waits: the dear one before it has ended, and with it the row that said so."""
    left = _waits_until.get(row.customer_id, 0.0) - time.monotonic() if _waits_until and row.customer_id else 0.0
    if left > 0:
        FanOut.objects.filter(pk=row.event_id).update(lease_until=Now() + timedelta(seconds=left))
    return left > 0


def _charge_poster(row: ClaimFanOutsRow, *, deliveries: int, seconds: float) -> None:
    """Draw a chunk on the account of the customer that posted the event itself; the operator has none."""
    if poster := _posters.get(row.event_id):
        charge(poster, deliveries=deliveries, seconds=seconds)


def _give_way(seconds: float) -> None:
    """Let others have the machine for as long as a chunk had it, where this process accepts events for several."""
    if _continuation.is_guest or not accepting.is_one(time.monotonic()):
        time.sleep(min(seconds, LONGEST_PAUSE_SECONDS))


def fan_out_chunk(row: ClaimFanOutsRow) -> list[tuple[UUID, bool]]:
    """Make the deliveries for the next endpoints of a leased fan-out; returns the lanes that got work."""
    event = Event.objects.filter(pk=row.event_id).only("id", "type", "api_version").first()
    if event is None:  # its day was dropped
        FanOut.objects.filter(pk=row.event_id).delete()
        return []
    keys = matching_keys(event.type)
    candidates = _candidates(row, keys, only_named=is_ours(event.type))
    filtered = [each for each in candidates if each.is_filtered]
    seen = {pin: body_seen(event, pin) for pin in {each.api_version for each in filtered}}
    bodies = {each.endpoint_id: seen[each.api_version] for each in filtered}
    judged = judge(row.event_id, [each.endpoint_id for each in filtered], spent_ms=row.filter_ms, bodies=bodies)
    candidates, is_last = _as_far_as_judged(candidates, judged), len(candidates) < CHUNK and not judged.left
    return [(made.endpoint_id, made.slow) for made in _make(row, keys, candidates, judged, is_last=is_last)]


def _candidates(row: ClaimFanOutsRow, keys: Sequence[str], *, only_named: bool) -> list[_Candidate]:
    endpoints = Endpoint.objects.filter(deleted_at=None).order_by("id")
    if row.customer_id is not None:
        endpoints = endpoints.filter(customer_id=row.customer_id)
    if row.after_id is not None:
        endpoints = endpoints.filter(id__gt=row.after_id)
    wanted = set(keys)
    found = endpoints.values_list("id", "filter", "event_types", "api_version")[:CHUNK]
    return [
        _Candidate(id_, bool(filter_) and (bool(wanted & set(types)) if types or only_named else True), pin)
        for id_, filter_, types, pin in found
    ]


def _as_far_as_judged(candidates: list[_Candidate], judged: Judged) -> list[_Candidate]:
    """Return those before the first whose filter there was no time for."""
    if not judged.left:
        return candidates
    first = next(place for place, each in enumerate(candidates) if each.endpoint_id == judged.left[0])
    return candidates[:first]


def _make(
    row: ClaimFanOutsRow, keys: Sequence[str], candidates: Sequence[_Candidate], judged: Judged, *, is_last: bool
) -> list[FanOutChunkRow]:
    # A lease that ends much later than one can would be over at once (sql/claim_fan_outs.sql).
    rest = min(judged.seconds * WAIT_FOR, LEASE_SECONDS) if judged.is_dear else 0.0
    parameters = {
        "event_id": row.event_id,
        "after_id": row.after_id,
        "upto_id": candidates[-1].endpoint_id if candidates else row.after_id,
        "is_last": is_last,
        "endpoint_ids": [each.endpoint_id for each in candidates],
        "type_keys": list(keys),
        "matched": list(judged.matched),
        "unjudged": list(judged.failed),
        "filter_ms": round(judged.seconds * 1000),
        "wait_seconds": rest,
    }
    if judged.failed:
        log.warning("filters_failed", event_id=str(row.event_id), endpoints=len(judged.failed), reason=judged.reason)
    if rest and row.customer_id:  # an event for everyone waits by its row alone
        remember(_waits_until, row.customer_id, time.monotonic() + rest, limit=REMEMBERED)
    day = day_of([row.event_id])
    return sql.fetch(FanOutChunkRow, parameters, days=(("hookpost_event", day), ("hookpost_delivery", day)))


class _Continuation:
    """One thread of this process, which goes on while fan-outs are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_guest = False  # in a process that accepts nothing, and has something else to do all the time

    def begin(self, wake: Wake) -> None:
        self._wanted.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, args=(wake,), name="fan-out", daemon=True)
                self._thread.start()

    def _run(self, wake: Wake) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                _continue_until_none_is_open(wake, more=self._wanted)
            except (DatabaseError, InterfaceError) as error:  # the dispatcher comes back to it
                log.warning("fan_out_without_database", error=first_line(error))
            except Exception:
                log.exception("fan_out_failed")
            finally:
                connection.close()


def _continue_until_none_is_open(wake: Wake, *, more: threading.Event) -> None:
    while continue_fan_outs(wake) or FanOut.objects.exists():
        more.wait(LOOK_SECONDS)  # some are leased by others, or wait
        more.clear()


def is_open(event_id: UUID) -> bool:
    """Say whether deliveries of this event are still to be made."""
    return FanOut.objects.filter(pk=event_id).exists()


_continuation = _Continuation()


def begin_fan_outs(wake: Wake, *, posted: Iterable[UUID] = (), by: UUID | None = None, is_guest: bool = False) -> None:
    """Go on with open fan-outs on a thread of this process; returns at once.

    `posted` are events of a customer's own key, `by` is the customer.
    """
    if by is not None:
        for event_id in posted:
            remember(_posters, event_id, by, limit=REMEMBERED)
    _continuation.is_guest = is_guest
    _continuation.begin(wake)


def take_over_fan_outs(wake: Wake) -> bool:
    """Go on with what others left open; for the dispatcher, once a second. Returns whether there was something.

    Whoever accepts goes on by itself. A worker that took part would take that time from its deliveries, and would not
    know what else the accepting process has to do.
    """
    left = timedelta(seconds=LEFT_SECONDS)
    of_late = FanOut.objects.filter(turn_at__range=(Now() - left, Now() + left))  # later: the clock was set back
    is_left = FanOut.objects.exists() and not of_late.exists()
    if is_left:
        begin_fan_outs(wake, is_guest=True)
    return is_left
