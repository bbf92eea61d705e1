"""`manage.py erase_customer CUSTOMER`: everything of a customer, gone.

What lives here: the terminal's side of it. It must not know what there is to erase.
"""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from deliveries.api.lookups import find_customer_ever
from deliveries.errors import NotFound
from deliveries.management.command import HookpostCommand
from deliveries.models.visible import OPERATOR
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.protocol.writing import ids
from deliveries.services.erase import erase_customer


class Command(HookpostCommand):
    """Erasure of a customer."""

    help = "Erase a customer with its log, its people and what was written of them. It cannot be taken back."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, and that it is meant."""
        parser.add_argument("customer", help="Id or uid; of a customer that was deleted, its id.")
        parser.add_argument("--yes", action="store_true", help="Do it; without this it only says whom it would erase.")

    def handle(self, *, customer: str, yes: bool, **options: object) -> None:
        """Erase; may be stopped and run again."""
        customer_id = _id_of(customer)
        name = ids.encode_id(ids.CUSTOMER, customer_id)
        if not yes:
            raise CommandError(f"this would erase {name} and its whole log for good; say it again with --yes")
        self.stdout.write(f"{name} is being erased; if this is stopped, go on by this id: its uid is gone first.")
        self.stdout.flush()
        rows = sum(erase_customer(customer_id, actor=SYSTEM))
        self.stdout.write(f"{name} is erased: {rows} deliveries, events and traces. Backups still hold them.")


def _id_of(ref: str) -> UUID:
    try:
        return find_customer_ever(OPERATOR, ref)
    except NotFound as error:
        raise CommandError(f"there is no customer {ref}; one that was deleted is named by its id") from error
