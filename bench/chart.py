"""`python -m bench drain parts | python -m bench.chart > docs/performance.svg`: the chart of a run.

What lives here: bars and words. It must not know how a figure is measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from html import escape

WIDTH, LEFT, RIGHT = 760, 220, 90
# Read by day and by night: as the reader's system has it, also where the file is the source of an <img>.
STYLE = (
    "<style>.ground{fill:#fff}.word{fill:#1f2933}.frame{stroke:#cbd2d9}.mark{stroke:#9aa5b1}"
    "@media(prefers-color-scheme:dark){"
    ".ground{fill:#0d1117}.word{fill:#e6edf3}.frame{stroke:#3d444d}.mark{stroke:#6e7681}}</style>"
)
BAR, STEP = 22, 34
RATES = {
    "plain": ("the usual design", "#9aa5b1"),
    "drain_5000_endpoints": ("Hookpost, 5,000 endpoints", "#2f6fdb"),
    "drain_20_endpoints": ("Hookpost, 20 endpoints", "#2f6fdb"),
    "floor": ("libcurl alone, nothing stored", "#9aa5b1"),
}
COSTS = {
    "cost_claim": ("claim", "#2f6fdb"),
    "cost_send": ("prepare, sign, start", "#5b8def"),
    "cost_collect": ("drive libcurl, judge", "#8fb2f5"),
    "cost_record": ("record", "#c2d5fa"),
    "cost_postgresql": ("PostgreSQL", "#f0a35e"),
}


def values_of(lines: Iterable[str]) -> dict[str, float]:
    """Return the figures of JSON lines by name; other lines are passed over."""
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {each["figure"]: float(each["value"]) for each in found}


def chart(values: dict[str, float]) -> str:
    """Return the SVG: deliveries a second as bars, the cost of one as a bar of parts."""
    rates = [(label, values[name], colour) for name, (label, colour) in RATES.items() if name in values]
    costs = [(label, values[name], colour) for name, (label, colour) in COSTS.items() if name in values]
    body = [*titled(28, "Deliveries a second"), *bars(rates, top=44)]
    top = 44 + STEP * len(rates) + 36
    body += [*titled(top, "Processor time of one delivery, in microseconds"), *stacked(costs, top=top + 16)]
    height = top + 16 + STEP + 24 * (len(costs) + 1)
    box = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14"'
    return drawing(box, body, width=WIDTH, height=height)


def drawing(box: str, body: Iterable[str], *, width: float, height: float) -> str:
    """Return the SVG on its ground."""
    ground = f'<rect width="{width}" height="{height}" class="ground"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', STYLE, ground, *body, "</svg>", ""])


def titled(top: float, text: str) -> Iterator[str]:
    """Yield a heading."""
    yield f'<text x="16" y="{top}" font-weight="bold" class="word">{escape(text)}</text>'


def bars(rows: list[tuple[str, float, str]], *, top: float) -> Iterator[str]:
    """Yield one bar a row, all on one scale."""
    scale = (WIDTH - LEFT - RIGHT) / max(value for _, value, _ in rows)
    for place, (label, value, colour) in enumerate(rows):
        y, width = top + STEP * place, max(1.0, value * scale)
        yield f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end" class="word">{escape(label)}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<text x="{LEFT + width + 8:.1f}" y="{y + 16}" class="word">{value:,.0f}</text>'


def stacked(rows: list[tuple[str, float, str]], *, top: float) -> Iterator[str]:
    """Yield one bar made of all rows, and what its colours mean."""
    scale, x = (WIDTH - 32) / sum(value for _, value, _ in rows), 16.0
    for place, (label, value, colour) in enumerate(rows):
        y = top + STEP + 24 * place
        yield f'<rect x="{x:.1f}" y="{top}" width="{value * scale:.1f}" height="{BAR}" fill="{colour}"/>'
        yield f'<rect x="16" y="{y}" width="14" height="14" fill="{colour}"/>'
        yield f'<text x="38" y="{y + 12}" class="word">{escape(label)}: {value:.0f}</text>'
        x += value * scale


if __name__ == "__main__":
    sys.stdout.write(chart(values_of(sys.stdin)))
