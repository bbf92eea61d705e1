"""`manage.py release_imported`: endpoints that were imported with --paused begin to send.

What lives here: the terminal's side of it.
"""

from __future__ import annotations

from django.core.management.base import CommandParser

from deliveries.management.command import HookpostCommand
from deliveries.management.terminal import actor_of_terminal, customer_named
from deliveries.services.imports import release_imported


class Command(HookpostCommand):
    """Lets imported endpoints send."""

    help = "Enable the endpoints that import_endpoints --paused left holding what they get."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and what becomes of what was held."""
        parser.add_argument("--customer", help="Id or uid: only the endpoints of this customer; all when absent.")
        parser.add_argument(
            "--cancel-backlog", action="store_true", help="Cancel what was held: the other sender has sent it."
        )

    def handle(self, *args: object, **options: object) -> None:
        """Enable the endpoints that were imported paused."""
        customer = customer_named(options["customer"])
        number = release_imported(
            actor=actor_of_terminal(), customer=customer, cancel_backlog=bool(options["cancel_backlog"])
        )
        self.stdout.write(f"{number} endpoints send from now on.")
