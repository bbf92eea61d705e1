"""The embedded PostgreSQL: how a cluster is made, started and recognised.

What lives here: one cluster per data folder, reached by a socket in a private folder. It must not
know the tables in it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.embedded import paths, processes, user_names
from config.embedded.binaries import postgres_bin
from config.embedded.runners import Runner, choose_runner

STOP_SIGNAL = signal.SIGINT  # PostgreSQL's fast shutdown
START_SECONDS = 120
RETRY_SECONDS = 15

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
FRAGILE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster: its data folder, where its files really are, and how its programs are run."""

    data_dir: Path
    files: Path
    programs: Path
    runner: Runner
    durable: bool

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.data_dir / "postgres.log"


def start(data_dir: Path, *, durable: bool = True) -> subprocess.Popen[bytes] | None:
    """Start the cluster, made first if it is not there, and wait for it; None when it runs already."""
    if answers(data_dir):
        return None
    cluster = locate(data_dir, durable=durable)
    if not (cluster.files / "PG_VERSION").exists():
        make_cluster(cluster)
    child = start_patiently(cluster)
    make_database(data_dir)
    return child


def locate(data_dir: Path, *, durable: bool) -> Cluster:
    """Find programs and folders, and make the folders."""
    bin_folder = postgres_bin()
    runner = choose_runner(data_dir, bin_folder=bin_folder)
    runner.own_folder(paths.socket_dir(data_dir))
    files = runner.own_folder(data_dir / "postgres") / "data"
    programs = runner.programs(bin_folder)
    return Cluster(data_dir=data_dir, files=files, programs=programs, runner=runner, durable=durable)


def make_cluster(cluster: Cluster) -> None:
    """Run initdb beside the final place and move the result there, so that an interrupted run leaves nothing."""
    unfinished = cluster.files.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--username=hookpost", "--auth=trust", "--encoding=UTF8", "--no-instructions", *locale_options(cluster)]
    options += [] if cluster.durable else ["--no-sync"]
    command = [*cluster.runner.prefix, str(cluster.programs / "initdb"), "-D", str(unfinished), *options]
    folder, variables = unfinished.parent, environment(cluster)
    if not user_names.has_name():
        folder = user_names.make_known(cluster.data_dir / "user")
        variables["LD_LIBRARY_PATH"] = f"{folder}:{variables['LD_LIBRARY_PATH']}"
    with cluster.log.open("ab") as out:
        done = subprocess.run(command, cwd=folder, env=variables, stdout=out, stderr=out, check=False)
    if done.returncode != 0:
        raise processes.failed("initdb failed", cluster.log)
    unfinished.rename(cluster.files)


def locale_options(cluster: Cluster) -> list[str]:
    """C.UTF-8 from PostgreSQL itself where it has that (17 and later), else from the system."""
    version = subprocess.run(
        [*cluster.runner.prefix, str(cluster.programs / "postgres"), "-V"],
        env=environment(cluster), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    major = int(version.split()[2].split(".")[0])
    return ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--locale=C.UTF-8"]


def start_patiently(cluster: Cluster, *, seconds: float = RETRY_SECONDS) -> subprocess.Popen[bytes] | None:
    """Start the server; after a crash the orphans of its predecessor may hold its memory for some seconds."""
    end = time.monotonic() + seconds
    while True:
        if await_other(cluster):
            return None
        child = processes.spawn(
            command(cluster), folder=cluster.files, log=cluster.log, environment=environment(cluster)
        )
        if processes.wait_until(lambda: answers(cluster.data_dir), seconds=START_SECONDS, child=child):
            return child
        processes.stop(child, stop_signal=STOP_SIGNAL)
        if time.monotonic() > end:
            raise processes.failed("PostgreSQL did not start", cluster.log)
        time.sleep(0.5)


def await_other(cluster: Cluster) -> bool:
    """Wait for a server that is starting or stopping in the same folder; true if it answers in the end."""
    pid_file = cluster.files / "postmaster.pid"

    def settled() -> bool:
        return answers(cluster.data_dir) or processes.running_in(cluster.files, pid_file) is None

    processes.wait_until(settled, seconds=START_SECONDS)
    if answers(cluster.data_dir):
        return True
    if processes.running_in(cluster.files, pid_file) is None:
        pid_file.unlink(missing_ok=True)
    return False


def command(cluster: Cluster) -> list[str]:
    """The command line of the server."""
    settings = SETTINGS | ({} if cluster.durable else FRAGILE)
    settings["unix_socket_directories"] = str(paths.socket_dir(cluster.data_dir).resolve())
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [str(cluster.programs / "postgres"), "-D", str(cluster.files), *words]
    return [*cluster.runner.prefix, *processes.dies_with_parent(STOP_SIGNAL), *server]


def environment(cluster: Cluster) -> dict[str, str]:
    """The environment of PostgreSQL's programs: the wheel's libraries are found by no other way."""
    return processes.server_environment() | {"LD_LIBRARY_PATH": str(cluster.programs.parent / "lib")}


def make_database(data_dir: Path) -> None:
    """Create the database unless it is there."""
    with psycopg.connect(maintenance_url(data_dir), autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = 'hookpost'").rowcount == 0:
            connection.execute("create database hookpost")


def answers(data_dir: Path) -> bool:
    """Whether a server accepts connections on the socket."""
    if not (paths.socket_dir(data_dir) / ".s.PGSQL.5432").exists():
        return False
    try:
        psycopg.connect(maintenance_url(data_dir), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def maintenance_url(data_dir: Path) -> str:
    """The URL of the database that is always there."""
    return paths.database_url(data_dir).replace("/hookpost?", "/postgres?", 1)
