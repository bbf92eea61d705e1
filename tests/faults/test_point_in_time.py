"""PostgreSQL is restored to a moment amid load, by the lines of docs/operations.md: what the page promises of it holds.

The page's lines are used as they stand but for the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from config.embedded import Services, binaries
from deliveries.protocol.writing import ids
from deliveries.services.people.api_keys import create_api_key
from tests.faults.calling import Caller
from tests.faults.cluster import CHECKOUT, Cluster
from tests.faults.counting import Counting
from tests.faults.states import Asker
from tests.faults.steps import arrived, arrived_ids, customers_of, endpoints_at, leader
from tests.faults.test_rolling_restart import Load

pytestmark = pytest.mark.skipif("TEST_RESTORE" not in os.environ, reason="make test-restore")
PAGE = (CHECKOUT / "docs/operations.md").read_text().partition("### Back to a moment")[2]
FOLDER = "/backup/wal"
IS_ARCHIVED = "SELECT last_archived_wal >= '{wal}' FROM pg_stat_archiver"


def lines_of_page(folder: Path, *names: str) -> str:
    """The settings of these names, as the page has them."""
    found = [re.search(rf"^{name} = .*$", PAGE, re.MULTILINE) for name in names]
    return "".join(f"{each[0]}\n" for each in found if each).replace(FOLDER, str(folder))


class Archived:
    """A server that archives its WAL, and a backup of it, in a folder beside its files."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.files = cluster.data_dir / "postgres" / "data"
        self.wal = cluster.data_dir / "postgres" / "wal"
        self.base = cluster.data_dir / "base"
        self.owner = (self.files / "PG_VERSION").stat()

    def begin(self) -> None:
        """Archive from now on."""
        self.wal.mkdir()
        os.chown(self.wal, self.owner.st_uid, self.owner.st_gid)
        conf = self.files / "postgresql.conf"
        shutil.copy2(conf, self.cluster.data_dir / "kept.conf")
        with conf.open("a") as lines:
            lines.write(lines_of_page(self.wal, "archive_mode", "archive_command", "archive_timeout"))
        self.cluster.restart_database()

    def end(self) -> None:
        """Leave the server as it was."""
        self.cluster.database.stop()
        (self.files / "postgresql.conf").write_text((self.cluster.data_dir / "kept.conf").read_text())
        self.cluster.database.ensure()

    def back_up(self) -> None:
        """Take the backup, by the page's command."""
        (command,) = re.findall(r"^pg_basebackup (.*)$", PAGE, re.MULTILINE)
        options = command.replace("/backup/base-$(date +%F)", str(self.base)).split()
        url = self.cluster.database.database_url
        subprocess.run([str(binaries.postgres_bin() / "pg_basebackup"), *options, f"--dbname={url}"], check=True)

    def archive(self) -> None:
        """Wait until all that was written so far is in the archive."""
        ((wal,),) = self.cluster.ask("SELECT pg_walfile_name(pg_switch_wal())")
        asked = IS_ARCHIVED.format(wal=wal)
        self.cluster.eventually(lambda: self.cluster.ask(asked) == [(True,)], seconds=30, what="the archive")


class Restored(Cluster):
    """The installation on a server that was restored, with the broker, keys and settings of the first."""

    def __init__(self, first: Cluster, archived: Archived, folder: Path) -> None:
        super().__init__(folder)
        self.database = Services(folder, broker=False)
        self.broker, self.settings, self.archived = first.broker, first.settings, archived

    def restore(self, moment: str) -> None:
        """Bring the server to a moment, by the page's lines."""
        home = self.data_dir / "postgres"
        home.mkdir(mode=0o700, parents=True)
        shutil.copytree(self.archived.base, home / "data")
        names = ("restore_command", "recovery_target_time", "recovery_target_action")
        lines = re.sub(r"(recovery_target_time = )'.*'", rf"\1'{moment}'", lines_of_page(self.archived.wal, *names))
        with (home / "data" / "postgresql.auto.conf").open("a") as conf:
            conf.write(lines)
        (home / "data" / "recovery.signal").touch()
        for path in (home, *home.rglob("*")):
            os.chown(path, self.archived.owner.st_uid, self.archived.owner.st_gid)
        self.database.ensure()
        self.eventually(self.takes_writes, seconds=60, what="the end of the recovery")

    def stop(self) -> None:
        """End what is its own: the broker is not."""
        self.end_children()
        self.database.stop()

    def takes_writes(self) -> bool:
        """Whether the moment is reached."""
        try:
            return self.ask("SELECT pg_is_in_recovery()") == [(False,)]
        except psycopg.OperationalError:
            return False

    def events(self) -> set[str]:
        """The ids of all events."""
        return {ids.encode_id(ids.EVENT, each) for (each,) in self.ask("SELECT id FROM hookpost_event")}  # type: ignore[arg-type]

    def count(self, where: str = "true") -> int:
        """How many deliveries wait."""
        return int(str(self.ask(f"SELECT count(*) FROM hookpost_due_delivery WHERE {where}")[0][0]))


def test_after_a_return_to_a_moment_what_was_answered_before_it_is_there_and_what_waited_is_sent_again(
    cluster: Cluster, caller: Caller, receivers: list[Counting], tmp_path: Path
) -> None:
    customers = customers_of(endpoints_at(receivers[:2]))
    _, key = create_api_key("tests", ["events:write", "read", "manage"], actor="user:alice")
    asker, archived = Asker(cluster.port, key), Archived(cluster)
    restored = Restored(cluster, archived, tmp_path / "restored")
    archived.begin()
    try:
        with Load(caller, customers) as load:
            load.await_parts(cluster)
            cluster.worker()
            cluster.eventually(lambda: arrived(receivers) > 0, seconds=30, what="deliveries")
            archived.back_up()
            load.await_parts(cluster)
            first = asker.post(customers[0], key="before").json["id"]
            known = {*caller.accepted, first}
            ((moment,),) = cluster.ask("SELECT clock_timestamp()::text")
            second = asker.post(customers[0], key="after").json["id"]
            load.await_parts(cluster)
            archived.archive()
        cluster.end_children()
        cluster.database.stop()
        accepted = {*caller.accepted, first, second}
        began = time.monotonic()
        restored.restore(str(moment))
        seconds = time.monotonic() - began
        present = restored.events()
        gone = accepted - present
        assert known <= present <= accepted
        assert second in gone
        waiting = restored.count()
        before = arrived(receivers)
        restored.run("hold_deliveries")
        restored.worker()
        restored.eventually(lambda: restored.count("due_at IS NULL") == waiting, seconds=30, what="all to be held")
        assert arrived(receivers) == before
        restored.eventually(lambda: leader(restored), seconds=30, what="a leader")
        restored.run("hold_deliveries", "--release")
        restored.eventually(lambda: restored.count() == 0, seconds=60, what="the end of the backlog")
        again = arrived(receivers) - before
        assert present <= arrived_ids(receivers)
        assert again == waiting
        restored.web()
        other = Asker(restored.port, key)
        feed = f"/api/v1/customers/{customers[0]}/events"
        assert other("GET", f"{feed}?after={second}").json["results"] == []
        same, new = other.post(customers[0], key="before"), other.post(customers[0], key="after")
        assert (same.status, same.json["id"]) == (202, first)
        assert (new.status, new.json["id"] in accepted) == (202, False)
        restored.eventually(
            lambda: [each["id"] for each in other("GET", f"{feed}?after={second}").json["results"]] == [new.json["id"]],
            seconds=10,
            what="the feed to go on where its reader was",
        )
        restored.eventually(lambda: new.json["id"] in arrived_ids(receivers), seconds=30, what="what came after it")
        print(
            f"{len(accepted)} accepted, back at the moment after {seconds:.1f} s: {len(present)} there, {len(gone)} of"
            f" later gone, {waiting} waited and were sent, {again} requests"
        )
    finally:
        restored.stop()
        cluster.end_children()
        archived.end()
