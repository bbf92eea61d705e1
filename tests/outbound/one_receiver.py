"""A receiver whose every connection follows a script of its own, for what depends on their order.

Lives here: blocking sockets in a thread. Each connection's script says what to do after each request
on it: bytes are the answer, None closes without one; after the script the connection closes.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from deliveries.network_settings import AllowedTarget

PATIENCE_SECONDS = 180  # ends what hangs, and nothing else
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class OneReceiver:
    """Takes connections one after another and remembers every request's bytes."""

    def __init__(self, *scripts: Sequence[bytes | None], host: str = "127.0.0.1", port: int = 0) -> None:
        self._scripts = scripts
        self._listener = socket.create_server((host, port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[bytes] = []
        self.closed = threading.Semaphore(0)  # released for each connection that is over
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}/in"

    @property
    def targets(self) -> list[AllowedTarget]:
        """What must be allowed to reach it, or another on loopback with the same port."""
        return [AllowedTarget(ipaddress.ip_network("127.0.0.0/8"), self.port)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes a waiting accept, which close does not
        self._listener.close()
        self._thread.join(60)

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(PATIENCE_SECONDS)
                self._follow(script, connection)
            self.closed.release()

    def _follow(self, script: Sequence[bytes | None], connection: socket.socket) -> None:
        for answer in script:
            request = _read(connection)
            if not request:
                return
            self.requests.append(request)
            if answer is None:
                return
            connection.sendall(answer)


def _read(connection: socket.socket) -> bytes:
    taken = b""
    while b"\r\n\r\n" not in taken:
        piece = connection.recv(65536)
        if not piece:
            return b""
        taken += piece
    head, _, body = taken.partition(b"\r\n\r\n")
    length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
