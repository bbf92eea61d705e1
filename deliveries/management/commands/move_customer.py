"""`manage.py move_customer CUSTOMER --to CELL`: a customer with all that is its, into another cell.

What lives here: the terminal's side of it. It must not know what is moved, nor in which order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.core.management.base import CommandError, CommandParser

from deliveries.api.lookups import find_customer
from deliveries.cells import stages
from deliveries.cells.cell import Link, find_cell, linked
from deliveries.cells.move import MoveStep, Pause, move
from deliveries.cells.router import Routers, words_of
from deliveries.cells.survey import survey
from deliveries.conf import conf
from deliveries.errors import Conflict, InvalidInput, NotFound, WrongSetting
from deliveries.management.command import HookpostCommand
from deliveries.management.numbers import whole_number
from deliveries.management.terminal import actor_of_terminal
from deliveries.models import Customer
from deliveries.models.visible import OPERATOR

LONGEST_LOG_DAYS = 366


class Command(HookpostCommand):
    """Moves a customer to another cell."""

    help = "Move a customer to another cell (docs/cells.md). It may be stopped anywhere; the same command goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whom, where to, and which routers are to be told."""
        parser.add_argument("customer", help="Id or uid.")
        parser.add_argument("--to", required=True, metavar="CELL", help="Of HOOKPOST_CELLS, the file CELL.env.")
        parser.add_argument(
            "--log-days",
            type=whole_number(0, max(conf.retention_days, LONGEST_LOG_DAYS)),
            default=conf.retention_days,
            help="How much of the log comes along.",
        )
        parser.add_argument("--map", action="append", default=[], type=Path, help="HAProxy's map file.")
        parser.add_argument("--haproxy", action="append", default=[], type=Path, help="HAProxy's admin socket.")
        parser.add_argument("--nginx-map", action="append", default=[], type=Path, help="nginx' map file.")
        parser.add_argument("--then", default="", help="What to run when the files are written: a reload.")
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--dry-run", action="store_true", help="Say what would move, and what stands against it.")
        either.add_argument("--cancel", action="store_true", help="Go on here; only before the other cell accepts.")

    def handle(self, *args: object, **options: object) -> None:
        """Move, or say what would be moved."""
        try:
            cell = find_cell(str(options["to"]))
            customer = find_customer(OPERATOR, str(options["customer"]))
            with linked(cell, customer.id) as link:
                self._act(link, customer, options)
        except (Conflict, InvalidInput, NotFound, WrongSetting) as error:
            raise CommandError(str(error) or "there is no such customer") from error
        except psycopg.Error as error:
            raise CommandError(f"{error}".strip() + "\nNothing is lost: run the same command again.") from error

    def _act(self, link: Link, customer: Customer, options: dict[str, object]) -> None:
        if options["cancel"]:
            stages.take_back(link)
            self.stdout.write(f"{customer.public_id} goes on here.")
            return
        days = int(str(options["log_days"]))
        if options["dry_run"]:
            for line in survey(link, log_days=days):
                self.stdout.write(line)
            return
        routers, pause = _routers(options), Pause()
        words = words_of(customer.id)
        steps = move(
            link,
            log_days=days,
            switch=lambda: routers.tell(words, link.name),
            actor=actor_of_terminal(),
            pause=pause,
        )
        self._show(steps)
        self.stdout.write(f"{customer.public_id} is in {link.name}; nothing was sent for {pause.seconds:.2f} s.")

    def _show(self, steps: Iterator[MoveStep]) -> None:
        """Print each step once, with the sum of its parts so far."""
        sums: Counter[str] = Counter()
        for step in steps:
            sums[step.name] += step.rows
            self.stdout.write(f"  {step.name}: {sums[step.name]:,}" if sums[step.name] else f"  {step.name}")
            self.stdout.flush()


def _routers(options: dict[str, object]) -> Routers:
    def paths(name: str) -> list[Path]:
        given = options[name]
        return list(given) if isinstance(given, list) else []

    return Routers(
        maps=paths("map"), nginx_maps=paths("nginx_map"), sockets=paths("haproxy"), then=str(options["then"])
    )
