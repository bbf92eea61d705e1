"""A receiver of spans by OTLP over HTTP, which reads them by OpenTelemetry's own package."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPAN_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


class Collector:
    """What came: spans as dictionaries, and the bytes that they came in."""

    def __init__(self) -> None:
        self.url, self.raw = "", b""
        self.spans: list[dict[str, Any]] = []
        self.hanging = threading.Event()  # set: nobody gets an answer until the end
        self.asked = threading.Event()
        self.ending = threading.Event()

    def named(self, name: str) -> list[dict[str, Any]]:
        """The spans of a name."""
        return [span for span in list(self.spans) if span["name"] == name]

    def take(self, raw: bytes) -> None:
        """Read one request."""
        self.raw += raw
        for group in ExportTraceServiceRequest.FromString(raw).resource_spans:
            resource = values_of(group.resource.attributes)
            self.spans += [as_dict(span, resource) for scope in group.scope_spans for span in scope.spans]


def as_dict(span: Any, resource: Mapping[str, object]) -> dict[str, Any]:
    """What tests look at of a span."""
    return {
        "name": span.name,
        "kind": SPAN_KINDS[span.kind],
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "links": [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        "failed": span.status.code == 2,
        "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
        "service": resource["service.name"],
        **values_of(span.attributes),
    }


def values_of(pairs: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.asked.set()
            if collector.hanging.is_set():
                collector.ending.wait()
                return
            collector.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
