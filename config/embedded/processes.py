"""Server processes of the embedded services: start one, recognise one, stop one.

What lives here: child processes that end with their parent, pid files and waiting. It must not know
PostgreSQL or Valkey.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deliveries.errors import CannotStart

LOG_LIMIT_BYTES = 10_000_000


def spawn(
    command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches only the process that supervises it."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environment,
        )


def dies_with_parent(stop_signal: signal.Signals) -> list[str]:
    """A prefix of a command which has the kernel send the signal when we are gone, even by SIGKILL.

    It goes right before the server: changing users, as `unshare` does, clears the request.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")] if setpriv else []


def server_environment() -> dict[str, str]:
    """What a server needs of our environment: neither its secrets nor PG* variables of the caller."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def running_in(folder: Path, pid_file: Path) -> int | None:
    """The pid in the file if that process is alive and works in the folder; pids are reused, folders are not."""
    try:
        pid = int(pid_file.read_text().split()[0])
        return pid if Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve() else None
    except PermissionError:
        return pid  # alive, and not ours to look at
    except (OSError, ValueError, IndexError):
        return None


def wait_until(ready: Callable[[], bool], *, seconds: float, child: subprocess.Popen[bytes] | None = None) -> bool:
    """Poll until ready; false after the time is over or as soon as the child has ended."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end or (child is not None and child.poll() is not None):
            return False
        time.sleep(0.02)
    return True


def stop(child: subprocess.Popen[bytes], *, stop_signal: signal.Signals, seconds: float = 30) -> None:
    """Ask a child to end and wait; kill it when it does not."""
    if child.poll() is None:
        child.send_signal(stop_signal)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def failed(what: str, log: Path) -> CannotStart:
    """The error that shows the end of a log."""
    lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
    return CannotStart("\n  ".join([f"{what}; the end of {log}:", *lines]))
