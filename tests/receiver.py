"""A receiver as a customer would run one: a real HTTP server in threads, with a memory.

What lives here: recording requests byte for byte and answering what a test says. It must not know
how Hookpost signs or retries.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came in; headers in their order and spelling."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name, in any spelling."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def no_content(request: Request) -> Answer:
    """The answer of a receiver that is content."""
    return 204, {}, b""


class Receiver:
    """A server on one port of 127.0.0.1; `answer` may be replaced at any time."""

    def __init__(self, port: int, *, answer: Callable[[Request], Answer] = no_content) -> None:
        self.port = port
        self.answer = answer
        self.requests: list[Request] = []
        self.arrived = threading.Condition()

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int, timeout: float = 180) -> list[Request]:
        """Wait until that many requests have come in; fail when they do not."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise AssertionError(f"{len(self.requests)} of {count} requests came within {timeout} s")
            return list(self.requests)

    def take(self, request: Request) -> Answer:
        """Remember a request and decide the answer."""
        with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
        return self.answer(request)

    def __enter__(self) -> Self:
        self.server = Server(("127.0.0.1", self.port), self)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Server(ThreadingHTTPServer):
    """The socket and its threads; closing it also ends the connections that were kept alive."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], receiver: Receiver) -> None:
        self.receiver = receiver
        self.connections: set[socket.socket] = set()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without asking the resolver for a name, as the standard library would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End all connections, so that a client notices that nobody is there any more."""
        super().server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; tests look at what arrived."""


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def answer_any(self) -> None:
        """Read the whole body, remember the request, send the answer in one piece."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        taken = Request(method=self.command, path=self.path, headers=self.headers.items(), body=body)
        status, headers, content = self.server.receiver.take(taken)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer_any

    def log_message(self, *args: Any) -> None:
        """Say nothing on the terminal."""
