"""Two cells: the tests' own database, and another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.cells.second_cell import empty, second_database


@pytest.fixture(scope="session")
def database_b(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of the other cell's database."""
    with django_db_blocker.unblock(), second_database() as name:
        yield name


@pytest.fixture
def other(database_b: str, transactional_db: None) -> str:
    """The other cell's database, empty."""
    empty(database_b)
    return database_b
