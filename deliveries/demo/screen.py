"""How the demo looks on a terminal.

What lives here: lines, rules and a table. It must not know what comes next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deliveries.demo.receiver import Received

SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


def heading(console: Console, text: str) -> None:
    """Open a part of the story."""
    console.print()
    console.rule(Text(text, style="bold"), align="left")


def line(console: Console, text: str, *, style: str = "") -> None:
    """Print one line as it is, never wrapped."""
    console.print(Text(text, style=style), soft_wrap=True)


def done(console: Console, text: str) -> None:
    """Print what came out as it should."""
    console.print(Text.assemble(("✓ ", "bold green"), text), soft_wrap=True)


def request(console: Console, received: Received) -> None:
    """Print a request as it came over the wire."""
    line(console, received.request_line, style="bold")
    for name, value in received.headers:
        style = "cyan" if name.lower() in SIGNATURE_HEADERS else "dim"
        console.print(Text.assemble((f"{name}: ", style), (value, style)), soft_wrap=True)
    line(console, "")
    line(console, received.body.decode(errors="replace"))


def attempts(console: Console, rows: Sequence[Mapping[str, object]]) -> None:
    """Print the log of a delivery, oldest attempt first."""
    table = Table("attempt", "started", "answer", "took", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for number, row in enumerate(rows, start=1):
        answer = str(row["status_code"] or row["error"])
        table.add_row(str(number), str(row["started_at"]), answer, f"{row['duration_ms']} ms")
    console.print(table)
