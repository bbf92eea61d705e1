"""`manage.py dispatcher`: the dispatcher alone, for deployments that want it apart.

What lives here: one process around `engine/dispatcher.py`. It must not know a lane.
"""

from __future__ import annotations

import threading

import structlog
from django.core.management.base import CommandError, CommandParser

from deliveries import __version__
from deliveries.management.command import HookpostCommand
from deliveries.management.commands.worker import LOOK_SECONDS, add_health_option, start_dispatcher
from deliveries.management.health_port import Place, health_port
from deliveries.management.signals import stop_signals
from deliveries.services.process import drain

log = structlog.get_logger(__name__)


class Command(HookpostCommand):
    """The dispatcher's process."""

    help = "Wake due lanes and keep the tables in order; every worker does that too, one of all leads."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to say how it is."""
        add_health_option(parser)

    def handle(self, *, health: Place | None, **options: object) -> None:
        """Run until SIGTERM or SIGINT."""
        from deliveries.checks import refuse_to_start

        refuse_to_start()
        with stop_signals() as stop_wanted:
            stop = threading.Event()
            dispatcher = start_dispatcher(stop)
            with health_port(health, {"dispatcher": dispatcher.is_alive}):
                log.info("dispatcher_started", version=__version__)
                while not stop_wanted and dispatcher.is_alive():
                    stop_wanted.wait(LOOK_SECONDS)
                drain.begin()
                stop.set()
                dispatcher.join()
            if not stop_wanted:
                raise CommandError("the dispatcher ended by itself")
