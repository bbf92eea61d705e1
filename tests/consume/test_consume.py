"""Events from a stream and from an outbox: none lost and none twice, whenever whoever reads is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pika
import psycopg
import pytest
import redis
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from deliveries.consume.accepting import consume, consume_all, consume_batch
from deliveries.consume.outbox_table import OutboxTable
from deliveries.consume.rabbit_queue import RabbitQueue
from deliveries.consume.redis_stream import RedisStream
from deliveries.consume.source import EventSource, Message, SourceAway
from deliveries.errors import Unavailable
from deliveries.models import Customer, Event
from tests.faults.brokers import Rabbit
from tests.production.databases import CHECKOUT, KEYS, Installation, empty_database

PATIENCE_SECONDS = 240
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
needs_rabbitmq = pytest.mark.skipif(
    not Path("/usr/lib/rabbitmq/bin/rabbitmq-server").exists(), reason="no rabbitmq-server"
)

pytestmark = pytest.mark.django_db(transaction=True)
DDL = (Path(__file__).parents[2] / "docs/consume.md").read_text().partition("```sql\n")[2].partition("```")[0]


class Place(Protocol):
    """Where services write events."""

    url: str
    name: str
    kind: str

    def reader(self) -> EventSource:
        """Somebody who reads there, as a process of its own would."""

    def write(self, *events: str) -> None:
        """Write events."""

    def left(self) -> int:
        """How many are there still."""

    def refused(self) -> list[tuple[str, str]]:
        """What was set aside, with the reason."""


class AStream:
    kind = "stream"

    def __init__(self) -> None:
        self.url, self.name = os.environ["BROKER_URL"], f"events-{uuid.uuid4().hex}"
        self.client = redis.Redis.from_url(self.url)
        self.readers = 0

    def reader(self) -> EventSource:
        made = RedisStream(self.url, self.name, idle_ms=0)  # who was killed is not waited for
        self.readers += 1
        made.reader = f"reader-{self.readers}"
        return made

    def write(self, *events: str) -> None:
        for event in events:
            self.client.xadd(self.name, {"event": event, "traceparent": TRACEPARENT, "tracestate": "shop=7"})

    def left(self) -> int:
        return self.client.xlen(self.name)

    def refused(self) -> list[tuple[str, str]]:
        rows = self.client.xrange(f"{self.name}:refused")
        return [(fields[b"event"].decode(), fields[b"reason"].decode()) for _, fields in rows]

    def close(self) -> None:
        self.client.delete(self.name, f"{self.name}:refused")
        self.client.close()


class AnOutbox:
    name, kind = "hookpost_outbox", "table"

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute(DDL)
        self.made: list[OutboxTable] = []

    def reader(self) -> EventSource:
        for other in self.made:  # who was killed has no connection any more
            if other._connection:
                other._connection.close()
        self.made.append(OutboxTable(self.url, "hookpost_outbox"))
        return self.made[-1]

    def write(self, *events: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany("INSERT INTO hookpost_outbox (event) VALUES (%s)", [(event,) for event in events])

    def left(self) -> int:
        row = self.connection.execute("SELECT count(*) FROM hookpost_outbox WHERE refused IS NULL").fetchone()
        return int(row[0]) if row else 0

    def refused(self) -> list[tuple[str, str]]:
        return self.connection.execute(
            "SELECT event, refused FROM hookpost_outbox WHERE refused IS NOT NULL"
        ).fetchall()

    def close(self) -> None:
        for other in self.made:
            if other._connection:
                other._connection.close()
        self.connection.close()


class AQueue:
    kind = "queue"

    def __init__(self, url: str) -> None:
        self.url, self.name = url, f"events-{uuid.uuid4().hex}"
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(self.name, durable=True)
        self.channel.queue_declare(f"{self.name}.refused", durable=True)
        self.written = 0
        self.made: list[RabbitQueue] = []
        self.read_back: list[tuple[str, str]] = []

    def reader(self) -> RabbitQueue:
        for other in self.made:  # who was killed has no connection any more
            other.close()
        self.made.append(RabbitQueue(self.url, self.name))
        return self.made[-1]

    def write(self, *events: str) -> None:
        for event in events:
            named = pika.BasicProperties(
                message_id=str(uuid.uuid4()), headers={"traceparent": TRACEPARENT, "tracestate": "shop=7"}
            )
            self.channel.basic_publish("", self.name, event.encode(), properties=named)
            self.written += 1

    def left(self) -> int:
        """What became neither an event nor a refusal: RabbitMQ does not count what a reader has in hand."""
        return self.written - Event.objects.count() - len(self.refused())

    def refused(self) -> list[tuple[str, str]]:
        while (found := self.channel.basic_get(f"{self.name}.refused", auto_ack=True))[0]:
            self.read_back.append((found[2].decode(), str(found[1].headers["reason"])))
        return self.read_back

    def close(self) -> None:
        for other in self.made:
            other.close()
        self.connection.close()


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    server = Rabbit(Path(tmp_path_factory.mktemp("rabbit")))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["stream", "outbox", pytest.param("queue", marks=needs_rabbitmq)])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    Customer.objects.create(name="Acme", uid="acme")
    if request.param == "queue":
        queue = AQueue(request.getfixturevalue("rabbit").url)
        yield queue
        queue.close()
        return
    if request.param == "stream":
        made = AStream()
        yield made
        made.close()
        return
    with empty_database(os.environ["DATABASE_URL"]) as url:
        outbox = AnOutbox(url)
        yield outbox
        outbox.close()


def an_event(number: int, **members: object) -> str:
    return json.dumps({"customer": "acme", "type": "invoice.paid", "data": {"number": number}} | members)


def drain(place: Place, reader: EventSource) -> None:
    while place.left():
        consume_batch(reader, wake=list)


def numbers() -> list[int]:
    return sorted(json.loads(bytes(body))["data"]["number"] for body in Event.objects.values_list("body", flat=True))


def test_what_was_written_is_accepted_and_gone(place: Place) -> None:
    place.write(*map(an_event, range(7)))
    reader = place.reader()
    drain(place, reader)
    assert (numbers(), place.left(), place.refused()) == (list(range(7)), 0, [])
    trace = None if place.kind == "table" else f"{TRACEPARENT}\nshop=7"  # rows have no headers
    assert set(Event.objects.values_list("trace_context", flat=True)) == {trace}
    assert not consume_batch(reader, wake=list)


def test_what_waited_beyond_its_time_is_sent_at_once_and_not_refused(place: Place) -> None:
    """Given consumers that were away when an event was to be sent, then it is late, and not set aside."""
    place.write(an_event(1, deliver_at="2026-01-02T03:04:05Z"))
    consume_batch(place.reader(), wake=list)
    assert (numbers(), place.refused()) == ([1], [])
    assert Event.objects.get().deliver_at is None


class Killed(BaseException):
    """The reader's end, at a place of the test's choice."""


class Mortal:
    """A reader that is killed before, in the middle of, or after finishing, again and again."""

    def __init__(self, inner: EventSource, when: str) -> None:
        self.inner, self.when = inner, when

    def take(self, limit: int) -> Sequence[Message]:
        return self.inner.take(min(limit, 10))

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        if self.when == "in the middle":
            self.inner.finish(done[:3], refused)
        if self.when == "after":
            self.inner.finish(done, refused)
        raise Killed


def test_kills_at_any_moment_lose_nothing_and_store_nothing_twice(place: Place) -> None:
    """Given readers that each accept a part and die before, while or after they say so, then the rest is read on."""
    place.write(*map(an_event, range(100)))
    for when in ("before", "in the middle", "after") * 3:
        with pytest.raises(Killed):
            consume_batch(Mortal(place.reader(), when), wake=list)
    drain(place, place.reader())
    assert numbers() == list(range(100))


def a_consumer(place: Place) -> subprocess.Popen[bytes]:
    """`manage.py consume`, on the database of the tests."""
    parts = {**conninfo_to_dict(os.environ["DATABASE_URL"]), "dbname": str(connection.settings_dict["NAME"])}
    ours = f"postgresql://?{'&'.join(f'{name}={value}' for name, value in parts.items())}"
    told = {"DATABASE_URL": ours, "BROKER_URL": os.environ["BROKER_URL"], "PLACE": place.url}
    environment = Installation(settings=KEYS | told).environment()
    where = [f"--{place.kind}", place.name]
    command = [sys.executable, "manage.py", "consume", "--from", "env:PLACE", "--takeover-seconds", "0.5", *where]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.DEVNULL)


def test_several_readers_of_a_process_take_all_and_nothing_twice_and_an_error_of_one_ends_all(place: Place) -> None:
    """Given three readers in threads, then they share the work, and the process ends when one of them cannot go on."""
    place.write(*map(an_event, range(300)))
    stop: list[int] = []
    turn = threading.Lock()  # who writes has one connection

    def look(lanes: object) -> None:
        with turn:
            if Event.objects.count() == 300 and not place.left():
                stop.append(1)

    readers = [RedisStream(place.url, place.name, number=each) for each in range(3)] if place.kind == "stream" else []
    consume_all(readers or own_readers(place, 3), wake=look, stop=stop)
    assert (numbers(), place.left()) == (list(range(300)), 0)
    with pytest.raises(ZeroDivisionError):
        consume_all([Broken(), Broken()], wake=list, stop=[])


class Broken:
    """A reader that meets a mistake of ours."""

    def take(self, limit: int) -> Sequence[Message]:
        raise ZeroDivisionError

    def finish(self, done: Sequence[Message], refused: Sequence[tuple[Message, str]]) -> None:
        """Nothing."""


def own_readers(place: Place, number: int) -> list[EventSource]:
    """Readers that live at the same time."""
    kind = OutboxTable if place.kind == "table" else RabbitQueue
    made = [kind(place.url, place.name) for _ in range(number)]
    place.made += made  # closed with the place
    return made


def test_consumers_that_are_killed_leave_nothing_behind_and_nothing_twice(place: Place) -> None:
    """Given processes that end by SIGKILL while they work, then the next one does the rest."""
    place.write(*map(an_event, range(3000)))
    for least in (1, 3000):
        consumer = a_consumer(place)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while Event.objects.count() < least or (least == 3000 and place.left()):
            assert consumer.poll() is None
            assert time.monotonic() < give_up
        consumer.kill()
        consumer.wait()
    assert numbers() == list(range(3000))


POISON = (
    ("no JSON", "not JSON"),
    ('{"customer": "acme", "type": "a.b"}', "data"),
    ('{"customer": "acme", "type": "a b", "data": {}}', "type"),
    ('{"customer": "nobody", "type": "a.b", "data": {}}', "no such customer"),
    ('{"customer": "acme", "type": "hookpost.x", "data": {}}', "hookpost."),
)


@pytest.mark.parametrize(("event", "reason"), POISON)
def test_poison_is_set_aside_with_the_reason_and_hinders_no_other(place: Place, event: str, reason: str) -> None:
    place.write(an_event(1), event, an_event(2))
    drain(place, place.reader())
    assert numbers() == [1, 2]
    ((text, why),) = place.refused()
    assert text == event
    assert reason in why


def test_who_has_to_wait_hinders_no_other(place: Place) -> None:
    """Given a customer who is in another cell at the moment, then events of others go on, those of later too."""
    gone = Customer.objects.create(name="Gone", uid="gone", moving="closed", moved_to="b")
    place.write(an_event(1, customer="gone"), an_event(2))
    reader, give_up = place.reader(), time.monotonic() + PATIENCE_SECONDS
    while numbers() != [2]:
        consume_batch(reader, wake=list)
        assert time.monotonic() < give_up
    place.write(an_event(3))
    while numbers() != [2, 3]:
        consume_batch(reader, wake=list)
        assert time.monotonic() < give_up
    assert (place.left(), place.refused()) == (1, [])
    Customer.objects.filter(pk=gone.pk).update(moving="", moved_to="")
    drain(place, reader)
    assert numbers() == [1, 2, 3]


def test_an_event_that_is_much_too_large_is_refused_and_hinders_no_other(place: Place) -> None:
    large = an_event(1, data={"text": "x" * 10_000_000})
    place.write(large, an_event(2))
    drain(place, place.reader())
    ((text, why),) = place.refused()
    assert (numbers(), text == large) == ([2], True)
    assert "262,144" in why or "262144" in why


def test_while_the_database_takes_nothing_all_of_it_waits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(an_event(1))
    reader = place.reader()
    with monkeypatch.context() as patched:
        patched.setattr("deliveries.consume.accepting.accept_events", lambda drafts: [Unavailable() for _ in drafts])
        assert consume_batch(reader, wake=list)
    assert (place.left(), place.refused()) == (1, [])
    consume_batch(reader, wake=list)
    assert (numbers(), place.left()) == ([1], 0)


def test_after_the_database_was_restarted_the_same_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a connection that the server ended, then the consumer makes another, as no request does it for it."""
    Customer.objects.create(name="Acme", uid="acme")
    stream = AStream()
    stop: list[str] = []
    stream.write(an_event(1))
    monkeypatch.setattr("deliveries.consume.accepting.PAUSE_SECONDS", 0.01)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        connection.ensure_connection()
        other.execute("SELECT pg_terminate_backend(%s)", (connection.connection.info.backend_pid,))
    consume(stream.reader(), wake=lambda lanes: stop.extend([] if stream.left() else ["done"]), stop=stop)
    assert (numbers(), stream.left()) == ([1], 0)
    stream.close()


def test_two_readers_share_an_outbox_and_take_no_row_twice() -> None:
    with empty_database(os.environ["DATABASE_URL"]) as url:
        outbox = AnOutbox(url)
        outbox.write(*map(an_event, range(6)))
        first, second = OutboxTable(url, "hookpost_outbox"), OutboxTable(url, "public.hookpost_outbox")
        taken = [*first.take(4), *second.take(4)]
        assert len({message.key for message in taken}) == 6
        for each in (first, second):
            each.finish([], [])
        outbox.made += [first, second]
        outbox.close()


@pytest.fixture
def queue(rabbit: Rabbit) -> Iterator[AQueue]:
    Customer.objects.create(name="Acme", uid="acme")
    made = AQueue(rabbit.url)
    yield made
    made.close()


@needs_rabbitmq
def test_a_message_of_no_name_is_refused_and_one_that_is_sent_twice_is_one_event(queue: AQueue) -> None:
    queue.channel.basic_publish("", queue.name, an_event(1).encode())
    for _ in range(2):
        named = pika.BasicProperties(message_id="invoice-7")
        queue.channel.basic_publish("", queue.name, an_event(2).encode(), properties=named)
    reader = queue.reader()
    while not (numbers() and queue.refused()):
        consume_batch(reader, wake=list)
    ((text, why),) = queue.refused()
    assert (text, numbers()) == (an_event(1), [2])
    assert "message_id" in why


@needs_rabbitmq
def test_what_is_done_is_not_given_to_the_next_reader_and_what_waits_is(
    queue: AQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.write(an_event(1))
    drain(queue, queue.reader())
    queue.write(an_event(2))
    with monkeypatch.context() as patched:
        patched.setattr("deliveries.consume.accepting.accept_events", lambda drafts: [Unavailable() for _ in drafts])
        assert consume_batch(queue.reader(), wake=list)
    (message,) = queue.reader().take(10)
    assert message.raw.decode() == an_event(2)


@needs_rabbitmq
def test_what_has_to_wait_amid_others_is_not_acknowledged_with_them(queue: AQueue) -> None:
    """Given four messages of which the third has to wait, then it alone comes again."""
    queue.write(*map(an_event, range(4)))
    reader = queue.reader()
    taken: list[Message] = []
    while len(taken) < 4:
        reader._unanswered, taken = [], [*taken, *reader.take(10)]
    reader._unanswered = list(taken)  # type: ignore[arg-type]
    reader.finish([taken[0], taken[1], taken[3]], [])
    assert [message.raw.decode() for message in reader._unanswered] == [an_event(2)]
    (message,) = queue.reader().take(10)
    assert message.raw.decode() == an_event(2)


@needs_rabbitmq
def test_after_a_lost_connection_all_that_was_taken_comes_again_and_nothing_is_answered_for_before(
    queue: AQueue,
) -> None:
    queue.write(an_event(1), an_event(2))
    reader = queue.reader()
    taken = reader.take(10)
    assert reader._channel is not None
    reader._channel.connection.close()
    with pytest.raises(SourceAway):
        reader.finish(taken, [])
    drain(queue, reader)
    assert numbers() == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        lambda: RedisStream("redis://127.0.0.1:1", "x"),
        lambda: OutboxTable("postgresql://127.0.0.1:1/x", "x"),
        lambda: RabbitQueue("amqp://127.0.0.1:1", "x"),
    ],
)
def test_a_place_that_is_away_is_said_to_be(source: Callable[[], EventSource]) -> None:
    with pytest.raises(SourceAway):
        source().take(1)


def test_a_stream_that_comes_back_empty_is_read_on() -> None:
    """Given a server that was restarted without what it held, then its reader makes the group again."""
    Customer.objects.create(name="Acme", uid="acme")
    stream = AStream()
    stream.write(an_event(1))
    reader = stream.reader()
    consume_batch(reader, wake=list)
    stream.client.delete(stream.name)
    stream.write(an_event(2))
    with pytest.raises(SourceAway, match="NOGROUP"):
        consume_batch(reader, wake=list)
    consume_batch(reader, wake=list)
    assert (numbers(), stream.left()) == ([1, 2], 0)
    stream.close()


OTHER_ENCODING = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"


def test_an_outbox_of_another_encoding_or_type_is_read_and_told_what_was_refused() -> None:
    """Given a reason that the outbox's database cannot write, then the row is set aside all the same."""
    Customer.objects.create(name="Acme", uid="acme")
    with empty_database(os.environ["DATABASE_URL"], form=OTHER_ENCODING) as url:
        outbox = AnOutbox(url)
        outbox.connection.execute("ALTER TABLE hookpost_outbox ALTER COLUMN event TYPE json USING event::json")
        outbox.write(an_event(1, data={"number": 1, "name": "Müller"}), an_event(2, 日=1), an_event(3))
        drain(outbox, outbox.reader())
        assert numbers() == [1, 3]
        assert [reason for _, reason in outbox.refused()] == ["\\u65e5: object contains unknown field `\\u65e5`"]
        outbox.close()


def test_an_outbox_without_an_encoding_is_read_whatever_bytes_are_in_it() -> None:
    """Given SQL_ASCII, as `initdb` makes it where no locale is set, then what is no UTF-8 hinders no other."""
    Customer.objects.create(name="Acme", uid="acme")
    with empty_database(os.environ["DATABASE_URL"], form=OTHER_ENCODING.replace("LATIN1", "SQL_ASCII")) as url:
        outbox = AnOutbox(url)
        outbox.connection.execute("SET client_encoding = 'UTF8'")
        outbox.write(an_event(1, data={"number": 1, "name": "Müller"}), an_event(3))
        in_latin_1 = an_event(2, data={"number": 2, "name": "M?ller"}).replace("?", "\\374")
        outbox.connection.execute(f"INSERT INTO hookpost_outbox (event) VALUES (E'{in_latin_1}')".encode())
        drain(outbox, outbox.reader())
        assert numbers() == [1, 3]
        refused = outbox.connection.execute("SELECT refused FROM hookpost_outbox").fetchall()
        assert refused == [("data: data is not JSON: str is not valid UTF-8",)]
        outbox.close()
