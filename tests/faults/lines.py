"""A line between some processes and the database that can hang: what is said over it is neither lost nor forwarded.

What lives here: forwarding bytes from a port to the server's socket, and holding them back. It must not know what
they say.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from tests.faults.cluster import Cluster, host_of

SOCKET = ".s.PGSQL.5432"


class Line:
    """Connections to the database of a cluster, for processes that are told `url`."""

    def __init__(self, cluster: Cluster) -> None:
        self.target = f"{host_of(cluster.database.database_url)}/{SOCKET}"
        self.intact = threading.Event()
        self.intact.set()
        self.near: set[socket.socket] = set()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://hookpost@127.0.0.1:{self.door.getsockname()[1]}/hookpost?sslmode=disable"
        self.threads: list[threading.Thread] = []
        self._run(self._accept)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Inside nothing passes, and nothing is closed; what was said comes through in the end."""
        self.intact.clear()
        try:
            yield
        finally:
            self.intact.set()

    def close(self) -> None:
        """Accept no more, and let everything through."""
        self.intact.set()
        self.door.shutdown(socket.SHUT_RDWR)
        for near in [*self.near]:
            with suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(60)
        self.door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.door.accept()
                self.near.add(near)
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
                self._run(partial(self._forward, near, far))
                self._run(partial(self._forward, far, near))

    def _run(self, act: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=act, daemon=True))
        self.threads[-1].start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.intact.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.near.discard(source)
        source.close()
