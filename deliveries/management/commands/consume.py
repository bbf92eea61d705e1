"""`manage.py consume --from URL`: events from a Redis stream, a queue of RabbitMQ, or an outbox in another PostgreSQL.

What lives here: the process around deliveries/consume.
"""

from __future__ import annotations

import os

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deliveries import __version__
from deliveries.actors import wake
from deliveries.consume.accepting import consume
from deliveries.consume.outbox_table import OutboxTable
from deliveries.consume.rabbit_queue import RabbitQueue
from deliveries.consume.redis_stream import RedisStream
from deliveries.consume.source import EventSource
from deliveries.management.signals import stop_signals
from deliveries.tracing.start import start_tracing


class Command(BaseCommand):
    """The consumer's process."""

    help = "Accept events that services wrote to a Redis stream, a queue or an outbox table; run as many as needed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where they are."""
        parser.add_argument(
            "--from",
            dest="url",
            required=True,
            help="redis://…, amqp://… or postgresql://…, or env:NAME of a variable with it.",
        )
        parser.add_argument("--stream", default="hookpost_events", help="Of Redis; %(default)s.")
        parser.add_argument(
            "--takeover-seconds", type=float, default=30, help="After which another reads what one left; %(default)s."
        )
        parser.add_argument("--queue", default="hookpost_events", help="Of RabbitMQ; %(default)s.")
        parser.add_argument("--table", default="hookpost_outbox", help="The outbox; %(default)s.")

    def handle(self, *args: object, **options: object) -> None:
        """Run until SIGTERM or SIGINT."""
        from deliveries.checks import refuse_to_start

        refuse_to_start()
        names = {name: str(options[name]) for name in ("stream", "queue", "table")}
        source = _source(str(options["url"]), **names, idle_ms=int(float(str(options["takeover_seconds"])) * 1000))
        start_tracing("consume", version=__version__)
        with stop_signals() as stop_wanted:
            consume(source, wake=wake, stop=stop_wanted)


def _source(given: str, *, stream: str, queue: str, table: str, idle_ms: int) -> EventSource:
    url = os.environ.get(given.removeprefix("env:"), "") if given.startswith("env:") else given
    if url.startswith(("redis://", "rediss://", "unix://")):
        return RedisStream(url, stream, idle_ms=idle_ms)
    if url.startswith(("amqp://", "amqps://")):
        return RabbitQueue(url, queue)
    if url.startswith(("postgres://", "postgresql://")):
        return OutboxTable(url, table)
    raise CommandError(
        "--from is a URL that starts with redis://, rediss://, unix://, amqp://, amqps:// or postgresql://"
    )
