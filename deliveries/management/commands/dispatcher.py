"""`manage.py dispatcher`: the dispatcher alone, for deployments that want it apart.

What lives here: one process around `engine/dispatcher.py`. It must not know a lane.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deliveries.management.commands.worker import POLL_SECONDS, start_dispatcher
from deliveries.management.signals import stop_signals


class Command(BaseCommand):
    """The dispatcher's process."""

    help = "Wake due lanes and keep the tables in order; every worker does that too, one of all leads."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        from deliveries.checks import refuse_to_start

        refuse_to_start()
        with stop_signals() as stop_wanted:
            stop = threading.Event()
            dispatcher = start_dispatcher(stop)
            while not stop_wanted and dispatcher.is_alive():
                time.sleep(POLL_SECONDS)
            stop.set()
            dispatcher.join()
            if not stop_wanted:
                raise CommandError("the dispatcher ended by itself")
