"""The embedded Valkey: how it is started and recognised.

What lives here: one server on a unix socket, without persistence, for messages that may be lost. It
must not know what is sent through it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from config.embedded import paths, processes
from config.embedded.binaries import valkey_server

STOP_SIGNAL = signal.SIGTERM
START_SECONDS = 60


def start(data_dir: Path) -> subprocess.Popen[bytes] | None:
    """Start the server and wait for its socket; None when it runs already."""
    if answers(data_dir):
        return None
    paths.make_private(data_dir / "valkey")
    if not paths.socket_dir(data_dir).is_symlink():
        paths.make_private(paths.socket_dir(data_dir))
    log = data_dir / "valkey.log"
    child = processes.spawn(
        command(data_dir), folder=data_dir / "valkey", log=log, environment=processes.server_environment()
    )
    if not processes.wait_until(lambda: answers(data_dir), seconds=START_SECONDS, child=child):
        processes.stop(child, stop_signal=STOP_SIGNAL)
        raise processes.failed("Valkey did not start", log)
    return child


def command(data_dir: Path) -> list[str]:
    """The command line: no TCP port, no snapshots, and an error instead of a silent eviction when full."""
    options = {
        "port": "0",
        "unixsocket": str(paths.socket_dir(data_dir) / "valkey.sock"),
        "unixsocketperm": "700",
        "dir": str(data_dir / "valkey"),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [*processes.dies_with_parent(STOP_SIGNAL), str(valkey_server()), *words]


def answers(data_dir: Path) -> bool:
    """Whether a server answers a PING on the socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(paths.socket_dir(data_dir) / "valkey.sock"))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
