"""A port for processes that serve no requests: `/healthz`, `/readyz` and `/metrics` of a worker or a dispatcher.

What lives here: a small HTTP server in threads of its own, in front of the same views as the web server's. It must not
know what the process does, only which of its parts have to live.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from django.http import HttpRequest, HttpResponse, JsonResponse

from deliveries.api.probes import PROBES, answer_probe
from deliveries.api.problems import plain_problem, problem
from deliveries.database.sharing import share_connections
from deliveries.errors import CannotStart
from deliveries.management.health_port import Place

Parts = Mapping[str, Callable[[], bool]]  # what has to live, by name

REQUEST_SECONDS = 5.0  # for a caller to say what it wants


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        """Bind without asking a name server for this host's name, as the library would."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS

    def address_string(self) -> str:
        """Return the caller's address, without asking a name server for its name."""
        return str(self.client_address[0])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: somebody asks every few seconds."""


@contextmanager
def answering(at: Place, parts: Parts) -> Iterator[None]:
    """Answer at this place while the block lasts. Raises CannotStart when the place is taken."""
    server = _listening(at)
    server.set_app(lambda environ, start: answer(environ, start, parts))
    threading.Thread(target=server.serve_forever, name="health-port", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def answer(environ: WSGIEnvironment, start_response: StartResponse, parts: Parts) -> Iterable[bytes]:
    """Answer one request, as a WSGI application does."""
    share_connections()
    views = {**PROBES, "/healthz": lambda request: alive(parts)}
    reply = answer_probe(environ, views.get(environ["PATH_INFO"], elsewhere))
    start_response(f"{reply.status_code} {reply.reason_phrase}", list(reply.items()))
    return [reply.content]


def elsewhere(request: HttpRequest) -> HttpResponse:
    """Answer any other address."""
    return plain_problem(problem(404, "only /healthz, /readyz and /metrics are answered here"))


def alive(parts: Parts) -> HttpResponse:
    """Say whether all parts live; one that ended does not come back, so the process is to be started again."""
    ended = {name: "ended" for name, lives in parts.items() if not lives()}
    return JsonResponse({"status": "failed" if ended else "ok", **ended}, status=503 if ended else 200)


def _listening(at: Place) -> _Server:
    host, port = at
    try:
        return (_Server6 if ":" in host else _Server)((host, port), _Handler)
    except OSError as error:
        raise CannotStart(f"HOOKPOST_HEALTH_ADDRESS: cannot listen on {host}:{port} ({error.strerror})") from error
