"""PostgreSQL and Valkey as part of one command, without root and without Docker.

postgres.py    a cluster: made, started, recognised
valkey.py      the same for the broker
binaries.py    where their programs are
processes.py   start, recognise and stop a server process
runners.py     as whom PostgreSQL runs
user_names.py  a name for a user that has none
paths.py       where files and sockets are
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from config.embedded import paths, postgres, processes, valkey
from config.embedded.paths import broker_url, database_url
from deliveries.errors import CannotStart

__all__ = ["Services", "broker_url", "database_url"]


class Services:
    """Both services of a data folder, running inside the `with` block."""

    def __init__(
        self, data_dir: str | Path, *, database: bool = True, broker: bool = True, durable: bool = True
    ) -> None:
        self.data_dir = paths.absolute(data_dir)
        self.wanted = {"database": database, "broker": broker}
        self.durable = durable
        self.postgres: subprocess.Popen[bytes] | None = None
        self.valkey: subprocess.Popen[bytes] | None = None

    @property
    def database_url(self) -> str:
        """Where PostgreSQL listens."""
        return database_url(self.data_dir)

    @property
    def broker_url(self) -> str:
        """Where Valkey listens."""
        return broker_url(self.data_dir)

    def ensure(self) -> None:
        """Start what does not run; cheap when all is well, so that a supervisor can call it every second."""
        if self.wanted["database"] and not alive(self.postgres):
            with starting(self.data_dir):
                self.postgres = postgres.start(self.data_dir, durable=self.durable)
        if self.wanted["broker"] and not alive(self.valkey):
            with starting(self.data_dir):
                self.valkey = valkey.start(self.data_dir)

    def stop(self) -> None:
        """Stop what this object started, and nothing else."""
        if self.valkey is not None:
            processes.stop(self.valkey, stop_signal=valkey.STOP_SIGNAL)
        if self.postgres is not None:
            processes.stop(self.postgres, stop_signal=postgres.STOP_SIGNAL)
        self.postgres = self.valkey = None

    def __enter__(self) -> Self:
        try:
            self.ensure()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def alive(child: subprocess.Popen[bytes] | None) -> bool:
    """Whether a child that we started still runs."""
    return child is not None and child.poll() is None


@contextmanager
def starting(data_dir: Path) -> Iterator[None]:
    """Let one process at a time start something in a data folder."""
    with lock_file(data_dir, "start.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def lock_file(data_dir: Path, name: str) -> IO[str]:
    """Open a file of the data folder for a lock, or say why that cannot be."""
    paths.make_folder(data_dir)
    if not os.access(data_dir, os.W_OK):
        raise CannotStart(f"{data_dir} belongs to somebody else; set HOOKPOST_DATA to another folder")
    return (data_dir / name).open("w")
