"""`manage.py worker`: deliver, until told to stop.

What lives here: one process with Dramatiq's workers and the dispatcher. It must not know a lane.
"""

from __future__ import annotations

import threading
from argparse import ArgumentTypeError

import dramatiq
import structlog
from django.core.management.base import CommandError, CommandParser

from deliveries import __version__
from deliveries.address_variables import place
from deliveries.conf import conf
from deliveries.management.command import HookpostCommand
from deliveries.management.health_port import Place, health_port
from deliveries.management.signals import stop_signals
from deliveries.management.workers import build_workers, prepare_process, stop_workers
from deliveries.services.process import drain
from deliveries.tracing.start import start_tracing, stop_tracing

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0  # between two looks whether the dispatcher lives; a signal is heeded at once


class Command(HookpostCommand):
    """One worker process."""

    help = "Deliver: worker threads for lanes and jobs, and the dispatcher."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to say how it is."""
        add_health_option(parser)

    def handle(self, *, health: Place | None, **options: object) -> None:
        """Run until SIGTERM or SIGINT, then begin nothing new, and let end what is in flight and the steps of jobs."""
        from deliveries.actors import begin_no_more, engines_live
        from deliveries.checks import refuse_to_start

        refuse_to_start()
        prepare_process()
        start_tracing("worker", version=__version__)
        with stop_signals() as stop_wanted:
            stop = threading.Event()
            dispatcher = start_dispatcher(stop)
            workers = build_workers(dramatiq.get_broker(), conf=conf)
            start_engines()
            for worker in workers:
                worker.start()
            with health_port(health, {"dispatcher": dispatcher.is_alive, "engines": engines_live}):
                log.info("worker_started", version=__version__)
                while not stop_wanted and dispatcher.is_alive():
                    stop_wanted.wait(LOOK_SECONDS)
                drain.begin()
                stop.set()
                begin_no_more()
                stop_workers(workers)
                stop_engines()
                dispatcher.join()
                stop_tracing()
            if not stop_wanted:
                raise CommandError("the dispatcher ended by itself")


def add_health_option(parser: CommandParser) -> None:
    """Let one process have a health port of its own choice."""
    help_text = "where to answer /healthz, /readyz and /metrics; HOOKPOST_HEALTH_ADDRESS by default"
    parser.add_argument("--health", type=_place, default=conf.health_address, metavar="HOST:PORT", help=help_text)


def _place(text: str) -> Place | None:
    """Return a place; raises what argparse tells in a sentence."""
    try:
        return place(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def start_engines() -> None:
    """Begin with what is due, without waiting for a message."""
    from deliveries import actors

    actors.start_engines()


def stop_engines() -> None:
    """Let requests that still hang end, and give their lanes back."""
    from deliveries import actors

    actors.stop_engines()


def start_dispatcher(stop: threading.Event) -> threading.Thread:
    """Run the dispatcher in a thread."""
    from deliveries.actors import run_dispatcher

    thread = threading.Thread(target=run_dispatcher, args=(stop,), name="dispatcher", daemon=True)
    thread.start()
    return thread
