"""A run of the tests is the same whoever starts it."""

from __future__ import annotations

import pytest

from tests.surroundings import misleading

GIVEN = {"HOOKPOST_REGION": "eu", "PGPORT": "5433", "PGHOST": "db.internal", "PATH": "/bin", "BROKER_URL": "redis://b"}


def test_no_server_of_the_callers_is_taken_for_the_one_that_is_started() -> None:
    assert misleading(GIVEN) == ["HOOKPOST_REGION", "PGPORT", "PGHOST"]


@pytest.mark.parametrize("url", ["postgresql://", "postgresql:///hookpost"])
def test_a_database_that_the_caller_names_is_reached_as_the_caller_says(url: str) -> None:
    """Given a password in PGPASSWORD or a port in PGPORT, then they go with the URL."""
    assert misleading(GIVEN | {"DATABASE_URL": url}) == ["HOOKPOST_REGION"]
