"""docs/operations.md, *Back to a moment*, typed on a cluster as Debian makes them: its settings are not among its data.

What happens to Hookpost by it is in tests/faults/test_point_in_time.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.terminals import CHECKOUT

PAGE = (CHECKOUT / "docs/operations.md").read_text().partition("### Back to a moment\n")[2].partition("\n## ")[0]
SETTINGS, BACK_UP, GO_BACK = re.findall(r"^```(?:sh)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TIMEOUT_SECONDS = 120

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("pg_createcluster") is None or not Path("/usr/lib/postgresql/15").exists(),
    reason="makes a cluster as Debian's postgresql-15 does, as root",
)


class Typist:
    """Types what the page says as PostgreSQL's user, with other folders than the page's."""

    def __init__(self, folder: Path) -> None:
        self.folder, (self.port,) = folder, free_ports(1)
        # A name that no cluster has: what Debian's tools take away after an error is of the machine, not of our folder.
        self.cluster = f"moment{self.port}"
        self.places = {
            "/var/lib/postgresql/15": f"{folder}/15", "/backup": f"{folder}/backup", "15 main": f"15 {self.cluster}"
        }  # fmt: skip

    def type(self, lines: str) -> str:
        """Return what was said; a line that fails ends the test."""
        for said, meant in self.places.items():
            lines = lines.replace(said, meant)
        ours = {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PG_CLUSTER_CONF_ROOT": f"{self.folder}/etc"}
        done = subprocess.run(
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "bash", "-euc", lines],
            cwd="/", env={"PATH": os.environ["PATH"], **ours}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def ask(self, query: str) -> str:
        """What the server answers."""
        return self.type(f'psql -Atc "{query}"')


@pytest.fixture
def typist() -> Iterator[Typist]:
    """A cluster that archives its WAL, in a folder of PostgreSQL's user."""
    folder = Path(tempfile.mkdtemp(prefix="moment-"))
    shutil.chown(folder, "postgres")
    typing = Typist(folder)
    try:
        typing.type(f"cd {folder}; mkdir -p 15 backup/wal etc")
        options = f"-p {typing.port} -s {folder} -l {folder}/15/log -d {folder}/15/main"
        typing.type(f"pg_createcluster {options} 15 main >/dev/null")
        with (folder / "etc/15" / typing.cluster / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS.replace("/backup", f"{folder}/backup"))
        typing.type("pg_ctlcluster 15 main start")
        yield typing
    finally:
        typing.type("pg_ctlcluster 15 main stop || true")
        shutil.rmtree(folder)


def test_the_pages_lines_lead_back_on_debian(typist: Typist) -> None:
    """Given a backup of each of two nights and two rows, then the server is back at the moment between the rows."""
    typist.type(BACK_UP.replace("$(date +%F)", "2026-11-27"))
    typist.type(BACK_UP.replace("$(date +%F)", "2026-11-28"))
    typist.ask("CREATE TABLE rows AS SELECT 1 AS number")
    moment = typist.ask("SELECT clock_timestamp()")
    typist.ask("INSERT INTO rows VALUES (2)")
    typist.type("pg_ctlcluster 15 main stop")
    typist.type(re.sub(r"(recovery_target_time = )'.*'", rf"\1'{moment}'", GO_BACK))
    end = time.monotonic() + TIMEOUT_SECONDS
    while typist.ask("SELECT pg_is_in_recovery()") != "f":
        assert time.monotonic() < end, "the recovery does not end"
    assert typist.ask("SELECT array_agg(number) FROM rows") == "{1}"
