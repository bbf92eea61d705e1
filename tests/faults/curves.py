"""The picture in the docs: curves of the dashboard from a real Prometheus, over a real run with two faults in it.

What lives here: the run, and drawing what Prometheus answers. `make curves` writes docs/curves.svg.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from bench.chart import drawing
from deliveries.services.people.api_keys import create_api_key
from tests.faults.calling import Caller
from tests.faults.cluster import CHECKOUT, Cluster, kill
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, endpoints_at
from tests.faults.test_monitoring import FOLDER, Prometheus, prometheus
from tests.faults.test_rolling_restart import Load
from tests.ports import free_ports
from tests.receiver import Answer

PICTURE = CHECKOUT / "docs/curves.svg"
TITLES = ("Attempts", "The oldest delivery that waits", "In the queue", "Endpoints in trouble")
PART_SECONDS = 30
STEP_SECONDS = 2
WIDTH, HEIGHT, LEFT, GAP = 760, 120, 60, 64
COLOURS = ("#2f6fdb", "#d64545", "#f0a35e", "#3f9142", "#8a5cd6")

Mark = tuple[float, str]
Curve = list[tuple[float, float]]


def test_a_run_with_two_faults_is_drawn(cluster: Cluster, receivers: list[Counting], tmp_path: Path) -> None:
    """Receivers that answer 500, then a worker that is killed and one that follows."""
    customers = customers_of(endpoints_at(receivers[:2], each=3))
    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    web, first, second = cluster.port, *free_ports(2)
    cluster.web()
    worker = cluster.worker(health_address=f"127.0.0.1:{first}")
    cluster.child("dispatcher", "manage.py", "dispatcher", health_address=f"127.0.0.1:{second}")
    caller = Caller(web, key=key)
    marks: list[Mark] = []
    with prometheus(tmp_path, web, first, second) as server:
        cluster.eventually(lambda: server.values("sum(up)") == [3], seconds=30, what="three targets")
        with Load(caller, customers):
            for word, act in (
                ("", lambda: None),
                ("receivers answer 500", lambda: answer_all(receivers, (500, {}, b""))),
                ("they are mended", lambda: answer_all(receivers, (204, {}, b""))),
                ("the only worker is killed", lambda: kill(worker)),
                ("another one starts", lambda: cluster.worker(health_address=f"127.0.0.1:{first}")),
            ):
                act()
                marks.append((time.time(), word))
                threading.Event().wait(PART_SECONDS)
        PICTURE.write_text(picture(server, marks))
    caller.close()


def answer_all(receivers: Sequence[Counting], answer: Answer) -> None:
    """From now on."""
    for each in receivers:
        each.answer = lambda request: answer


def picture(server: Prometheus, marks: Sequence[Mark]) -> str:
    """The SVG: a chart for each title, below each other, with a line where something was done."""
    body: list[str] = []
    for place, title in enumerate(TITLES):
        body += chart(title, curves_of(server, title, marks), marks, top=24 + place * (HEIGHT + GAP))
    bottom = 24 + len(TITLES) * (HEIGHT + GAP)
    body += [text(LEFT, bottom + 18 * n, f"{n + 1}  {word}") for n, (_, word) in enumerate(marks[1:])]
    height = bottom + 18 * len(marks)
    box = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12"'
    return drawing(box, body, width=WIDTH, height=height)


def curves_of(server: Prometheus, title: str, marks: Sequence[Mark]) -> dict[str, Curve]:
    """The curves of a panel by their legends, those left out that are 0 all the time."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    (panel,) = [each for each in panels if each["title"] == title]
    found: dict[str, Curve] = {}
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", f"{8 * STEP_SECONDS}s").replace("$cell", "")
        span = {"start": marks[0][0], "end": marks[-1][0] + PART_SECONDS, "step": STEP_SECONDS}
        data = server.ask("query_range", query=query, **{name: str(value) for name, value in span.items()})
        for series in data["result"]:
            legend = target["legendFormat"]
            for name, value in series["metric"].items():
                legend = legend.replace("{{" + name + "}}", value)
            found[legend] = [(float(at), float(value)) for at, value in series["values"] if value != "NaN"]
    return {legend: curve for legend, curve in found.items() if any(value for _, value in curve)}


def chart(title: str, curves: dict[str, Curve], marks: Sequence[Mark], *, top: float) -> Iterator[str]:
    """One panel: its title and legend, a frame with the greatest value, marks and curves."""
    begin, end = marks[0][0], marks[-1][0] + PART_SECONDS
    greatest = max((value for curve in curves.values() for _, value in curve), default=1.0)
    inner, up = WIDTH - LEFT - 16, HEIGHT / greatest
    across = inner / (end - begin)
    yield text(LEFT, top, title, weight="bold")
    yield f'<rect x="{LEFT}" y="{top + 10}" width="{inner}" height="{HEIGHT}" fill="none" class="frame"/>'
    yield text(LEFT - 8, top + 20, f"{greatest:,.0f}" if greatest >= 100 else f"{greatest:.3g}", anchor="end")
    yield text(LEFT - 8, top + 10 + HEIGHT, "0", anchor="end")
    for number, (at, _) in enumerate(marks[1:], 1):
        x = LEFT + (at - begin) * across
        yield f'<path d="M{x:.1f} {top + 10}v{HEIGHT}" class="mark" stroke-dasharray="3 3"/>'
        yield text(x + 3, top + 22, str(number))
    place = LEFT + 8 * len(title) + 16
    for number, (legend, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{LEFT + (at - begin) * across:.1f},{top + 10 + HEIGHT - v * up:.1f}" for at, v in curve)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        yield f'<rect x="{place}" y="{top - 9}" width="10" height="10" fill="{colour}"/>'
        yield text(place + 14, top, legend)
        place += 7 * len(legend) + 34


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    """Words in the picture."""
    how = f'text-anchor="{anchor}" font-weight="{weight}" class="word"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {how}>{escape(words)}</text>'
