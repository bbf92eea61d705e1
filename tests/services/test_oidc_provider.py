"""What is known of the provider that staff log in by: asked when it is needed, kept a while, not asked too often."""

from __future__ import annotations

import json

import pytest

from deliveries.errors import LogInRefused, Unavailable
from deliveries.services.people.oidc_provider import KnownProvider
from tests.settings import SETTINGS

ISSUER = "https://login.example"
MINUTE = 60.0


class Asked:
    """A provider that counts who asks it, at a time that the test sets; `problem` is what it raises instead."""

    def __init__(self) -> None:
        self.now, self.times, self.issuer = 0.0, list[float](), ISSUER
        self.problem: Exception | None = None
        self.known = KnownProvider(self.fetch, monotonic=lambda: self.now)

    def fetch(self) -> bytes:
        self.times.append(self.now)
        if self.problem is not None:
            raise self.problem
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return json.dumps({"issuer": self.issuer, **{name: f"{ISSUER}/{name}" for name in names}}).encode()

    def reason(self) -> str:
        """Why there is no provider; empty where there is one."""
        try:
            self.known.find()
        except LogInRefused as refused:
            return refused.reason
        return ""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(SETTINGS, "oidc_issuer", ISSUER)
    return Asked()


def test_it_is_asked_every_ten_minutes_and_by_one(asked: Asked) -> None:
    for asked.now in (0.0, 1.0, 9 * MINUTE, 11 * MINUTE, 12 * MINUTE):
        assert asked.reason() == ""
    assert asked.times == [0.0, 11 * MINUTE]


def test_one_that_is_away_is_used_for_an_hour_as_it_was(asked: Asked) -> None:
    assert asked.reason() == ""
    asked.problem = Unavailable("nobody is there")
    for asked.now, reason in ((11 * MINUTE, ""), (59 * MINUTE, ""), (61 * MINUTE, "away")):
        assert asked.reason() == reason
    asked.problem, asked.now = None, 62 * MINUTE
    assert asked.reason() == ""


def test_one_that_is_away_or_talks_nonsense_is_not_asked_by_everybody(asked: Asked) -> None:
    asked.issuer = "https://evil.example"
    for asked.now in (0.0, 1.0, 14.0, 16.0):
        assert asked.reason() == "not-understood"
    assert asked.times == [0.0, 16.0]


def test_whoever_finds_it_being_asked_waits_for_a_moment_and_no_longer(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.services.people.oidc_provider.WAIT_SECONDS", 0.01)
    with asked.known._asking:
        assert asked.reason() == "away"
    assert asked.times == []
