"""A line of the doctor's answer: how grave, about what, what was found, and what to do.

What lives here: values, and asking one question after the other whatever an earlier one came to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from deliveries.errors import reason_of

Check = Callable[[], Iterable["Diagnosis"]]

ASK_AGAIN = "Mend what the lines above say, and ask again."


class Grade(StrEnum):
    """How grave a finding is: only `fail` makes the exit status 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One line; `do` is empty where nothing is to be done."""

    grade: Grade
    about: str
    says: str
    do: str = ""


def ok(about: str, says: str) -> Diagnosis:
    """Return a finding that is as it should be."""
    return Diagnosis(grade=Grade.OK, about=about, says=says)


def warn(about: str, says: str, do: str) -> Diagnosis:
    """Return one that will be trouble some day."""
    return Diagnosis(grade=Grade.WARN, about=about, says=says, do=do)


def fail(about: str, says: str, do: str) -> Diagnosis:
    """Return one that is trouble now."""
    return Diagnosis(grade=Grade.FAIL, about=about, says=says, do=do)


def asked(checks: Iterable[Check]) -> Iterator[Diagnosis]:
    """Yield what all checks find; one that cannot be asked is a finding too."""
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            yield fail(check.__name__.replace("_", " "), f"could not be asked: {reason_of(error)}", ASK_AGAIN)
