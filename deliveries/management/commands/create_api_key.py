"""`manage.py create_api_key NAME --scope read …`: makes a key, and prints it alone on the last line.

What lives here: the command line of services/people/api_keys.py. It must not know how keys are kept.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.management.base import CommandError, CommandParser

from deliveries.errors import InvalidInput
from deliveries.management.command import HookpostCommand
from deliveries.management.numbers import whole_number
from deliveries.management.terminal import actor_of_terminal, customer_named
from deliveries.models import ApiKey
from deliveries.services.common import clock
from deliveries.services.people.api_keys import create_api_key

DAYS_LIMIT = 36_500


class Command(HookpostCommand):
    """Make an API key."""

    help = "Make an API key; it is printed once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="What the audit trail calls the key.")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            choices=ApiKey.Scope.values,
            help="May be given several times; all scopes when absent.",
        )
        parser.add_argument("--customer", help="Id or uid: the key sees this customer only.")
        parser.add_argument(
            "--days", type=whole_number(1, DAYS_LIMIT), help="Days until it expires; never when absent."
        )

    def handle(
        self, *, name: str, customer: str | None, days: int | None, scopes: list[str] | None, **options: object
    ) -> None:
        """Make the key."""
        owner = customer_named(customer)
        expires_at = None if days is None else clock.likely_now() + timedelta(days=days)
        chosen = scopes or list(ApiKey.Scope.values)
        try:
            key, text = create_api_key(name, chosen, customer=owner, expires_at=expires_at, actor=actor_of_terminal())
        except InvalidInput as error:
            raise CommandError(f"{error.field}: {error.detail}") from error
        self.stdout.write(f"{key.public_id} {key.name}: {', '.join(key.scopes)}. It is not shown again:")
        self.stdout.write(text)
