"""`manage.py doctor`: what is well, what is not, and what to do about it.

What lives here: the order of the questions, their lines, and the exit status. It must not know an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from deliveries.management.command import HookpostCommand
from deliveries.management.doctor import database, provider, surroundings
from deliveries.management.doctor.diagnosis import Check, Diagnosis, Grade, asked


class Command(HookpostCommand):
    """Says what is well and what is not."""

    help = "Ask what an operator would ask first; exit status 1 when something has to be mended."

    def handle(self, *args: object, **options: object) -> None:
        """Print a line for each finding."""
        worst = Grade.OK
        for finding in asked(questions()):
            self.stdout.write(line_of(finding))
            self.stdout.flush()
            worst = finding.grade if finding.grade is Grade.FAIL else worst
        if worst is Grade.FAIL:
            sys.exit(1)


def questions() -> Iterator[Check]:
    """Yield all questions; those that need the database only where it is there."""
    yield from surroundings.CHECKS
    yield provider.answers
    yield database.usable
    if database.is_there():
        yield from database.OF_THE_SERVER
    if database.is_there() and database.has_tables():
        yield from database.CHECKS
        yield provider.way_in_without


def line_of(finding: Diagnosis) -> str:
    """Return a finding as a line, and what to do as a second one."""
    line = f"{finding.grade:<5} {finding.about:<12} {finding.says}"
    return f"{line}\n{'':18} -> {finding.do}" if finding.do else line
