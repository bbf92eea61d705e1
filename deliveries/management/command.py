"""What all commands have in common: one that cannot go on says so in a line, by whoever's `manage.py` it is run.

What lives here: the way from an error to that line and an exit code. It must not know what a command does.
"""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError

from deliveries.errors import CannotStart, HookpostError, InvalidInput, WrongSetting
from deliveries.services.housekeeping import tables

REFUSED, CANNOT_RUN, STOPPED = 1, 2, 130


class HookpostCommand(BaseCommand):
    """A command of ours; `--traceback` shows where an error was raised."""

    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Run, and end with a sentence where there is one."""
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            _end("stopped", STOPPED)
        except (HookpostError, DatabaseError, InterfaceError) as error:
            sentence, code = sentence_of(error)
            if "--traceback" in argv or not sentence:
                raise
            _end(sentence, code)


def sentence_of(error: Exception) -> tuple[str, int]:
    """Return what is said of an error, nothing where only the traceback can tell, and the exit code."""
    if not isinstance(error, HookpostError):
        return tables.explain(error), CANNOT_RUN
    text = f"{error.field}: {error.detail}" if isinstance(error, InvalidInput) and error.field else str(error)
    return text, CANNOT_RUN if isinstance(error, WrongSetting | CannotStart) else REFUSED


def _end(sentence: str, code: int) -> None:
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(code)
