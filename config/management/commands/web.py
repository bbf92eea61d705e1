"""`manage.py web`: the web server.

What lives here: Granian with our settings, and the time between the wish to stop and the end of its socket. It must
not know an address of the site.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from types import FrameType
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from config.listening import host_address, port_number, refuse_taken_port
from deliveries import __version__
from deliveries.conf import conf
from deliveries.metrics.memory import memory
from deliveries.services.process import drain

log = structlog.get_logger(__name__)

BACKLOG = 1024
# Of a process at once; beyond it whoever comes waits until another one ends. One that sends no whole header is closed
# after 30 seconds only, so a thousand of them, Granian's own limit, would keep everybody waiting.
CONNECTIONS = 8192
STOP_SECONDS = 40
ENDING_SECONDS = 3.0  # a web server that was killed a moment ago has its port for as long as its processes end


class Command(BaseCommand):
    """The web server's process."""

    help = "Serve the API, the staff site and the portal."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", type=host_address, default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)

    def handle(self, *, host: str, port: int, **options: object) -> None:
        """Serve until SIGINT, or for a while after SIGTERM, then finish the requests in hand."""
        from deliveries.checks import refuse_to_start
        from deliveries.management.workers import allow_descriptors, bound_look_ups

        refuse_to_start()
        allow_descriptors()
        bound_look_ups()
        refuse_taken_port(host, port=port, wait_seconds=ENDING_SECONDS)
        connection.close()
        multiprocessing.set_start_method("fork", force=True)  # its processes share what is told from here
        memory.share(conf.web_processes)
        server = Granian(
            "config.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,  # one connection is one request at a time: a body that drips can be ended
            workers=conf.web_processes,
            blocking_threads=conf.web_threads,
            backlog=BACKLOG,
            backpressure=CONNECTIONS,
            log_level=LogLevels.error,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            websockets=False,
        )
        server.on_startup(lambda: drain_first(server))
        server.on_startup(lambda: log.info("web_started", version=__version__, host=host, port=port))
        server.serve()


def drain_first(server: Any) -> None:
    """Have SIGTERM announce the end and let the socket stay open for the setting's seconds; a second one ends that."""

    def leave(number: int, frame: FrameType | None) -> None:
        is_second = drain.is_draining()
        drain.begin()  # also without a time for it: polls that wait are answered now, or they would hold up the end
        if is_second or not conf.drain_seconds:
            server.signal_handler_interrupt()
            return
        timer = threading.Timer(conf.drain_seconds, server.signal_handler_interrupt)
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, leave)
