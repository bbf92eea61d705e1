"""`manage.py hold_deliveries`: nothing is sent until somebody has looked; `--release` goes on.

What lives here: the terminal's side of it.
"""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from deliveries.management.command import HookpostCommand
from deliveries.management.terminal import actor_of_terminal, customer_named
from deliveries.services.holding import hold_all, release_all, still_enabled


class Command(HookpostCommand):
    """The brake."""

    help = "Pause all endpoints that are enabled, as after a restore (docs/operations.md); --release resumes them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Hold or release, whose, and what becomes of what was held."""
        parser.add_argument("--release", action="store_true", help="Resume what was paused so.")
        parser.add_argument("--customer", help="With --release: id or uid of the only customer whose deliveries go on.")
        parser.add_argument("--cancel-backlog", action="store_true", help="With --release: cancel what was held.")

    def handle(self, *args: object, **options: object) -> None:
        """Pause or resume."""
        actor = actor_of_terminal()
        if not options["release"]:
            if options["customer"] or options["cancel_backlog"]:
                raise CommandError("--customer and --cancel-backlog belong to --release")
            self.stdout.write(f"{hold_all(actor=actor)} endpoints hold what they get.")
            if left := still_enabled():
                raise CommandError(f"{left} endpoints are enabled still; the log above says why. Run it again.")
            return
        customer = customer_named(options["customer"])
        number = release_all(actor=actor, customer=customer, cancel_backlog=bool(options["cancel_backlog"]))
        self.stdout.write(f"{number} endpoints send from now on.")
