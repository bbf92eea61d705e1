"""The strip of an endpoint: one stroke for each hour of its last day.

What lives here: from counts to one element; hours that are alike share a stroke of its gradient, which keeps a list
small. It must not ask the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.utils.safestring import SafeString

from deliveries.admin.parts.pieces import piece
from deliveries.services.common.languages import tell
from deliveries.services.reading.overview import Hour


def strip(hours: Sequence[Hour]) -> SafeString:
    """Return the strip of some hours, the oldest on the left, told in words on hover."""
    strokes, place = [], 0
    for kind, alike in groupby(hours, key=kind_of):
        end = place + len(list(alike))
        strokes.append(f"var(--hp-{kind}) {_percent(place, hours)} {_percent(end, hours)}")
        place = end
    style = f"background:linear-gradient(90deg,{','.join(strokes)})"
    form = '<span class="hp-strip" role="img" aria-label="{0}" title="{0}" style="{1}"></span>'
    return piece(form, words_of(hours), style)


def kind_of(hour: Hour) -> str:
    """Return what an hour was: good, bad, mixed, or empty."""
    if not hour.failed:
        return "good" if hour.arrived else "empty"
    return "mixed" if hour.arrived else "bad"


def words_of(hours: Sequence[Hour]) -> str:
    """Return what a strip shows, in words."""
    arrived, failed = sum(each.arrived for each in hours), sum(each.failed for each in hours)
    if not arrived + failed:
        return tell("nothing was sent in {hours} hours", hours=len(hours))
    return tell(
        "{hours} hours: {arrived} attempts arrived, {failed} failed", hours=len(hours), arrived=arrived, failed=failed
    )


def _percent(place: int, hours: Sequence[Hour]) -> str:
    return f"{100 * place / len(hours):.4g}%"
