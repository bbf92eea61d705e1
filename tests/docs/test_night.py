"""The ten questions of a night: each is answered, and by names of metrics, lines, pages and commands that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from django.core.management import get_commands

from deliveries.api.urls import api
from deliveries.protocol.answers.outcome import EXPLANATIONS
from tests.api.conftest import Caller, caller_with
from tests.counters import ROOT, production_files

PAGE = (ROOT / "docs/operations.md").read_text()
ROWS = dict(
    re.findall(r"^\| ([A-Z][^|]+\?) \| (.+) \|$", PAGE.partition("## Ten questions of a night")[2], re.MULTILINE)
)
ANSWERS = "\n".join(ROWS.values())
QUESTIONS = (
    "Is anything late?",
    "Who?",
    "Since when?",
    "Is it us or them?",
    "Which worker?",
    "Will it drain?",
    "What changed?",
    "Is data safe?",
    "Can I restart?",
    "What do I tell the customer?",
)


def written_lines() -> set[str]:
    """The names of the lines that the code writes."""
    sources = "\n".join(path.read_text() for path in production_files())
    return set(re.findall(r'(?:log\.\w+|write)\(\s*"(\w+)"', sources))


def titles() -> Iterator[str]:
    """The titles of the dashboard's curves."""
    for part in json.loads((ROOT / "docker/monitoring/dashboard.json").read_text())["panels"]:
        yield part["title"]
        yield from (inner["title"] for inner in part.get("panels", ()))


def test_each_question_is_answered() -> None:
    assert tuple(ROWS) == QUESTIONS


def test_the_metrics_of_the_answers_are_shown(db: None) -> None:
    text = Caller(None).get("/metrics").raw.decode()
    shown = dict(re.findall(r"^(hookpost_\w+)(?:\{(\w+)=)?", text, re.MULTILINE))
    assert set(re.findall(r"hookpost_\w+", ANSWERS)) <= shown.keys()
    assert [shown[name] for name, label in re.findall(r"(hookpost_\w+)\{(\w+)\}", ANSWERS)] == ["outcome", "version"]
    assert set(re.findall(r"`(\w+_(?:error|timeout))`", ANSWERS)) <= EXPLANATIONS.keys()


def test_the_lines_of_the_answers_are_written() -> None:
    named = set(re.findall(r"line `(\w+)`", ANSWERS))
    assert {"attempt_finished", "database_away", "day_dropped"} <= named <= written_lines()
    fields = PAGE.partition("### A line for each attempt")[2].partition("\n## ")[0]
    for name in ("customer_id", "waited_ms", "first_byte_ms", "worker"):
        assert f"`{name}`" in ANSWERS
        assert f"`{name}`" in fields


def test_the_pages_calls_and_commands_of_the_answers_are_there() -> None:
    menu = set(re.findall(r'title=(?:_\()?"([^"]+)"', (ROOT / "deliveries/admin/site/sites.py").read_text()))
    curves = set(re.findall(r"dashboard's curve \*([^*]+)\*", ANSWERS))
    assert curves
    assert curves <= set(titles())
    pages = set(re.findall(r"page \*([^*]+)\*", ANSWERS))
    assert pages
    assert pages <= menu
    calls = set(re.findall(r"GET /([a-z-]+)", ANSWERS))
    assert calls <= {str(each.pattern) for each in api}
    assert set(re.findall(r"manage\.py (\w+)", ANSWERS)) <= get_commands().keys()
    assert [
        anchor for anchor in re.findall(r"\(#([\w-]+)\)", ANSWERS) if f"\n## {anchor.capitalize()}\n" not in PAGE
    ] == []


@pytest.mark.django_db
def test_who_is_late_can_be_asked() -> None:
    ops = caller_with("read")
    assert ops.get("/deliveries?state=pending&until=2026-01-01T00:00:00Z").json["results"] == []
