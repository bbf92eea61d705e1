"""Hostile status lines, headers and interim answers.

Lives here: what receivers may put before the body, and what must come of it.
"""

from __future__ import annotations

from tests.hostile_server import CLOSE, HALF_CLOSE, RESET, Case, Drip, Forever

OK = b"HTTP/1.1 200 OK\r\n"
END = b"content-length: 2\r\n\r\nok"
WRONG = "protocol_error"
LATE = "deadline_exceeded"


def status_line(line: bytes) -> tuple[bytes]:
    """Return a script with this status line and an ordinary rest."""
    return (line + b"\r\n" + END,)


def header(line: bytes) -> tuple[bytes]:
    """Return a script with this header line in an otherwise ordinary answer."""
    return (OK + line + b"\r\n" + END,)


STATUS_LINES = [
    Case("an ordinary answer", status_line(b"HTTP/1.1 200 OK"), status=200, body=b"ok"),
    Case("no reason", status_line(b"HTTP/1.1 200"), status=200),
    Case("no reason but a space", status_line(b"HTTP/1.1 200 "), status=200),
    Case("http 1.0", (b"HTTP/1.0 200 OK\r\n\r\nok", CLOSE), status=200, body=b"ok"),
    Case("http 0.9 text", (b"hello", CLOSE), error=WRONG),
    Case("http 0.9 html", (b"<html><body>" + b"hi" * 5000, CLOSE), error=WRONG),
    Case("http 0.9 that never ends", (Forever(b"a" * 1000),), error=WRONG),
    Case(
        "h2 settings frame",
        (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\xa0\0\0\0\x02\0\0\0\0", CLOSE),
        error=WRONG,
    ),
    Case("h2 status line", status_line(b"HTTP/2 200"), status=200),
    Case("h3 status line", status_line(b"HTTP/3 200"), status=200),
    Case("version 1.2", status_line(b"HTTP/1.2 200 OK"), error=WRONG),
    Case("version 9.9", status_line(b"HTTP/9.9 200 OK"), error=WRONG),
    Case("status 999", status_line(b"HTTP/1.1 999 Denied"), status=999),
    Case("status 600", status_line(b"HTTP/1.1 600 Custom"), status=600),
    Case("status 000", status_line(b"HTTP/1.1 000 None"), error=WRONG),
    Case("status 099", status_line(b"HTTP/1.1 099 Low"), error=WRONG),
    Case("status of two digits", status_line(b"HTTP/1.1 20 OK"), error=WRONG),
    Case("status of four digits", status_line(b"HTTP/1.1 2000 OK"), error=WRONG, detail="HTTP/1.1 2000 OK"),
    Case("status of 1000", status_line(b"HTTP/1.1 1000 X"), error=WRONG, detail="cannot be read: HTTP/1.1 1000 X"),
    Case("status of four digits alone", status_line(b"HTTP/1.1 2000"), error=WRONG, detail="HTTP/1.1 2000"),
    Case("negative status", status_line(b"HTTP/1.1 -200 OK"), error=WRONG),
    Case("status of letters", status_line(b"HTTP/1.1 abc OK"), error=WRONG),
    Case("no status", status_line(b"HTTP/1.1"), error=WRONG),
    Case("two spaces before the status", status_line(b"HTTP/1.1  200 OK"), error=WRONG),
    Case("tab before the status", status_line(b"HTTP/1.1\t200 OK"), status=200),
    Case("no space before the status", status_line(b"HTTP/1.1200 OK"), error=WRONG),
    Case("lower case http", status_line(b"http/1.1 200 OK"), error=WRONG),
    Case("empty line first", (b"\r\n" + OK + END,), error=WRONG),
    Case("nothing but empty lines", (b"\r\n\r\n", CLOSE), error=WRONG),
    Case("status line without an end", (b"HTTP/1.1 200 OK", CLOSE), error=WRONG),
    Case("status line that never ends", (b"HTTP/1.1 200 ", Forever(b"a" * 1000)), error=WRONG),
    Case("nul in the status line", status_line(b"HTTP/1.1 200 O\0K"), error=WRONG),
    Case("bytes that are no text in the reason", status_line(b"HTTP/1.1 200 \xff\xfe\xed\xa0\x80"), status=200),
    Case("bare line feeds", (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",), status=200, body=b"ok"),
    Case("bare carriage returns", (b"HTTP/1.1 200 OK\rcontent-length: 2\r\rok", CLOSE), error=WRONG),
    Case("icecast", status_line(b"ICY 200 OK"), error=WRONG),
    Case("rtsp", status_line(b"RTSP/1.0 200 OK"), error=WRONG),
    Case("ssh banner", (b"SSH-2.0-OpenSSH_9.2\r\n", CLOSE), error=WRONG),
    Case("smtp banner", (b"220 mail.example ESMTP\r\n", CLOSE), error=WRONG),
    Case("noise", (bytes(range(256)) * 4, CLOSE), error=WRONG),
    Case("our own request echoed", (b"POST / HTTP/1.1\r\nhost: a\r\n\r\n", CLOSE), error=WRONG),
    Case("dripped status line", (Drip(OK + END, every_seconds=1),), error=LATE, endless=True),
    Case("dripped in time", (Drip(OK + END, every_seconds=0.003),), status=200, body=b"ok"),
]

HEADERS = [
    Case("nul in a name", header(b"x\0y: 1"), error=WRONG),
    Case("nul in a value", header(b"x: 1\x002"), error=WRONG),
    Case("no colon", header(b"just words"), error=WRONG),
    Case("space before the colon", header(b"x : 1"), status=200, headers={"x": "1"}),
    Case("no name", header(b": 1"), status=200),
    Case("no value", header(b"x:"), status=200, headers={"x": ""}),
    Case("folded line", header(b"x: 1\r\n  2"), status=200),
    Case("folded first line", (OK + b" folded: 1\r\n" + END,), status=200),
    Case("60 headers", (OK + b"".join(b"h%d: v\r\n" % n for n in range(60)) + END,), status=200),
    Case("2000 headers", (OK + b"h: v\r\n" * 2000 + END,), status=200),
    Case("10000 headers", (OK + b"header: value\r\n" * 10000 + END,), error=WRONG),
    Case("endless headers", (OK, Forever(b"header: value\r\n" * 50)), error=WRONG),
    Case("header of 2 KB", header(b"x: " + b"v" * 2048), status=200, headers={"x": "v" * 1024}),
    Case("name of 2 KB", header(b"n" * 2048 + b": 1"), status=200),
    Case("header of 60 KB", header(b"x: " + b"v" * 60_000), status=200),
    Case("header of 200 KB", header(b"x: " + b"v" * 200_000), error=WRONG),
    Case("header that never ends", (OK + b"x: ", Forever(b"v" * 1000)), error=WRONG),
    Case("dripped header", (OK, Drip(b"x: " + b"v" * 1000, every_seconds=0.1)), error=LATE, endless=True),
    Case("dripped headers", (OK, Forever(b"x: v\r\n", every_seconds=0.05)), error=LATE, endless=True),
    Case("headers without an end", (OK + b"x: 1\r\n", CLOSE), error=WRONG),
    Case("headers, then a half close", (OK + b"x: 1\r\n", HALF_CLOSE), error=WRONG),
    Case("headers, then a reset", (OK + b"x: 1\r\n", RESET), error=WRONG),
    Case("headers, then silence", (OK + b"x: 1\r\n",), error=LATE, endless=True),
    Case("latin-1 value", header(b"x: caf\xe9"), status=200, headers={"x": "caf�"}),
    Case("utf-8 value", header("x: zażółć 🦊".encode()), status=200, headers={"x": "zażółć 🦊"}),
    Case("surrogates", header(b"x: \xed\xa0\x80\xed\xb0\x80"), status=200),
    Case("terminal escapes", header(b"x: \x1b[2J\x1b]0;owned\x07"), status=200, headers={"x": "[2J]0;owned"}),
    Case("bidi overrides", header("x: \u202egnp.exe".encode()), status=200, headers={"x": "gnp.exe"}),
    Case("script in a header", header(b"server: <script>alert(1)</script>"), status=200),
    Case("formula in a header", header(b'x: =HYPERLINK("http://evil.example")'), status=200),
    Case("the same header twice", header(b"x: 1\r\nx: 2"), status=200, headers={"x": "1"}),
    Case("cookies", header(b"set-cookie: a=1; domain=.example; path=/"), status=200),
    Case("alternative service", header(b'alt-svc: h3=":443"; ma=3600'), status=200),
    Case("strict transport", header(b"strict-transport-security: max-age=3600"), status=200),
    Case("keep-alive nonsense", header(b"keep-alive: timeout=-1, max=99999999999999999999"), status=200),
    Case("connection upgrade", header(b"connection: upgrade\r\nupgrade: h2c"), status=200),
    Case("carriage return in a value", header(b"x: 1\r2"), error=WRONG),
]

INTERIM = [
    Case("100 first", (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + END,), status=200, body=b"ok"),
    Case("102 and 103 first", (b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nlink: </a>\r\n\r\n" + OK + END,), status=200),
    Case("50 early hints", (b"HTTP/1.1 103 E\r\nlink: </a>\r\n\r\n" * 50 + OK + END,), status=200),
    Case("101 early hints", (b"HTTP/1.1 103 E\r\n\r\n" * 101 + OK + END,), error=WRONG),
    Case("flood of 100", (Forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 10),), error=WRONG),
    Case("flood of 102", (Forever(b"HTTP/1.1 102 Processing\r\nx: 1\r\n\r\n" * 10),), error=WRONG),
    Case("dripped 100s", (Forever(b"HTTP/1.1 100 Continue\r\n\r\n", every_seconds=0.5),), error=LATE, endless=True),
    Case("100, then silence", (b"HTTP/1.1 100 Continue\r\n\r\n",), error=LATE, endless=True),
    Case("100, then a close", (b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE), error=WRONG),
    Case("100 with a body", (b"HTTP/1.1 100 Continue\r\ncontent-length: 2\r\n\r\nok", CLOSE), error=WRONG),
    Case(
        "101 upgrade",
        (b"HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x02hi", CLOSE),
        error=WRONG,
    ),
    Case("101, then silence", (b"HTTP/1.1 101 S\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",), error=WRONG),
    Case("199 as the end", (b"HTTP/1.1 199 Last\r\n\r\n", CLOSE), error=WRONG),
    Case("huge early hints", (b"HTTP/1.1 103 E\r\nlink: " + b"a" * 90_000 + b"\r\n\r\n" + OK + END,), error=WRONG),
]
