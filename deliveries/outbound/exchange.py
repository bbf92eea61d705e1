"""One libcurl handle with one request, and what its callbacks collected of the answer.

Lives here: what is told to libcurl per request, and the caps on what a receiver may send back.
It must not know other requests, deadlines of batches or the meaning of a status.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import pycurl
from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from deliveries.errors import InvalidHeader, InvalidInput
from deliveries.outbound.guard import DialRule
from deliveries.outbound.options import TlsOptions, set_client_certificate, set_static_options

BODY_LIMIT_BYTES = 16 * 1024
HEADERS_LIMIT_BYTES = 64 * 1024
INFORMATIONAL_LIMIT = 100
_PIECES_LIMIT = 64
# A kept connection that closes without a line of an answer was most likely closed while idle. libcurl would then send
# the request again over other kept ones, up to five times: here a second sending goes over a new connection only.
SENDINGS_LIMIT = 2
_CLOSED_WHILE_IDLE = frozenset(
    {pycurl.E_ABORTED_BY_CALLBACK, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_GOT_NOTHING}
)

_REFUSE_LINE = -1  # any number but the line's length makes libcurl end the transfer
# Names without a value: libcurl then leaves its own default for them out.
_NO_DEFAULTS = ["Accept:", "Content-Type:", "Expect:", "User-Agent:"]
_MADE_BY_LIBCURL = frozenset({"content-length", "Content-Length", "transfer-encoding", "Transfer-Encoding"})


class _HandedOver(socket.socket):
    """A socket that pycurl duplicates at once; this one closes as soon as pycurl lets go of it."""

    def __del__(self) -> None:
        if self.fileno() >= 0:  # there may have been none to open
            self.close()


class PlainHeaders(CaseInsensitiveDict[str]):
    """Headers of a request, made and read at a fifth of the cost: there is one set for every delivery."""

    _store: dict[str, tuple[str, str]]

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._store.update({name.lower(): (name, value) for name, value in pairs})

    def pairs(self) -> Iterable[tuple[str, str]]:
        """Return names and values as they were given."""
        return self._store.values()


class Exchange:
    """A reusable handle; `prepare` makes it ready for the next request."""

    def __init__(self, *, rule: DialRule, ca_file: str | None, proxy: str) -> None:
        self.curl = pycurl.Curl()
        self.tag: object = None
        self.name = ""  # of the host, if it has to be looked up
        self.looked_up_ms: int | None = None  # how long the request waited for its name before libcurl had it
        self.reusable = True
        self.proxied = bool(proxy)
        self._rule = rule
        self._timeouts = (0, 0)
        self._fresh = False
        self._forget()
        set_static_options(self.curl, ca_file=ca_file, proxy=proxy)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open_socket)
        self.curl.setopt(pycurl.PREREQFUNCTION, self._begin_sending)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._take_header)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take_body)

    def _forget(self) -> None:
        self.lines: list[bytes] = []
        self.chunks: list[bytes] = []
        self.body_bytes = 0
        self.status = 0  # of the block of headers being read, or of the last one read
        self.final = False  # the last block of headers is complete and not informational
        self.stopped = ""  # which cap ended the transfer
        self.blocked = ""
        self.dialled = ""
        self.no_socket = 0  # the errno, when this machine had no socket for the last address that may be dialled
        self.unresolved = False  # its time was over while the resolver was still busy
        self.encrypted = self.escaped = False
        self._header_room = HEADERS_LIMIT_BYTES
        self._informational = 0
        self._sendings = 0

    def prepare(
        self, request: PreparedRequest, *, tag: object, timeout_ms: int, connect_ms: int, tls: TlsOptions | None
    ) -> None:
        """Set what differs between requests; raises InvalidInput if libcurl cannot send this one."""
        self._forget()
        self.tag = tag
        if self._fresh:
            self._fresh = False
            self.curl.setopt(pycurl.FRESH_CONNECT, 0)
        try:
            self._set_request(request)
        except (pycurl.error, UnicodeError, TypeError, ValueError) as error:
            raise InvalidInput(f"the request cannot be sent: {type(error).__name__}", field="url") from error
        if (timeout_ms, connect_ms) != self._timeouts:
            self.curl.setopt(pycurl.TIMEOUT_MS, timeout_ms)
            self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, connect_ms)
            self._timeouts = (timeout_ms, connect_ms)
        if tls is not None:
            self.reusable = False
            set_client_certificate(self.curl, tls)

    def go_again(self, *, code: int) -> bool:
        """Make ready for a second sending over a new connection, if only kept ones that were closed were tried."""
        untouched = not self.dialled and not self.status and self._header_room == HEADERS_LIMIT_BYTES
        left_ms = self._timeouts[0] - self.curl.getinfo(pycurl.TOTAL_TIME_T) // 1000
        if self._fresh or code not in _CLOSED_WHILE_IDLE or not untouched or left_ms <= 0:
            return False
        self._fresh, self._sendings, self._timeouts = True, 1, (0, 0)
        self.curl.setopt(pycurl.FRESH_CONNECT, 1)
        self.curl.setopt(pycurl.TIMEOUT_MS, left_ms)
        return True

    def _set_request(self, request: PreparedRequest) -> None:
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        self.encrypted = (request.url or "")[:6].lower() == "https:"
        # libcurl keeps the scope of an address from the callback that judges it, and decodes names: neither is wanted.
        self.escaped = "%" in (request.url or "") and "%" in urlsplit(request.url or "").netloc
        curl.setopt(pycurl.HTTPHEADER, header_lines(request))
        curl.setopt(pycurl.POSTFIELDS, body_bytes(request))
        if request.method != "POST":
            self.reusable = False
            self._set_other_method(request)

    def _set_other_method(self, request: PreparedRequest) -> None:
        if request.method == "HEAD":
            self.curl.setopt(pycurl.NOBODY, 1)
        elif not request.body:
            self.curl.setopt(pycurl.HTTPGET, 1)
        self.curl.setopt(pycurl.CUSTOMREQUEST, request.method or "GET")

    # The callbacks. An exception in one would be printed by pycurl and lost, so they raise none.

    def _open_socket(self, _purpose: int, target: Any) -> socket.socket | int:
        address, port = target.addr[0], target.addr[1]
        self.dialled = endpoint_text(address, port)
        if self.escaped or (len(target.addr) > 3 and target.addr[3]) or not self._rule.permits(address, port):
            self.blocked = self.dialled
            return int(pycurl.SOCKET_BAD)
        try:
            opened = _HandedOver(target.family, target.socktype, target.protocol)
        except OSError as error:
            self.no_socket = error.errno or errno.EMFILE
            return int(pycurl.SOCKET_BAD)
        self.no_socket = 0
        return opened

    def _begin_sending(self, *_addresses: object) -> int:
        self._sendings += 1
        may_send = self._sendings == 1 or (self._sendings <= SENDINGS_LIMIT and self.dialled)
        return int(pycurl.PREREQFUNC_OK if may_send else pycurl.PREREQFUNC_ABORT)

    def _take_header(self, line: bytes) -> int | None:
        self._header_room -= len(line)
        if self._header_room < 0:
            self.stopped = "headers"
            return _REFUSE_LINE
        if self.final:
            return None  # a trailer: counted above, not kept
        if len(line) < 3:
            return self._end_block()
        if line[:5] == b"HTTP/":
            self.status = status_of(line)
            self.lines = []
        else:
            self.lines.append(line)
        return None

    def _end_block(self) -> int | None:
        if not 100 <= self.status < 200:
            self.final = True
            return None
        self._informational += 1
        if self.status == 101:
            self.stopped = "upgrade"
        elif self._informational > INFORMATIONAL_LIMIT:
            self.stopped = "informational"
        return _REFUSE_LINE if self.stopped else None

    def _take_body(self, chunk: bytes) -> int | None:
        room = BODY_LIMIT_BYTES - self.body_bytes
        self.chunks.append(chunk[:room] if len(chunk) > room else chunk)
        self.body_bytes += len(chunk)
        if len(self.chunks) > _PIECES_LIMIT:
            self.chunks = [b"".join(self.chunks)]  # a piece costs a hundred times its byte when thousands are joined
        if len(chunk) > room:
            self.body_bytes = BODY_LIMIT_BYTES
            self.stopped = "body"
            return 0
        return None


@lru_cache(maxsize=256)
def status_of(line: bytes) -> int:
    """Return the status of a status line, 0 when there is none (RFC 9112, 4)."""
    words = line.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) == 3 else 0


def endpoint_text(address: str, port: int) -> str:
    """Return address:port, with an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def header_lines(request: PreparedRequest) -> list[str]:
    """Return the request's headers as libcurl wants them; raises InvalidHeader on a line break in one."""
    headers = request.headers
    pairs = headers.pairs() if isinstance(headers, PlainHeaders) else headers.items()
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in pairs if name not in _MADE_BY_LIBCURL]
    joined = "\n".join(lines)
    if joined.count("\n") >= max(len(lines), 1) or "\r" in joined or "\0" in joined:
        raise InvalidHeader("a header has a line break or a NUL in it", field="headers")
    return lines + _NO_DEFAULTS


def body_bytes(request: PreparedRequest) -> bytes:
    """Return the body as bytes; raises TypeError for streams, which could not be sent a second time."""
    body = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    raise TypeError("the body must be bytes or text")
