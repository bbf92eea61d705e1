"""PgBouncer in transaction mode in front of a cluster's database: Debian's package, as a process of ours.

What lives here: starting and ending it. It must not know what is asked through it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from config.embedded import processes
from tests.faults.cluster import Cluster, host_of, kill
from tests.ports import free_ports, is_listening

POOL = 6
NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]  # it refuses to be root
CONFIG = """
[databases]
hookpost = host={host} dbname=hookpost user=hookpost
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 500
"""


def program() -> str | None:
    """Where PgBouncer is, if it is installed."""
    return shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextmanager
def pooled(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Inside, processes that are started reach the database through PgBouncer; yields the URL."""
    (port,) = free_ports(1)
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(host=host_of(cluster.database.database_url), port=port, pool=POOL))
    prefix = NOBODY if os.geteuid() == 0 else []
    with (folder / "pgbouncer.log").open("wb") as log:
        server = subprocess.Popen(
            [*prefix, *processes.dies_with_parent(signal.SIGTERM), str(program()), str(config)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        cluster.eventually(lambda: is_listening(port), seconds=10, what="PgBouncer")
        cluster.url = f"postgresql://hookpost@127.0.0.1:{port}/hookpost?sslmode=disable"
        yield cluster.url
    finally:
        cluster.end_children()
        cluster.url = ""
        kill(server)


def sessions_of(url: str) -> list[tuple[object, ...]]:
    """What was left in each of the pool's sessions: settings that differ, and prepared statements."""
    left = []
    clients = [psycopg.connect(url) for _ in range(POOL)]
    try:
        for client in clients:  # each transaction holds a session of its own, so that in the end nobody else has one
            client.execute("SELECT 1")
        for client in clients:
            row = client.execute(
                "SELECT current_setting('plan_cache_mode'), current_setting('enable_seqscan'),"
                " (SELECT count(*)::int FROM pg_prepared_statements),"
                " (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory')"
            ).fetchone()
            left.append(tuple(row or ()))
    finally:
        for client in clients:
            client.close()
    return left
