"""A PostgreSQL server and a broker of their own with nothing in them: PostgreSQL 18 from the wheel, or Debian's 15.

What lives here: starting them. It must not know who comes to use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.embedded import Services, postgres

DEBIAN = Path("/usr/lib/postgresql/15/bin")
SERVERS = [
    pytest.param(None, id="PostgreSQL 18"),
    pytest.param(
        DEBIAN,
        id="PostgreSQL 15",
        marks=pytest.mark.skipif(not (DEBIAN / "initdb").exists(), reason="Debian's postgresql-15 is not installed"),
    ),
]


@contextmanager
def running(data_dir: Path, *, programs: Path | None, patch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Both servers, empty; `programs` is where another PostgreSQL than the wheel's is."""
    if programs is not None:
        patch.setattr(postgres, "postgres_bin", lambda: programs)
    with Services(data_dir, durable=False) as services:
        yield services
