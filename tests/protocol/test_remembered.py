"""What is remembered stays within its limit, whoever fills it."""

from __future__ import annotations

from deliveries.protocol.writing.remembered import remember


def test_what_is_full_begins_anew_with_the_newest() -> None:
    known: dict[str, int] = {}
    for number, name in enumerate("abcd"):
        remember(known, name, number, limit=3)
        assert len(known) <= 3
    assert known == {"d": 3}
