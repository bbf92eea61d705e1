"""One hostile server for the whole folder, and engines that may reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deliveries.outbound.guard import Guard
from deliveries.outbound.multi import Transfers
from tests.hostile_server import HostileServer
from tests.outbound.hostile_connections import CASES


@pytest.fixture(scope="session")
def hostile() -> Iterator[HostileServer]:
    """The server that plays every case."""
    with HostileServer(CASES) as server:
        yield server


@pytest.fixture
def transfers(hostile: HostileServer) -> Iterator[Transfers]:
    """An engine of this test's own that may reach the hostile server."""
    with Transfers(rule=Guard(hostile.targets()), ca_file=hostile.kinds.ca_file) as engine:
        yield engine
