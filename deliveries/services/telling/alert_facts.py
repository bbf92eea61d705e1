"""What letters must know of an incident when they are written: whether it is over, and what was wrong lately.

What lives here: looking. It must not know who is written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from deliveries.models import Alert, Delivery, DueDelivery
from deliveries.services.reading.early_warnings import certificate_meant, percent_meant
from deliveries.services.telling.alert_letters import explain_lately

LOOKED_AT = 100


def is_over(alert: Alert) -> bool:
    """Say whether there is nothing to write about any more: the endpoint was deleted, or works again."""
    if alert.endpoint is None:
        return alert.endpoint_id is not None
    lane = getattr(alert.endpoint, "lane", None)
    works = alert.kind == Alert.Kind.FAILING and (lane is None or lane.failing_since != alert.since)
    is_put_right = alert.kind == Alert.Kind.CERTIFICATE and certificate_meant(alert.endpoint, alert.since) is None
    recovered = alert.kind == Alert.Kind.WARNING and percent_meant(lane, alert.since) is None
    return works or is_put_right or recovered or alert.endpoint.deleted_at is not None


def errors_of(alerts: Iterable[Alert]) -> Mapping[UUID, str]:
    """Return how the latest attempt ended, by endpoint; only where it failed."""
    found = {}
    for endpoint_id in {alert.endpoint_id for alert in alerts if alert.endpoint_id}:
        if (latest := _tried_lately(endpoint_id)) is not None:
            found[endpoint_id] = explain_lately(latest.error, latest.status_code)
    return found


def _tried_lately(endpoint_id: UUID) -> Delivery | None:
    """Return a delivery that waits for a retry, else one of the newest that was tried, if it is near."""
    retries = DueDelivery.objects.filter(endpoint_id=endpoint_id, rank=DueDelivery.Rank.RETRY)
    if waiting := list(retries.values_list("delivery_id", flat=True)[:1]):
        return Delivery.objects.filter(id=waiting[0]).first()
    newest = Delivery.objects.filter(endpoint_id=endpoint_id).order_by("-id")[:LOOKED_AT]
    return next((delivery for delivery in newest if delivery.attempts), None)
