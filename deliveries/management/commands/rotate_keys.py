"""`manage.py rotate_keys`: seal everything stored under the keyring's first key.

What lives here: the terminal's side of it. It must not know what is sealed, or how.
"""

from __future__ import annotations

from contextlib import closing

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deliveries.management.command import HookpostCommand
from deliveries.management.numbers import whole_number
from deliveries.management.signals import stop_signals
from deliveries.protocol.who.actor_names import SYSTEM
from deliveries.services.housekeeping.keyring import KeyUse, first_key_id, reseal_all, stored_keys

LARGEST_BATCH, MOST_VALUES = 10_000, 10**9


class Command(HookpostCommand):
    """Rotation of the keys for secrets at rest."""

    help = "Seal endpoint secrets, custom headers and second factors under the first key of HOOKPOST_ENCRYPTION_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to look only, the size of a batch, and what to do about lost keys."""
        batch = whole_number(1, LARGEST_BATCH)
        parser.add_argument(
            "--batch", type=batch, default=500, metavar="N", help="values per transaction (default 500)"
        )
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--check", action="store_true", help="only say which keys are in use; exit 1 if an old one")
        either.add_argument(
            "--forget-lost",
            type=whole_number(1, MOST_VALUES),
            metavar="NUMBER",
            help="remove so many values that no key of the ring opens; must be the number that --check shows",
        )

    def handle(self, *, check: bool, batch: int, forget_lost: int | None, **options: object) -> None:
        """Rotate, or look; may be stopped and run again at any time."""
        uses = stored_keys()
        if not check:
            forget_lost = agree_to_forget(uses, forget_lost)
            self.rotate(stale_number(uses), batch=batch, forget_lost=forget_lost)
            uses = stored_keys()
        self.show(uses)
        if stale := stale_number(uses):
            hint = "run rotate_keys" if check else "run it again with the missing keys in the ring"
            raise CommandError(f"{stale} values are not sealed under {first_key_id()!r}: {hint}", returncode=1)

    def rotate(self, total: int, *, batch: int, forget_lost: bool) -> None:
        """Take one batch after the other until all is done, or a signal asks to stop."""
        columns = TextColumn("Sealing anew"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        unopened = 0
        with (
            stop_signals() as stop_wanted,
            closing(reseal_all(actor=SYSTEM, batch=batch, forget_lost=forget_lost)) as steps,
            Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        ):
            task = progress.add_task("", total=total)
            for step in steps:
                progress.advance(task, step.resealed)
                unopened += step.unopened
                if stop_wanted:
                    raise CommandError("stopped; run it again for the rest", returncode=130)
        if unopened:
            end = "removed" if forget_lost else "left as they are"
            self.stderr.write(f"{unopened} values open with no key of the ring and were {end}")

    def show(self, uses: list[KeyUse]) -> None:
        """Print which key sealed how many values."""
        table = Table("key", "kind", "values", "")
        for use in uses:
            state = "current" if use.key_id == first_key_id() else "old"
            table.add_row(use.key_id, use.kind, str(use.number), state if use.opens else "cannot be opened")
        Console().print(table if uses else "nothing is sealed yet")


def stale_number(uses: list[KeyUse]) -> int:
    """Return how many values another key than the first sealed."""
    return sum(use.number for use in uses if use.key_id != first_key_id())


def agree_to_forget(uses: list[KeyUse], number: int | None) -> bool:
    """Say whether what no key opens is removed; only for who names its number, so that no mistyped ring costs it."""
    lost = sum(use.number for use in uses if not use.opens)
    if number is not None and number != lost:
        raise CommandError(f"{lost} values open with no key of the ring, not {number}; nothing was changed")
    return number is not None
