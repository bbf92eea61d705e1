"""The steps that these tests are made of: endpoints at receivers, many events, and what the log says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from deliveries.models import Attempt, Customer, Delivery, DueDelivery, Endpoint
from deliveries.protocol.writing import ids
from deliveries.services.accepting.events import Accepted, EventDraft, accept_events
from deliveries.services.endpoints import create_endpoint
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting

CHUNK = 500
TIMEOUT_SECONDS = 1200  # of an endpoint: who hangs until it is let go is never ended by a machine that stands still


def endpoints_at(receivers: Sequence[Counting], *, each: int = 1, **fields: Any) -> list[Endpoint]:
    """So many endpoints at each receiver, each of a customer of its own, which may take more time than a test has."""
    made = [
        create_endpoint(
            Customer.objects.create(name="Alice & Co"), {"url": receiver.url, **fields}, actor="user:alice"
        )[0]
        for receiver in receivers
        for _ in range(each)
    ]
    if "timeout_seconds" not in fields:
        Endpoint.objects.filter(pk__in=[each.pk for each in made]).update(timeout_seconds=TIMEOUT_SECONDS)
    return made


def customers_of(endpoints: Sequence[Endpoint]) -> list[str]:
    """The ids of the endpoints' customers, as a caller of the API names them."""
    return [endpoint.customer.public_id for endpoint in endpoints]


def emit(endpoints: Sequence[Endpoint], count: int, *, event_type: str = "invoice.paid") -> set[str]:
    """Accept events for the endpoints in turns and ring for none of them; returns the ids that receivers will see."""
    drafts = [
        EventDraft(
            type=event_type, data=b'{"number": %d}' % number, customer_id=endpoints[number % len(endpoints)].customer_id
        )
        for number in range(count)
    ]
    accepted = [each for start in range(0, count, CHUNK) for each in accept_events(drafts[start : start + CHUNK])]
    assert all(isinstance(each, Accepted) for each in accepted)
    return {ids.encode_id(ids.EVENT, each.event_id) for each in accepted if isinstance(each, Accepted)}


def arrived(receivers: Sequence[Counting]) -> int:
    """How many requests came, at all receivers."""
    return sum(len(receiver.requests) for receiver in receivers)


def arrived_ids(receivers: Sequence[Counting]) -> set[str]:
    """The ids that came, at all receivers."""
    return {webhook_id for receiver in receivers for webhook_id in receiver.times}


def duplicates(receivers: Sequence[Counting]) -> int:
    """Requests beyond the first of each id, at all receivers."""
    return sum(receiver.duplicates for receiver in receivers)


def recorded_ids() -> set[str]:
    """The ids of which the log has an attempt."""
    return {ids.encode_id(ids.EVENT, each) for each in Attempt.objects.values_list("delivery__event_id", flat=True)}


def times(receivers: Sequence[Counting]) -> Counter[str]:
    """How often each id came, at all receivers."""
    return sum((receiver.times for receiver in receivers), Counter[str]())


def unrecorded(receivers: Sequence[Counting]) -> int:
    """What was sent and is not in the log: the duplicates to come, if whoever sent it is lost now."""
    return arrived(receivers) - Attempt.objects.count()


def is_all_succeeded() -> bool:
    """Whether nothing is due and every delivery succeeded."""
    return not DueDelivery.objects.exists() and not Delivery.objects.exclude(state="succeeded").exists()


def leader(cluster: Cluster) -> str:
    """The name of the process that dispatches; empty when none does."""
    rows = cluster.ask("SELECT split_part(holder, ':', 2)::int FROM hookpost_leader WHERE until > now()")
    names = {child.pid: name for name, child in cluster.children.items()}
    return names.get(rows[0][0], "") if rows else ""
