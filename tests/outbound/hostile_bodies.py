"""Hostile lengths, bodies, redirects and statuses.

Lives here: what receivers may put after a correct status line, and what must come of it.
"""

from __future__ import annotations

import gzip

from tests.hostile_server import CLOSE, HALF_CLOSE, RESET, Case, Drip, Forever
from tests.outbound.hostile_heads import END, OK, WRONG, header

_CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
_ENDLESS = OK + b"content-length: 99999999\r\n\r\n"
_BOMB = gzip.compress(b"\0" * 10_000_000)


def sized(body: bytes, *more: bytes) -> tuple[bytes]:
    """Return a script with this body and its true length."""
    lines = b"".join(line + b"\r\n" for line in more)
    return (OK + lines + b"content-length: %d\r\n\r\n" % len(body) + body,)


def answer(status: int, *lines: bytes) -> tuple[bytes]:
    """Return a script with this status and these headers."""
    return (b"HTTP/1.1 %d X\r\n" % status + b"".join(line + b"\r\n" for line in lines) + END,)


LENGTHS = [
    Case(
        "length too large, then a close",
        (OK + b"content-length: 9\r\n\r\nok", CLOSE),
        status=200,
        truncated=True,
        body=b"ok",
    ),
    Case("length too large, then a reset", (OK + b"content-length: 9\r\n\r\nok", RESET), status=200, truncated=True),
    Case(
        "length too large, then silence",
        (OK + b"content-length: 9\r\n\r\nok",),
        status=200,
        truncated=True,
        body=b"ok",
        endless=True,
    ),
    Case(
        "length too large, then a half close",
        (OK + b"content-length: 9\r\n\r\nok", HALF_CLOSE),
        status=200,
        truncated=True,
    ),
    Case("length too small", (OK + b"content-length: 2\r\n\r\nok and more",), status=200, body=b"ok"),
    Case("length 0 with a body", (OK + b"content-length: 0\r\n\r\nok",), status=200, body=b""),
    Case("negative length", (OK + b"content-length: -1\r\n\r\nok", CLOSE), error=WRONG),
    Case("length of letters", (OK + b"content-length: two\r\n\r\nok", CLOSE), error=WRONG),
    Case("length with a plus", (OK + b"content-length: +2\r\n\r\nok", CLOSE), error=WRONG),
    Case("length in hexadecimal", (OK + b"content-length: 0x2\r\n\r\nok", CLOSE), error=WRONG),
    Case("empty length", (OK + b"content-length: \r\n\r\nok", CLOSE), error=WRONG),
    Case("length beyond 64 bit", (OK + b"content-length: 99999999999999999999\r\n\r\nok", CLOSE), status=200),
    Case("two lengths alike", header(b"content-length: 2"), status=200, body=b"ok"),
    Case("two lengths that differ", header(b"content-length: 3"), error=WRONG),
    Case("list of lengths", (OK + b"content-length: 2, 2\r\n\r\nok", CLOSE), status=200),
    Case(
        "length and chunks",
        (OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",),
        status=200,
        body=b"ok",
    ),
    Case("no length, never closed", (OK + b"\r\nok",), status=200, truncated=True, body=b"ok", endless=True),
]

CHUNKS = [
    Case("chunks", (_CHUNKED + b"2\r\nok\r\n0\r\n\r\n",), status=200, body=b"ok"),
    Case("chunk size of letters", (_CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",), status=200, truncated=True),
    Case("negative chunk size", (_CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",), status=200, truncated=True),
    Case("chunk size beyond 64 bit", (_CHUNKED + b"ffffffffffffffffff\r\nok",), status=200, truncated=True),
    Case(
        "huge chunk, then silence",
        (_CHUNKED + b"7fffffffffffffff\r\nok",),
        status=200,
        truncated=True,
        body=b"ok",
        endless=True,
    ),
    Case("chunks without an end", (_CHUNKED + b"2\r\nok\r\n", CLOSE), status=200, truncated=True, body=b"ok"),
    Case("chunk without its line end", (_CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",), status=200, truncated=True),
    Case("chunk extension of 1 KB", (_CHUNKED + b"2;" + b"e" * 1024 + b"\r\nok\r\n0\r\n\r\n",), status=200, body=b"ok"),
    Case(
        "chunk extension that never ends",
        (_CHUNKED + b"2;", Forever(b"e" * 1000)),
        status=200,
        truncated=True,
        endless=True,
    ),
    Case("chunks of one byte", (_CHUNKED, Forever(b"1\r\na\r\n" * 100)), status=200, truncated=True, body=b"a" * 16384),
    Case(
        "dripped chunks",
        (_CHUNKED, Forever(b"1\r\na\r\n", every_seconds=0.05)),
        status=200,
        truncated=True,
        endless=True,
    ),
    Case(
        "a trailer",
        (_CHUNKED + b"2\r\nok\r\n0\r\nx-trailer: 1\r\n\r\n",),
        status=200,
        headers={"x-trailer": None},
        body=b"ok",
    ),
    Case("endless trailers", (_CHUNKED + b"2\r\nok\r\n0\r\n", Forever(b"x: 1\r\n" * 100)), status=200, truncated=True),
    Case(
        "dripped trailers",
        (_CHUNKED + b"2\r\nok\r\n0\r\n", Forever(b"x: 1\r\n", every_seconds=0.05)),
        status=200,
        truncated=True,
        endless=True,
    ),
    Case(
        "trailer that never ends", (_CHUNKED + b"2\r\nok\r\n0\r\nx: ", Forever(b"v" * 1000)), status=200, truncated=True
    ),
    Case("nul in a trailer", (_CHUNKED + b"2\r\nok\r\n0\r\nx: \0\r\n\r\n",), status=200, truncated=True),
    Case(
        "status line as a trailer",
        (_CHUNKED + b"2\r\nok\r\n0\r\nHTTP/1.1 500 No\r\n\r\n",),
        status=200,
        truncated=True,
        body=b"ok",
    ),
    Case("unknown transfer coding", (OK + b"transfer-encoding: foo\r\n\r\nok", CLOSE), error=WRONG),
    Case(
        "gzip as transfer coding",
        (OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CLOSE),
        error=WRONG,
    ),
    Case("chunked twice", (OK + b"transfer-encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CLOSE), status=200),
    Case("identity transfer coding", (OK + b"transfer-encoding: identity\r\n\r\nok", CLOSE), status=200, body=b"ok"),
]

BODIES = [
    Case("infinite body", (_ENDLESS, Forever(b"a" * 10_000)), status=200, truncated=True, body=b"a" * 16384),
    Case("infinite body without a length", (OK + b"\r\n", Forever(b"a" * 10_000)), status=200, truncated=True),
    Case("dripped body", (_ENDLESS, Drip(b"a" * 1000, every_seconds=0.1)), status=200, truncated=True, endless=True),
    Case("body, then a reset", (_ENDLESS + b"ok", RESET), status=200, truncated=True, body=b"ok"),
    Case("16 KB", sized(b"a" * 16384), status=200, body=b"a" * 16384),
    Case("16 KB and a byte", sized(b"a" * 16385), status=200, truncated=True, body=b"a" * 16384),
    Case(
        "gzip bomb",
        sized(_BOMB, b"content-encoding: gzip"),
        status=200,
        body=_BOMB[:16384],
        truncated=len(_BOMB) > 16384,
    ),
    Case("gzip of nonsense", sized(b"no gzip", b"content-encoding: gzip"), status=200, body=b"no gzip"),
    Case("20 content codings", sized(b"x", b"content-encoding: " + b", ".join([b"gzip"] * 20)), status=200, body=b"x"),
    Case("unknown content coding", sized(b"x", b"content-encoding: rot13"), status=200, body=b"x"),
    Case("204 with a body", (b"HTTP/1.1 204 No\r\n" + END,), status=204, body=b""),
    Case("304 with a body", (b"HTTP/1.1 304 Same\r\n" + END,), status=304, body=b""),
    Case("205 with a body", (b"HTTP/1.1 205 Reset\r\n" + END,), status=205),
    Case("html", sized(b"<script>alert(document.cookie)</script>", b"content-type: text/html"), status=200),
    Case("formula", sized(b'=cmd|"/c calc"!A1', b"content-type: text/csv"), status=200),
    Case("nul bytes", sized(b"a\0b\0"), status=200, body=b"a\0b\0"),
    Case("charset that does not exist", sized(b"\xff\xfe", b"content-type: text/plain; charset=nonsense"), status=200),
    Case("charset utf-7", sized(b"+ADw-script+AD4-", b"content-type: text/html; charset=utf-7"), status=200),
    Case("two answers at once", (OK + END + b"HTTP/1.1 500 No\r\n" + END,), status=200, body=b"ok"),
]

REDIRECTS = [
    Case(f"{status} elsewhere", answer(status, b"location: http://evil.example/"), status=status)
    for status in (300, 301, 302, 303, 305, 307, 308)
] + [
    Case("redirect to metadata", answer(302, b"location: http://169.254.169.254/latest/"), status=302),
    Case("redirect to itself", answer(301, b"location: ?"), status=301),
    Case("redirect to a file", answer(302, b"location: file:///etc/passwd"), status=302),
    Case("redirect to a script", answer(302, b"location: javascript:alert(1)"), status=302),
    Case("redirect to gopher", answer(302, b"location: gopher://127.0.0.1:6379/_FLUSHALL"), status=302),
    Case("malformed location", answer(302, b"location: http://[::1"), status=302),
    Case("location with a wrong port", answer(302, b"location: http://a:99999999/"), status=302),
    Case("location of noise", answer(302, b"location: \xff\xfe://%zz"), status=302),
    Case("empty location", answer(302, b"location:"), status=302),
    Case("many locations", answer(302, *[b"location: http://%d.example/" % n for n in range(30)]), error=WRONG),
    Case("location of 60 KB", answer(302, b"location: http://a/" + b"a" * 60_000), status=302),
    Case("refresh", answer(200, b"refresh: 0; url=http://evil.example/"), status=200),
    Case(
        "redirect with an infinite body",
        (b"HTTP/1.1 302 F\r\nlocation: /a\r\n\r\n", Forever(b"a" * 9999)),
        status=302,
        truncated=True,
    ),
]

STATUSES = (
    [
        Case(
            f"retry-after {value!r}",
            answer(503, b"retry-after: " + value),
            status=503,
            headers={"retry-after": value.decode("utf-8", "replace").strip()},
        )
        for value in (
            b"-1",
            b"9" * 400,
            b"soon",
            b"1.5",
            b"\xff",
            b"Wed, 99 Foo 2026 25:61:61 GMT",
            b"",
            b"1e3",
            b"0x10",
            b"12, 13",
        )
    ]
    + [
        Case(f"status {status}", answer(status), status=status)
        for status in (
            201,
            202,
            206,
            299,
            400,
            403,
            404,
            408,
            409,
            410,
            413,
            416,
            421,
            425,
            426,
            429,
            451,
            500,
            502,
            504,
            511,
            599,
        )
    ]
    + [
        Case(
            "says disable",
            answer(200, b"webhook-delivery: disable"),
            status=200,
            headers={"webhook-delivery": "disable"},
        ),
        Case(
            "says abort",
            answer(500, b"Webhook-Delivery: abort-message"),
            status=500,
            headers={"webhook-delivery": "abort-message"},
        ),
        Case("asks for basic", answer(401, b"www-authenticate: Basic realm=x"), status=401),
        Case("asks for digest", answer(401, b'www-authenticate: Digest realm="x", nonce="y"'), status=401),
        Case("asks for ntlm", answer(401, b"www-authenticate: NTLM", b"www-authenticate: Negotiate"), status=401),
        Case("asks for a proxy's password", answer(407, b"proxy-authenticate: Basic realm=x"), status=407),
        Case("417 without a question", answer(417), status=417),
    ]
)
