"""`manage.py web`: the web server.

What lives here: Granian with our settings. It must not know an address of the site.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from deliveries.conf import conf

BACKLOG = 1024
STOP_SECONDS = 40


class Command(BaseCommand):
    """The web server's process."""

    help = "Serve the API, the staff site and the portal."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT, then finish the requests in hand."""
        from deliveries.checks import refuse_to_start

        refuse_to_start()
        connection.close()
        Granian(
            "config.wsgi:application",
            address=options["host"],
            port=options["port"],
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,  # one connection is one request at a time: a body that drips can be ended
            workers=conf.web_processes,
            blocking_threads=conf.web_threads,
            backlog=BACKLOG,
            log_level=LogLevels.error,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            websockets=False,
        ).serve()
