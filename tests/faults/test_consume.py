"""10,000 events from a queue and from an outbox, while consumers and the database are killed: each is stored once."""

from __future__ import annotations

import http.client
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pika
import psycopg
import pytest

from deliveries.models import Customer
from deliveries.services.endpoints import create_endpoint
from deliveries.services.people.api_keys import create_api_key
from tests.consume.test_consume import DDL
from tests.faults.brokers import Rabbit
from tests.faults.cluster import Cluster, kill

pytestmark = pytest.mark.skipif("TEST_CONSUME" not in os.environ, reason="make test-consume")
EVENTS = 10_000
KILLED_AT = (1500, 3500, 5500, 7500)
CRASHED_AT = 3500
BATCH, CALLERS = 100, 4


def events() -> list[str]:
    """As services write them, numbered."""
    return [
        json.dumps({"customer": "acme", "type": "invoice.paid", "data": {"number": number}}) for number in range(EVENTS)
    ]


def to_queue(url: str, written: list[str]) -> None:
    """Put them into the queue `events`, each with a name of its own."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("events", durable=True)
    for each in written:
        named = pika.BasicProperties(message_id=uuid.uuid4().hex, delivery_mode=2)
        channel.basic_publish("", "events", each.encode(), named)
    connection.close()


def to_table(url: str, written: list[str]) -> None:
    """Put them into the outbox."""
    copy_in = "COPY hookpost_outbox (event) FROM STDIN"
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(copy_in) as copy:
        for each in written:
            copy.write_row((each,))


def stored(cluster: Cluster) -> int:
    """How many events there are; -1 while the database is away."""
    try:
        return int(str(cluster.ask("SELECT count(*) FROM hookpost_event")[0][0]))
    except psycopg.Error:
        return -1


def empty(cluster: Cluster) -> None:
    """Forget the events and their keys."""
    with psycopg.connect(cluster.database.database_url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE hookpost_event, hookpost_delivery, hookpost_due_delivery, hookpost_idempotency_key"
        )


def seconds_by_batches(cluster: Cluster, key: str) -> float:
    """Post all events in batches, from several threads at once."""
    written = [json.loads(each) for each in events()]
    bodies = [json.dumps({"events": written[start : start + BATCH]}).encode() for start in range(0, EVENTS, BATCH)]
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def post(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=120)
        for body in mine:
            connection.request("POST", "/api/v1/events/batch", body, headers)
            answer = connection.getresponse()
            assert answer.status == 202, answer.read()
            answer.read()
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(post, [bodies[number::CALLERS] for number in range(CALLERS)]))
    return time.monotonic() - began


@pytest.mark.parametrize("kind", ["queue", "table"])
def test_ten_thousand_events_are_stored_once_whoever_is_killed(cluster: Cluster, tmp_path: Path, kind: str) -> None:
    acme = Customer.objects.create(name="Acme", uid="acme")
    create_endpoint(acme, {"url": "https://93.184.216.34/x"}, actor="system")
    _, key = create_api_key("tests", ["events:write"], actor="system")
    rabbit = Rabbit(tmp_path)
    name, write, url = ("events", to_queue, rabbit.url) if kind == "queue" else ("hookpost_outbox", to_table, "")
    url = url or cluster.database.database_url
    with psycopg.connect(cluster.database.database_url, autocommit=True) as connection:
        connection.execute(
            DDL.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS").replace("X hook", "X IF NOT EXISTS hook")
        )
    try:
        if kind == "queue":
            rabbit.start()
        cluster.settings["PLACE"] = url
        command = ("manage.py", "consume", "--from", "env:PLACE", f"--{kind}", name)
        write(url, events())
        for at in KILLED_AT:
            consumer = cluster.child("consume", *command)
            cluster.eventually(lambda at=at: stored(cluster) >= at, seconds=60, what="events")
            if at == CRASHED_AT:
                cluster.restart_database(crash=True)
                cluster.eventually(lambda at=at: stored(cluster) > at, seconds=60, what="events after it")
            kill(consumer)
        consumer = cluster.child("consume", *command)
        cluster.eventually(lambda: stored(cluster) >= EVENTS, seconds=60, what="all events")
        rows = cluster.ask("SELECT convert_from(body, 'utf8') FROM hookpost_event")
        numbers = [json.loads(str(body))["data"]["number"] for (body,) in rows]
        lost, doubled = EVENTS - len(set(numbers)), len(numbers) - len(set(numbers))
        deliveries = cluster.ask("SELECT count(*) FROM hookpost_delivery")
        empty(cluster)
        write(url, events())
        cluster.eventually(lambda: stored(cluster) > 0, seconds=60, what="the first event")
        began, before = time.monotonic(), stored(cluster)
        cluster.eventually(lambda: stored(cluster) >= EVENTS, seconds=60, what="all events again")
        rate = (EVENTS - before) / (time.monotonic() - began)
        kill(consumer)
        empty(cluster)
        cluster.web(customer_share=100)
        by_batches = EVENTS / seconds_by_batches(cluster, key)
        print(
            f"{kind}: {EVENTS} events, {len(KILLED_AT)} kills of the consumer and one of the database: lost {lost},"
            f" doubled {doubled}; {rate:.0f} a second, {rate / by_batches:.2f} of what /events/batch takes"
        )
        assert (lost, doubled, deliveries) == (0, 0, [(EVENTS,)])
    finally:
        cluster.settings.pop("PLACE", None)
        cluster.end_children()
        rabbit.stop()
