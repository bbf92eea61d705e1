"""A figure, its JSON line and its row in the table. Knows no measurement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

WIDTH = 150  # of the table where it goes to a file

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda value, bound: value >= bound,
    "<=": lambda value, bound: value <= bound,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number, what it is in terms of yardsticks of the same run, and what it should be.

    `targets` maps "value" or the name of a ratio to a bound such as ">= 12".
    """

    name: str
    value: float
    unit: str
    ratio: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def line(self) -> str:
        """Return the JSON line."""
        record = {"figure": self.name, "value": rounded(self.value), "unit": self.unit}
        record["ratio"] = {name: rounded(value) for name, value in self.ratio.items()}
        return json.dumps(record | ({"note": self.note} if self.note else {}))

    def misses(self) -> list[str]:
        """Return the targets that were not reached."""
        known = {"value": self.value, **self.ratio}
        return [
            f"{name} {bound}" for name, bound in self.targets.items() if name in known and not holds(known[name], bound)
        ]


def holds(value: float, bound: str) -> bool:
    """Say whether a value keeps a bound such as "<= 2"."""
    sign, _, limit = bound.partition(" ")
    return COMPARISONS[sign](value, float(limit))


def rounded(value: float) -> float:
    """Return the value with three significant digits, and all of them before the point."""
    return round(value) if abs(value) >= 100 else float(f"{value:.3g}")


def print_table(figures: Sequence[Figure]) -> None:
    """Print all figures for people."""
    table = Table(title="Hookpost, measured on this machine")
    for name in ("figure", "value", "unit", "ratio", "target"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for each in figures:
        ratio = ", ".join(f"{rounded(value):g} x {name}" for name, value in each.ratio.items())
        missed = each.misses()
        wanted = ", ".join(f"{name} {bound}" for name, bound in each.targets.items())
        verdict = f"[red]missed: {', '.join(missed)}" if missed else f"[green]{wanted}"
        table.add_row(each.name, f"{rounded(each.value):,}", each.unit, ratio, verdict)
    at_hand = Console(stderr=True)
    Console(stderr=True, width=at_hand.width if at_hand.is_terminal else WIDTH).print(table)
