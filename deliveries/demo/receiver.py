"""A customer's server: it remembers each request as it came, and under /busy refuses the first two tries.

What lives here: a small HTTP server in threads. It must not know who sends, or how requests are signed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deliveries.errors import CannotStart

BUSY_PATH = "/busy"
REFUSALS = 2
RETRY_AFTER_SECONDS = 1
BODY_LIMIT_BYTES = 16_777_216


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came over the wire, and the status it was answered with."""

    request_line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int

    def header(self, name: str) -> str:
        """The value of a header, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Receiver(ThreadingHTTPServer):
    """The server; `received` grows while it listens."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self._seen: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def status_for(self, path: str, message_id: str) -> int:
        """Decide the answer: under /busy each message is refused twice, elsewhere all are welcome."""
        with self.arrived:
            self._seen[message_id] += 1
            return 503 if path == BUSY_PATH and self._seen[message_id] <= REFUSALS else 204

    def remember(self, received: Received) -> None:
        """Keep a request and tell those who wait."""
        with self.arrived:
            self.received.append(received)
            self.arrived.notify_all()

    def wait_for(self, wanted: Callable[[Received], bool], *, count: int, seconds: float) -> list[Received]:
        """Wait until that many wanted requests have come, or the time is over; returns what came."""

        def matching() -> list[Received]:
            return [each for each in self.received if wanted(each)]

        with self.arrived:
            self.arrived.wait_for(lambda: len(matching()) >= count, seconds)
            return matching()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """Read the raw body, remember all, answer at once."""
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(length, BODY_LIMIT_BYTES))
        status = self.server.status_for(self.path, self.headers.get("webhook-id", ""))
        headers = tuple(self.headers.items())
        self.server.remember(Received(request_line=self.requestline, headers=headers, body=body, status=status))
        self.send_response(status)
        if status != 204:
            self.send_header("retry-after", str(RETRY_AFTER_SECONDS))
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the screen belongs to the story."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port of 127.0.0.1 inside the block."""
    try:
        server = Receiver()
    except OSError as error:
        raise CannotStart(f"the demo's receiver cannot listen on 127.0.0.1 ({error.strerror})") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="receiver", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
