"""A backup taken under load is restored: nothing is sent before somebody has looked, and then what was held back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from django.db import connections

from config.embedded import binaries
from tests.faults.calling import Caller
from tests.faults.cells import SecondCell
from tests.faults.cluster import Cluster
from tests.faults.counting import Counting
from tests.faults.steps import customers_of, emit, endpoints_at, is_all_succeeded
from tests.faults.test_rolling_restart import Load

pytestmark = pytest.mark.skipif("TEST_RESTORE" not in os.environ, reason="make test-restore")
WAITING = 500


class Restored(SecondCell):
    """An installation on a database that comes from a dump, with the keys of the first."""

    def __init__(self, first: Cluster, folder: Path, dump: Path) -> None:
        super().__init__(first, folder)
        self.settings, self.dump = dict(first.settings), dump

    def start(self) -> None:
        """Make the database from the dump."""
        connections.close_all()
        self._on_server("DROP DATABASE IF EXISTS cell_b WITH (FORCE)", "CREATE DATABASE cell_b")
        program = str(binaries.postgres_bin() / "pg_restore")
        subprocess.run([program, f"--dbname={self.url}", "--no-owner", str(self.dump)], check=True)


def test_what_was_sent_after_the_backup_is_held_and_then_sent_again_with_the_same_id(
    cluster: Cluster, caller: Caller, receivers: list[Counting], tmp_path: Path
) -> None:
    endpoints = endpoints_at(receivers[:2])
    ids = emit(endpoints, WAITING)
    dump = tmp_path / "dump"
    with Load(caller, customers_of(endpoints)) as load:
        load.await_parts(cluster)
        program, url = str(binaries.postgres_bin() / "pg_dump"), cluster.database.database_url
        subprocess.run([program, "--format=custom", f"--file={dump}", url], check=True)
        cluster.worker()
        load.await_parts(cluster)
    cluster.eventually(is_all_succeeded, seconds=60, what="the success of all")
    ids |= {each for part in load.parts for each in part.ids}
    cluster.end_children()
    sent = {each for receiver in receivers for each in receiver.times}
    assert sent == ids
    restored = Restored(cluster, tmp_path, dump)
    restored.start()
    try:
        (waiting,), *_ = restored.ask("SELECT count(*) FROM hookpost_due_delivery")
        assert int(str(waiting)) >= WAITING
        before = sum(len(receiver.requests) for receiver in receivers)
        restored.run("hold_deliveries")
        restored.worker()
        held = "SELECT count(*) FROM hookpost_due_delivery WHERE due_at IS NULL"
        restored.eventually(lambda: restored.ask(held) == [(waiting,)], seconds=30, what="all to be held")
        assert sum(len(receiver.requests) for receiver in receivers) == before
        restored.run("hold_deliveries", "--release")
        due = "SELECT count(*) FROM hookpost_due_delivery"
        restored.eventually(lambda: restored.ask(due) == [(0,)], seconds=60, what="the end of the backlog")
        again = sum(len(receiver.requests) for receiver in receivers) - before
        assert again == waiting
        assert {each for receiver in receivers for each in receiver.times} == ids
        print(f"{len(ids)} sent, {waiting} of them not yet in the backup, sent again {again}, with the same ids")
    finally:
        restored.stop()
