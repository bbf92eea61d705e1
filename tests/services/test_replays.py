"""Deliveries that a replay makes: of the moment of the replay, one for each event and endpoint, none without it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from deliveries.models import Customer, Delivery, DueDelivery, Endpoint, Event, Job
from deliveries.models.visible import OPERATOR
from deliveries.services import job_steps
from deliveries.services.endpoints import create_endpoint
from deliveries.services.housekeeping import retention
from deliveries.services.reading.selection import Selection, deliveries_of
from deliveries.services.resending import jobs
from deliveries.services.resending.candidates import DOUBTFUL_LIMIT
from tests.api.logs import BODY, log_delivery, log_event

pytestmark = pytest.mark.django_db(transaction=True)

OLD = timedelta(days=10)
PATIENCE_SECONDS = 120


@pytest.fixture
def endpoint() -> Endpoint:
    retention.open_partitions(days_back=12)
    customer = Customer.objects.create(name="Alice")
    return create_endpoint(customer, {"url": "https://93.184.216.34/in"}, actor="system")[0]


def a_replay(endpoint: Endpoint) -> Job:
    selection = Selection(endpoint_id=endpoint.id)
    return jobs.start_job(Job.Kind.REPLAY, selection, customer=endpoint.customer, actor="key:ops")


def replay(endpoint: Endpoint) -> Delivery:
    job_steps.run_job_step(a_replay(endpoint).id)
    return Delivery.objects.get()


def found(**narrowed: object) -> list[object]:
    return list(deliveries_of(OPERATOR, Selection(**narrowed))[0])  # type: ignore[arg-type]


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory')")
        return bool(cursor.fetchone()[0])


def test_a_replayed_delivery_is_found_at_the_moment_that_is_shown(endpoint: Endpoint) -> None:
    event = log_event(endpoint, age=OLD)
    begun = datetime.now(UTC)
    delivery = replay(endpoint)
    assert abs(delivery.made_at - begun) < timedelta(minutes=1)
    assert delivery.made_at == delivery.created_at
    today = {"endpoint_id": endpoint.id, "since": begun - timedelta(minutes=1)}
    assert found(**today) == found(since=delivery.made_at) == found(event_id=event.id) == [delivery]
    assert found(until=delivery.made_at) == found(endpoint_id=endpoint.id, until=begun - timedelta(hours=1)) == []


def test_a_failed_replay_is_recovered_with_what_failed_today(endpoint: Endpoint) -> None:
    log_event(endpoint, age=OLD)
    delivery = replay(endpoint)
    Delivery.objects.update(state="exhausted", attempts=1, failed_at=datetime.now(UTC))
    DueDelivery.objects.all().delete()
    assert found(failed=True, since=datetime.now(UTC) - timedelta(hours=1)) == [delivery]


def test_replays_are_sent_in_the_order_of_their_events(endpoint: Endpoint) -> None:
    events = [log_event(endpoint, age=OLD - timedelta(minutes=minute)) for minute in range(5)]
    job_steps.run_job_step(a_replay(endpoint).id)
    assert [due.event_id for due in DueDelivery.objects.order_by("due_at", "event_id")] == [each.id for each in events]
    assert len(set(DueDelivery.objects.values_list("due_at", flat=True))) == 1


def test_an_event_that_the_endpoint_had_gets_no_second_delivery(endpoint: Endpoint) -> None:
    log_delivery(endpoint, age=OLD)
    replay(endpoint)
    assert Delivery.objects.count() == 1


def an_event(endpoint: Endpoint, data: bytes) -> Event:
    event = log_event(endpoint, age=OLD)
    event.body = BODY.replace(b'"data":{}', b'"data":' + data)
    event.save()
    return event


# To PostgreSQL a number too long only where it is one: what is written in texts is no number, and 300 figures are fine.
MATCHED = (b'{"n": 5}', b'{"n": 5, "commit": "fix 7e12345"}', b'{"n": 5, "x": "' + b"9" * 400 + b'"}')
MATCHED += (b'{"n": 5, "y": ' + b"9" * 300 + b"}", b'{"n": 5, "z": 1e-2000}')


def test_a_replay_finds_what_the_filter_matches_whatever_else_is_in_it(endpoint: Endpoint) -> None:
    """Given events of which one holds a number that nothing can evaluate, then all others are sent."""
    Endpoint.objects.update(filter="$.data.n == 5")
    never = (b'{"n": 5, "x": 1e-200000}', b'{"n": 4, "commit": "fix 7e12345"}')
    wanted = {an_event(endpoint, data).id for data in MATCHED}
    for data in never:
        an_event(endpoint, data)
    job = a_replay(endpoint)
    job_steps.run_job_step(job.id)
    assert job.total == len(wanted)
    assert set(Delivery.objects.values_list("event_id", flat=True)) == wanted


def test_odd_events_cost_a_bounded_number_of_statements_and_hide_no_other(endpoint: Endpoint) -> None:
    Endpoint.objects.update(filter="$.data.n == 5")
    for _ in range(5 * DOUBTFUL_LIMIT):
        an_event(endpoint, b'{"n": 5, "x": 1e-200000}')
    an_event(endpoint, b'{"n": 5}')
    with CaptureQueriesContext(connection) as asked:
        assert a_replay(endpoint).total == 1
    assert len([each for each in asked if "SAVEPOINT" in each["sql"]]) < 4 * DOUBTFUL_LIMIT


def test_two_replays_at_the_same_moment_make_each_delivery_once(endpoint: Endpoint) -> None:
    """Given a replay that has not committed yet, when another one begins, then it waits and makes none."""
    for minute in range(3):
        log_event(endpoint, age=OLD + timedelta(minutes=minute))
    first, second = a_replay(endpoint), a_replay(endpoint)

    def run_second() -> None:
        job_steps.run_job_step(second.id)
        connections.close_all()

    other = threading.Thread(target=run_second)
    with transaction.atomic():
        job_steps._take_step(first.id)
        other.start()
        waiting = threading.Event()
        for _ in range(PATIENCE_SECONDS * 100):
            if somebody_waits_for_a_lock() or waiting.wait(0.01):
                break
    other.join(PATIENCE_SECONDS)
    assert not other.is_alive()
    assert Delivery.objects.count() == DueDelivery.objects.count() == 3
    assert Delivery.objects.values("event_id", "endpoint_id").distinct().count() == 3


def test_a_replay_whose_event_is_dropped_is_cancelled_and_stays_in_the_log(endpoint: Endpoint) -> None:
    event = log_event(endpoint, age=OLD)
    delivery = replay(endpoint)
    while retention.drop_partitions(now=datetime.now(UTC) + timedelta(days=21)):
        pass
    assert not Event.objects.filter(id=event.id).exists()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.next_attempt_at) == ("cancelled", None)
    assert not DueDelivery.objects.exists()
