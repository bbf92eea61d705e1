"""Warnings before an end: of a certificate, and of an endpoint that goes on failing.

What lives here: the steps, and which of them an endpoint has reached. Each is noted once, at its own moment, which the
alert keeps as its `since`; who was away for some notes the last of them only. It must not know who is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.db.models.fields.json import KT

from deliveries.conf import conf
from deliveries.models import Endpoint, Lane
from deliveries.protocol.writing import timestamps
from deliveries.services.common import clock
from deliveries.services.reading.endpoint_health import long_failing

CERTIFICATE_DAYS = (1, 7, 30)
FAILING_PERCENTS = (90, 70, 50)
ENDS = {"expires_at": "certificate", "authorities_expire_at": "ca"}
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnd:
    """A certificate of an endpoint, `certificate` or `ca`, that ends within so many days; `since` they began."""

    name: str
    expires_at: datetime
    days: int

    @property
    def since(self) -> datetime:
        """When there were just so many days left."""
        return self.expires_at - timedelta(days=self.days)


def ending_certificates(*, now: datetime | None = None) -> Iterator[tuple[Endpoint, CertificateEnd]]:
    """Yield the endpoints with a certificate that ends soon, each with the last step that it has reached."""
    moment = now or clock.likely_now()
    soon = timestamps.write(moment + timedelta(days=max(CERTIFICATE_DAYS)))
    ends = Q(tls_ends__lt=soon) | Q(ca_ends__lt=soon)
    rows = Endpoint.objects.filter(deleted_at=None, tls_shown__isnull=False, customer__moving="")
    rows = rows.annotate(tls_ends=KT("tls_shown__expires_at"), ca_ends=KT("tls_shown__authorities_expire_at"))
    for endpoint in rows.filter(ends).iterator(chunk_size=CHUNK):
        for end in _ends(endpoint):
            if (reached := _reached(*end, now=moment)) is not None:
                yield endpoint, reached


def certificate_meant(endpoint: Endpoint, since: datetime) -> CertificateEnd | None:
    """Return which end an alert warned of; None once the certificate is another one."""
    ends = (CertificateEnd(name=name, expires_at=at, days=d) for name, at in _ends(endpoint) for d in CERTIFICATE_DAYS)
    return next((end for end in ends if end.since == since), None)


def long_failing_steps() -> Iterator[tuple[Lane, datetime]]:
    """Yield the lanes on their way to being disabled, with the moment of the last step that each has reached."""
    span, known = timedelta(days=conf.disable_after_days), set[object]()
    for percent in FAILING_PERCENTS if span else ():
        on_its_way = long_failing(span * percent / 100).filter(failing_since__gt=clock.likely_now() - span)
        for lane in on_its_way.iterator(chunk_size=CHUNK):
            if lane.endpoint_id not in known and lane.failing_since is not None:
                known.add(lane.endpoint_id)
                yield lane, lane.failing_since + span * percent / 100


def percent_meant(lane: Lane | None, since: datetime) -> int | None:
    """Return which step an alert warned of; None once the endpoint works, or fails since another moment."""
    if lane is None or lane.failing_since is None:
        return None
    span = timedelta(days=conf.disable_after_days)
    return next((each for each in FAILING_PERCENTS if lane.failing_since + span * each / 100 == since), None)


def _ends(endpoint: Endpoint) -> Iterator[tuple[str, datetime]]:
    shown = endpoint.tls or {}
    for member, name in ENDS.items():
        if at := shown.get(member):
            yield name, timestamps.read(str(at))


def _reached(name: str, expires_at: datetime, *, now: datetime) -> CertificateEnd | None:
    days = next((each for each in CERTIFICATE_DAYS if expires_at - timedelta(days=each) <= now), None)
    return None if days is None else CertificateEnd(name=name, expires_at=expires_at, days=days)
