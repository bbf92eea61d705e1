"""`manage.py consume --from URL`: events from a Redis stream, a queue of RabbitMQ, or an outbox in another PostgreSQL.

What lives here: the process around deliveries/consume.
"""

from __future__ import annotations

import os
from argparse import ArgumentTypeError

from django.core.management.base import CommandError, CommandParser

from deliveries import __version__
from deliveries.actors import wake
from deliveries.consume.accepting import consume_all
from deliveries.consume.outbox_table import OutboxTable
from deliveries.consume.rabbit_queue import RabbitQueue
from deliveries.consume.redis_stream import RedisStream
from deliveries.consume.source import EventSource
from deliveries.management.command import HookpostCommand
from deliveries.management.numbers import whole_number
from deliveries.management.signals import stop_signals
from deliveries.protocol.writing.url_options import misread_option
from deliveries.tracing.start import start_tracing

LONGEST_NAME = 200  # RabbitMQ's 255 bytes, less what `.refused` and more take
LONGEST_SECONDS = 86_400
MOST_READERS = 32
UNREADABLE = (
    "--from: this URL cannot be read; in a name or password / is written %2F, # %23, @ %40, : %3A and % itself %25"
)

MISREAD = "--from: {} is no option of this URL, or its value is none"


class Command(HookpostCommand):
    """The consumer's process."""

    help = "Accept events that services wrote to a Redis stream, a queue or an outbox table; run as many as needed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where they are."""
        parser.add_argument(
            "--from",
            dest="url",
            required=True,
            help="redis://…, amqp://… or postgresql://…, or env:NAME of a variable with it.",
        )
        parser.add_argument("--stream", type=_name, default="hookpost_events", help="Of Redis; %(default)s.")
        parser.add_argument(
            "--takeover-seconds",
            type=_seconds,
            default=30.0,
            help="After which another reads what one left; %(default)s.",
        )
        parser.add_argument("--queue", type=_name, default="hookpost_events", help="Of RabbitMQ; %(default)s.")
        parser.add_argument(
            "--readers",
            type=whole_number(1, MOST_READERS),
            default=1,
            help="How many read at once; several keep no order; %(default)s.",
        )
        parser.add_argument("--table", type=_table, default="hookpost_outbox", help="The outbox; %(default)s.")

    def handle(self, *args: object, **options: object) -> None:
        """Run until SIGTERM or SIGINT."""
        from deliveries.checks import refuse_to_start

        names = {name: str(options[name]) for name in ("stream", "queue", "table")}
        idle_ms = int(float(str(options["takeover_seconds"])) * 1000)
        numbers = range(int(str(options["readers"])))
        sources = [_source(str(options["url"]), number, **names, idle_ms=idle_ms) for number in numbers]
        refuse_to_start()
        start_tracing("consume", version=__version__)
        with stop_signals() as stop_wanted:
            consume_all(sources, wake=wake, stop=stop_wanted)


def _source(given: str, number: int, *, stream: str, queue: str, table: str, idle_ms: int) -> EventSource:
    def read(url: str) -> EventSource:
        if url.startswith(("redis://", "rediss://", "unix://")):
            return RedisStream(url, stream, idle_ms=idle_ms, number=number)
        if url.startswith(("amqp://", "amqps://")):
            return RabbitQueue(url, queue)
        if url.startswith(("postgres://", "postgresql://")):
            return OutboxTable(url, table)
        raise CommandError(
            "--from is a URL that starts with redis://, rediss://, unix://, amqp://, amqps:// or postgresql://"
        )

    url = _url(given)
    try:
        return read(url)
    except (TypeError, ValueError) as error:  # what it says may hold a part of the password
        option = misread_option(url, read)
        raise CommandError(MISREAD.format(option) if option else UNREADABLE) from error


def _url(given: str) -> str:
    if not given.startswith("env:"):
        return given
    name = given.removeprefix("env:")
    if not (url := os.environ.get(name, "")):
        raise CommandError(f"--from: the variable {name} is not set")
    return url


def _name(text: str) -> str:
    if not text or len(text.encode()) > LONGEST_NAME:
        raise ArgumentTypeError(f"has 1 to {LONGEST_NAME} bytes")
    return text


def _table(text: str) -> str:
    if not all(parts := text.split(".")) or len(parts) > 2:
        raise ArgumentTypeError("is the name of a table, or schema.table")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ArgumentTypeError(f"a number from 0 to {LONGEST_SECONDS}")
    return seconds
