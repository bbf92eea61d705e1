"""The rows of a month: hours of the roll-up, and of the last day events, deliveries, attempts and failures.

What lives here: figures from a pair of dice, written in bulk. It must not know whom it is about.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from random import Random
from uuid import UUID

from django.utils.http import http_date

from deliveries.models import Attempt, Delivery, DueDelivery, Endpoint, EndpointHour, Event, FailureGroup, Lane
from deliveries.models.rollup import ALL_ENDPOINTS, DURATIONS_MS
from deliveries.protocol.signing.secrets import SigningKey, hint
from deliveries.protocol.signing.signatures import signature_headers
from deliveries.protocol.when.delivery_states import DeliveryState
from deliveries.protocol.writing.ids import delivery_id, encode_id, time_ordered
from deliveries.services.housekeeping.retention import open_partitions

HOURS = 720
SHOWN_HOURS = 20
MINUTES = (0, 1, 5, 13, 28)  # after the first attempt, of each that a delivery gets before it is given up
SCHEDULE = [60 * (late - early) for early, late in pairwise((0, *MINUTES))]
HEADERS = "content-type: application/json\nserver: nginx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One endpoint: where, for what, how busy, and how it fails: error, status, share of its events, hours since.

    `stopped` is for how many hours it has been paused or disabled; one that answers 410 was disabled by its answer.
    """

    path: str
    types: tuple[str, ...]
    an_hour: int
    error: str = ""
    status: int = 0
    share: float = 0.0
    hours: int = 720
    answer: str = ""
    state: str = "enabled"
    stopped: int = 0

    @property
    def gives_up(self) -> bool:
        """Say whether nothing arrives any more."""
        return self.share == 1


@dataclass(slots=True, kw_only=True)
class Log:
    """What is to be written; all of it at once at the end."""

    dice: Random
    now: datetime
    sums: Counter[tuple[UUID, datetime, str, int]] = field(default_factory=Counter)
    hours: list[EndpointHour] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    held: list[DueDelivery] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    groups: list[FailureGroup] = field(default_factory=list)
    keys: dict[UUID, SigningKey] = field(default_factory=dict)
    bodies: dict[UUID, bytes] = field(default_factory=dict)

    def tell(self, endpoint: Endpoint, kind: Kind) -> None:
        """Make up the month of one endpoint."""
        this_hour = self.now.replace(minute=0, second=0, microsecond=0)
        for ago in range(HOURS, -1, -1):
            self._hour(endpoint, kind, this_hour - timedelta(hours=ago), ago)
        first = len(self.deliveries)
        self._key(endpoint)
        for ago in range(SHOWN_HOURS, 0, -1):
            for _ in range(max(1, kind.an_hour // 6)):
                # What is given up had the time for it.
                back = ago - self.dice.random() * (0.5 if kind.gives_up else 0.9)
                self._delivery(endpoint, kind, self.now - timedelta(hours=back))
        if kind.error == "gone":
            self._refused(endpoint, kind)
        self._group(endpoint, [each for each in self.deliveries[first:] if each.error])

    def write(self) -> int:
        """Write it; returns how many deliveries there are."""
        open_partitions(days_back=2)
        slots = len(DURATIONS_MS) + 1
        self.hours += [_row(*key, number, slots) for key, number in self.sums.items()]
        for model, rows in (
            (EndpointHour, self.hours),
            (Event, self.events),
            (Delivery, self.deliveries),
            (DueDelivery, self.held),
            (Attempt, self.attempts),
            (FailureGroup, self.groups),
        ):
            model._default_manager.bulk_create(rows, batch_size=1000, ignore_conflicts=True)  # type: ignore[arg-type]
        return len(self.deliveries)

    def _hour(self, endpoint: Endpoint, kind: Kind, hour: datetime, ago: int) -> None:
        if ago < kind.stopped:
            return
        by_day = 0.35 + 0.65 * max(0.0, 1 - abs(hour.hour - 13) / 11)
        number = max(1, round(kind.an_hour * by_day * self.dice.uniform(0.8, 1.2)))
        failed = round(number * kind.share) if kind.error and ago <= kind.hours else 0
        if kind.error == "gone":
            failed = int(ago == kind.stopped)
        for error, status, some in (("", 204, number - failed), (kind.error, kind.status, failed)):
            if some:
                self.hours.append(_row(endpoint.pk, hour, error, status, some, len(DURATIONS_MS) + 1))
                for owner in (endpoint.customer_id, ALL_ENDPOINTS):
                    self.sums[owner, hour, error, status] += some

    def _delivery(self, endpoint: Endpoint, kind: Kind, at: datetime) -> None:
        ago = (self.now - at).total_seconds() / 3600
        fails = kind.error not in ("", "gone") and ago <= kind.hours and self.dice.random() < max(kind.share, 0.12)
        row = self._stored(endpoint, self.dice.choice(kind.types), at)
        if ago < kind.stopped:
            self._hold(row)
        elif fails and kind.gives_up:
            self._give_up(endpoint, row, kind, tries=len(MINUTES))
        else:
            self._arrive(endpoint, row, kind, tries=2 if fails else 1)

    def _hold(self, row: Delivery) -> None:
        row.state = DeliveryState.HELD
        ids = {"delivery_id": row.pk, "endpoint_id": row.endpoint_id, "event_id": row.event_id}
        self.held.append(DueDelivery(due_at=None, **ids))

    def _arrive(self, endpoint: Endpoint, row: Delivery, kind: Kind, *, tries: int) -> None:
        row.state, row.status_code = DeliveryState.SUCCEEDED, 204
        self._tried(endpoint, row, kind, tries=tries)

    def _give_up(self, endpoint: Endpoint, row: Delivery, kind: Kind, *, tries: int) -> None:
        row.state, row.error, row.status_code = DeliveryState.EXHAUSTED, kind.error, kind.status or None
        self._tried(endpoint, row, kind, tries=tries)
        row.failed_at = row.finished_at

    def _tried(self, endpoint: Endpoint, row: Delivery, kind: Kind, *, tries: int) -> None:
        row.attempts, row.finished_at = tries, row.created_at + timedelta(minutes=MINUTES[tries - 1])
        for number in range(1, tries + 1):
            self._attempt(endpoint, row, kind, number, failed=number < tries or row.state == DeliveryState.EXHAUSTED)

    def _refused(self, endpoint: Endpoint, kind: Kind) -> None:
        """The one answer that disabled the endpoint."""
        row = self._stored(endpoint, kind.types[0], self.now - timedelta(hours=kind.stopped))
        self._give_up(endpoint, row, kind, tries=1)

    def _stored(self, endpoint: Endpoint, name: str, at: datetime) -> Delivery:
        event_id = time_ordered(int(at.timestamp() * 1000), self.dice.getrandbits(72))
        body = json.dumps({"type": name, "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}", "data": self._data(name)})
        about = {"customer_id": endpoint.customer_id, "created_at": at}
        self.bodies[event_id] = body.encode()
        self.events.append(Event(id=event_id, type=name, body=body.encode(), **about))
        key = delivery_id(event_id, endpoint.pk)
        row = Delivery(id=key, event_id=event_id, endpoint_id=endpoint.pk, event_type=name, **about)
        self.deliveries.append(row)
        return row

    def _attempt(self, endpoint: Endpoint, row: Delivery, kind: Kind, number: int, *, failed: bool) -> None:
        at = row.created_at + timedelta(minutes=MINUTES[number - 1], milliseconds=40)
        took = 15_000 if failed and kind.error == "deadline_exceeded" else self.dice.randint(18, 160)
        self.attempts.append(
            Attempt(
                id=time_ordered(int(at.timestamp() * 1000), self.dice.getrandbits(72)),
                delivery_id=row.pk,
                endpoint_id=endpoint.pk,
                number=number,
                started_at=at,
                duration_ms=took,
                status_code=(kind.status or None) if failed else 204,
                error=kind.error if failed else "",
                address="" if failed and not kind.status else "203.0.113.24:443",
                request_url=endpoint.url,
                request_headers=self._request_headers(row, at),
                signed_with=hint(self.keys[endpoint.pk]),
                response_headers=f"{HEADERS}\ndate: {http_date(at.timestamp())}" if kind.status or not failed else "",
                response_body=kind.answer.encode() if failed else b"",
                **_phases(took, is_connected=bool(kind.status or not failed)),
            )
        )

    def _key(self, endpoint: Endpoint) -> SigningKey:
        """Return the endpoint's key; it is as old as the month, so that it can have signed."""
        if endpoint.pk not in self.keys:
            endpoint.secrets.update(created_at=self.now - timedelta(hours=HOURS + 1))
            self.keys[endpoint.pk] = endpoint.secrets.get().open_key()
        return self.keys[endpoint.pk]

    def _request_headers(self, row: Delivery, at: datetime) -> str:
        signed = signature_headers(
            "standard",
            [self.keys[row.endpoint_id]],
            message_id=encode_id("evt", row.event_id),
            timestamp=int(at.timestamp()),
            body=self.bodies[row.event_id],
        )
        return "\n".join(f"{name}: {value}" for name, value in [("content-type", "application/json"), *signed])

    def _group(self, endpoint: Endpoint, failed: list[Delivery]) -> None:
        if not failed:
            return
        failed.sort(key=attrgetter("created_at"))
        first, last = failed[0], failed[-1]
        self.groups.append(
            FailureGroup(
                endpoint_id=endpoint.pk,
                customer_id=endpoint.customer_id,
                error=last.error,
                status_code=last.status_code or 0,
                first_at=first.created_at,
                last_at=last.finished_at or self.now,
                deliveries=len(failed),
                attempts=sum(each.attempts for each in failed),
                oldest_id=first.pk,
                example_id=last.pk,
            )
        )
        Lane.objects.filter(endpoint_id=endpoint.pk).update(failing_since=first.created_at, failures=len(failed))

    def _data(self, name: str) -> dict[str, str]:
        number = self.dice.randint(10_000, 99_999)
        data = {name.partition(".")[0]: f"{name[:3]}_{number}", "currency": "EUR"}
        return data | {"amount": f"{self.dice.randint(20, 4000)}.{self.dice.randint(0, 99):02}"}


def _row(owner: UUID, hour: datetime, error: str, status: int, number: int, slots: int) -> EndpointHour:
    durations = [0] * slots
    for place, share in ((2, 0.3), (3, 0.45), (4, 0.2)):
        durations[place] = round(number * share)
    durations[5] = number - sum(durations)
    return EndpointHour(
        endpoint_id=owner,
        hour=hour,
        error=error,
        status_code=status,
        attempts=number,
        first_attempts=number,
        first_durations=durations,
        last_at=hour + timedelta(minutes=59),
    )


def _phases(took: int, *, is_connected: bool) -> dict[str, int]:
    """Return the parts of a duration: all of it is the wait for a connection where none came about."""
    if not is_connected:
        return {"dns_ms": 1, "connect_ms": took - 1}
    connect, tls = took // 5, took // 3
    return {"dns_ms": 1, "connect_ms": connect, "tls_ms": tls, "first_byte_ms": took - 1 - connect - tls}
