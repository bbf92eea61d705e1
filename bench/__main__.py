"""`python -m bench [group …] [full]`: measure, print one JSON line per figure and the table at the end."""

from __future__ import annotations

import importlib
import sys
import time

from bench.report import Figure, print_table
from bench.stage import stage

GROUPS = (
    *("drain", "parts", "batches", "emit", "latency", "everyday", "fanout", "isolation", "overload", "tls"),
    *("backlog", "memory", "guard", "lists"),
)
APART = ("large", "start", "untold")  # only where they are named: what they show changes seldom


def main(words: list[str]) -> int:
    """Measure the groups named, or all."""
    full = "full" in words
    chosen = [word for word in words if word != "full"] or list(GROUPS)
    if unknown := set(chosen) - {*GROUPS, *APART}:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS + APART)} and full", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    began = time.monotonic()
    with stage() as here:
        for group in chosen:
            started = time.monotonic()
            for figure in importlib.import_module(f"bench.{group}").measure(here, full=full):
                print(figure.line(), flush=True)
                figures.append(figure)
            print(f"{group}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print_table(figures)
    print(f"measured in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
