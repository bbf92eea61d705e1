"""How `listen` looks on a terminal.

What lives here: a line per event and the summary. It must not know what comes next. What a server
answered is shown as text: no markup, no control characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.text import Text

from deliveries.listen.feed import FeedEvent
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.answers.outcome import EXPLANATIONS

SHOWN_BYTES = 200


@dataclass(slots=True)
class Tally:
    """What came so far."""

    succeeded: int = 0
    failed: int = 0
    last: str = ""


def event_line(console: Console, event: FeedEvent, answer: Answer, *, now: datetime) -> None:
    """Show one event and how it was answered, and for a failure what the server said."""
    fine = is_success(answer)
    status = str(answer.status) if not answer.error else answer.error
    console.print(
        Text.assemble(
            (f"{now:%H:%M:%S}  ", "dim"),
            (f"{status:<3}  ", "green" if fine else "bold red"),
            (f"{answer.duration_ms:>5} ms  ", "dim"),
            (f"{plain(event.type)}  ", "bold"),
            plain(event.id),
        ),
        soft_wrap=True,
    )
    said = EXPLANATIONS.get(answer.error, "") or plain(answer.body[:SHOWN_BYTES].decode(errors="replace"))
    if not fine and said:
        note(console, f"          {said}")


def note(console: Console, text: str, *, style: str = "yellow") -> None:
    """Show a line that is no event."""
    console.print(Text(plain(text), style=style), soft_wrap=True)


def summary(console: Console, tally: Tally) -> None:
    """Show what came, and how to go on from there."""
    count = tally.succeeded + tally.failed
    note(console, f"\n{count} forwarded: {tally.succeeded} succeeded, {tally.failed} failed.", style="bold")
    if tally.last:
        note(console, f"Go on from here with --after {tally.last}", style="")


def is_success(answer: Answer) -> bool:
    """Say whether production would call the delivery succeeded."""
    return not answer.error and 200 <= answer.status < 300


def plain(text: str) -> str:
    """Return text without what a terminal would obey."""
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)
