"""Hostile sockets and hostile TLS, and the list of all cases.

Lives here: what receivers may do below HTTP, and what must come of it.
"""

from __future__ import annotations

from tests.hostile_server import CLOSE, CUT, HALF_CLOSE, RESET, Case, Drip, Forever
from tests.outbound.hostile_bodies import BODIES, CHUNKS, LENGTHS, REDIRECTS, STATUSES
from tests.outbound.hostile_heads import END, HEADERS, INTERIM, LATE, OK, STATUS_LINES, WRONG

_LARGE = 8_000_000
TLS = "tls_error"

SOCKETS = [
    Case("closes at once", (CLOSE,), error=WRONG, at_accept=True),
    Case("resets at once", (RESET,), error=WRONG, or_error="connect_refused", at_accept=True),
    Case("half-closes at once", (HALF_CLOSE,), error=WRONG, at_accept=True),
    Case("never answers", (), error=LATE, endless=True),
    Case("never reads", (), error=LATE, at_accept=True, reads=False, request_bytes=_LARGE, endless=True),
    Case("reads, then closes", (CLOSE,), error=WRONG),
    Case("reads, then resets", (RESET,), error=WRONG),
    Case("reads, then half-closes", (HALF_CLOSE,), error=WRONG),
    Case("resets within the status line", (b"HTTP/1.1 2", RESET), error=WRONG),
    Case("resets after the headers", (OK + b"content-length: 9\r\n\r\n", RESET), status=200, truncated=True),
    Case("greets before the request", (b"220 hello\r\n",), error=WRONG, at_accept=True),
    Case(
        "refuses before reading",
        (b"HTTP/1.1 413 Large\r\n" + END,),
        status=413,
        at_accept=True,
        reads=False,
        request_bytes=_LARGE,
    ),
    Case(
        "resets while the body is sent",
        (RESET,),
        error=WRONG,
        or_error="connect_refused",
        at_accept=True,
        reads=False,
        request_bytes=_LARGE,
    ),
    Case(
        "accepts early, never reads",
        (OK + END,),
        status=200,
        truncated=True,
        at_accept=True,
        reads=False,
        request_bytes=_LARGE,
        endless=True,
    ),
    Case("answers before the request", (OK + END,), status=200, at_accept=True),
    Case("says close and stays", (OK + b"connection: close\r\n" + END,), status=200, body=b"ok"),
]

ENCRYPTED = [
    Case("good tls", (OK + END,), tls="good", status=200, body=b"ok"),
    Case("tls 1.2", (OK + END,), tls="tls 1.2", status=200),
    Case("good tls by name", (OK + END,), tls="good", host="localhost", status=200),
    Case("unknown authority", (OK + END,), tls="unknown authority", error=TLS),
    Case("expired", (OK + END,), tls="expired", error=TLS),
    Case("not yet valid", (OK + END,), tls="not yet valid", error=TLS),
    Case("wrong host", (OK + END,), tls="wrong host", error=TLS),
    Case("wildcard of another", (OK + END,), tls="wildcard of another", error=TLS),
    Case("tls 1.0", (OK + END,), tls="tls 1.0", error=TLS),
    Case("tls 1.1", (OK + END,), tls="tls 1.1", error=TLS),
    Case("anonymous cipher", (OK + END,), tls="anonymous cipher", error=TLS),
    Case("wants a client certificate", (OK + END,), tls="client certificate", error=TLS, or_error=WRONG),
    Case("wants a client certificate in tls 1.2", (OK + END,), tls="client certificate 1.2", error=TLS),
    Case("only h2", (b"\0\0\0\x04\0\0\0\0\0", CLOSE), tls="only h2", error=WRONG),
    Case("http on the tls port", (b"HTTP/1.1 400 Plain\r\n" + END,), at_accept=True, scheme="https", error=TLS),
    Case("tls on the http port", (OK + END,), tls="good", scheme="http", error=WRONG),
    Case("noise for a handshake", (b"\x16\x03\x01" + bytes(range(256)),), at_accept=True, scheme="https", error=TLS),
    Case("alert for a handshake", (b"\x15\x03\x01\0\x02\x02\x28",), at_accept=True, scheme="https", error=TLS),
    Case("closes the handshake", (CLOSE,), at_accept=True, scheme="https", error=TLS),
    Case("resets the handshake", (RESET,), at_accept=True, scheme="https", error=TLS, or_error="connect_refused"),
    Case("silent handshake", (), at_accept=True, scheme="https", error="connect_timeout", endless=True),
    Case(
        "dripped handshake",
        (Drip(b"\x16\x03\x03\x40\0\x02" + b"a" * 9999),),
        at_accept=True,
        scheme="https",
        error="connect_timeout",
        endless=True,
    ),
    Case("tls body cut", (OK + b"\r\nok", CUT), tls="good", status=200, truncated=True, body=b"ok"),
    Case("tls head cut", (OK + b"x: 1\r\n", CUT), tls="good", error=WRONG),
    Case("tls headers without an end", (OK + b"x: 1\r\n", CLOSE), tls="good", error=WRONG),
    Case("tls silence", (), tls="good", error=LATE, endless=True),
    Case("tls infinite body", (OK + b"\r\n", Forever(b"a" * 9999)), tls="good", status=200, truncated=True),
]

CASES = [
    *STATUS_LINES,
    *HEADERS,
    *INTERIM,
    *LENGTHS,
    *CHUNKS,
    *BODIES,
    *REDIRECTS,
    *STATUSES,
    *SOCKETS,
    *ENCRYPTED,
]
