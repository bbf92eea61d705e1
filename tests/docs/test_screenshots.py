"""Pictures of the pages: small, and each is shown somewhere."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT / "docs" / "screenshots").glob("*.webp"))


def test_each_picture_is_shown_and_all_are_small() -> None:
    shown = (ROOT / "docs" / "screenshots" / "README.md").read_text() + (ROOT / "README.md").read_text()
    assert len(PICTURES) > 20
    assert [each.name for each in PICTURES if each.name not in shown] == []
    assert sum(each.stat().st_size for each in PICTURES) < 2_000_000
