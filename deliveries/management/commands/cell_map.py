"""`manage.py cell_map`: the lines by which a router finds this cell's customers.

What lives here: printing them. It must not know how a router reads them.
"""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from deliveries.cells.router import nginx_word, words_of
from deliveries.conf import conf
from deliveries.management.command import HookpostCommand
from deliveries.models import Customer


class Command(HookpostCommand):
    """The map of one cell."""

    help = "Print a line for each customer of this cell: its id, its uid, and the SHA-256 of each of its keys."

    def add_arguments(self, parser: CommandParser) -> None:
        """For whom the lines are."""
        parser.add_argument("--nginx", action="store_true", help="As nginx reads them, with a semicolon.")

    def handle(self, *args: object, **options: object) -> None:
        """Print; customers that are on their way or have gone are left out."""
        if not conf.cell:
            raise CommandError("HOOKPOST_CELL: this cell has no name")
        here = Customer.objects.exclude(moving=Customer.Moving.CLOSED).order_by("id").values_list("id", flat=True)
        for customer_id in here.iterator(chunk_size=1000):
            for word in sorted(words_of(customer_id)):
                line = f"{nginx_word(word)} {conf.cell};" if options["nginx"] else f"{word} {conf.cell}"
                self.stdout.write(line)
