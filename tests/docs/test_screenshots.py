"""Pictures of the pages: small, and each is shown somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.chart import STYLE

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT / "docs" / "screenshots").glob("*.webp"))


def test_each_picture_is_shown_and_all_are_small() -> None:
    shown = (ROOT / "docs" / "screenshots" / "README.md").read_text() + (ROOT / "README.md").read_text()
    assert len(PICTURES) > 20
    assert [each.name for each in PICTURES if each.name not in shown] == []
    assert sum(each.stat().st_size for each in PICTURES) < 2_000_000


@pytest.mark.parametrize("drawing", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_each_drawing_is_read_by_day_and_by_night(drawing: Path) -> None:
    text = drawing.read_text()
    assert STYLE in text
    assert set(re.findall(r'<text [^>]*class="(\w+)"', text)) == {"word"}
    assert "<text" not in re.sub(r'<text [^>]*class="word"', "", text)
