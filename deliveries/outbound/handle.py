"""One libcurl handle with one request, and what its callbacks collected of the answer.

Lives here: what is told to libcurl per request, and the caps on what a receiver may send back.
It must not know other requests, deadlines of batches or the meaning of a status.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import pycurl
from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from deliveries.errors import InvalidHeader, InvalidInput
from deliveries.outbound.dns import Place
from deliveries.outbound.guard import DialRule
from deliveries.outbound.options import ClientTls, set_client_tls, set_static_options
from deliveries.outbound.url_parts import url_parts
from deliveries.protocol.answers.answer import STORED_BODY_BYTES
from deliveries.protocol.sending.request import Head

BODY_LIMIT_BYTES = STORED_BODY_BYTES
HEADERS_LIMIT_BYTES = 64 * 1024
INFORMATIONAL_LIMIT = 100
_PIECES_LIMIT = 64

_GO_ON = int(pycurl.PREREQFUNC_OK)
_REFUSE_LINE = -1  # any number but the line's length makes libcurl end the transfer
# Names without a value: libcurl then leaves its own default for them out.
_NO_DEFAULTS = ["Accept:", "Content-Type:", "Expect:", "User-Agent:"]
_MADE_BY_LIBCURL = frozenset({"content-length", "Content-Length", "transfer-encoding", "Transfer-Encoding"})


WasClosed = Callable[[str, int], bool]
MaySend = Callable[[object], bool]  # of a request by its tag


class _HandedOver(socket.socket):
    """A socket that pycurl duplicates at once; this one closes as soon as pycurl lets go of it."""

    def __del__(self) -> None:
        if self.fileno() >= 0:  # there may have been none to open
            self.close()


class PlainHeaders(CaseInsensitiveDict[str]):
    """Headers of a request, as names and values or written already; nobody looks for one of a delivery's.

    `head` is what is sent: each with a value, none that libcurl makes; None once a header was looked for.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]] = (), *, head: Head | None = None) -> None:
        self._pairs, self.head = pairs, head

    @cached_property
    def _store(self) -> dict[str, tuple[str, str]]:
        lines, self.head = self.head.text.split("\n") if self.head else (), None
        pairs = self._pairs or [line.partition(": ")[::2] for line in lines]
        return {name.lower(): (name, value) for name, value in pairs}


class Handle:
    """A reusable handle; `prepare` makes it ready for the next request."""

    def __init__(
        self, *, rule: DialRule, ca_file: str | None, proxy: str, was_closed: WasClosed, may_send: MaySend
    ) -> None:
        self.body_room = BODY_LIMIT_BYTES
        self.curl = pycurl.Curl()
        self.tag: object = None
        self.place: Place = ("", 0)  # of the host or the proxy, if its name has to be looked up
        self.looked_up_ms: int | None = None  # how long the request waited for its name before libcurl had it
        self.reusable = True
        self.proxied = bool(proxy)
        self._rule, self._was_closed, self._may_send = rule, was_closed, may_send
        self._limits: tuple[float, float, float] | None = None
        self.url = ""  # of the last request: the next one most often goes to the same
        self.encrypted = self.escaped = False
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
        self.blocked = ""  # the last address that may not be dialled
        self.dialled = ""  # the last one that may
        self.reached = ""  # the address that the request was sent to, also over a kept connection
        self.no_socket = 0  # the errno, when this machine had no socket for the last address that may be dialled
        self.odd_line = b""  # a status line that cannot be read
        self._header_room = HEADERS_LIMIT_BYTES
        self._informational = 0
        self.was_withheld = False  # nothing of it was sent, for by then nothing may be
        self._was_sent = self._found_closed = False

    def prepare(self, request: PreparedRequest, *, tag: object) -> None:
        """Set what differs between requests; raises InvalidInput if libcurl cannot send this one."""
        self._forget()
        self.tag = tag
        try:
            self._set_request(request)
        except (pycurl.error, UnicodeError, TypeError, ValueError) as error:
            raise InvalidInput(f"the request cannot be sent: {type(error).__name__}", field="url") from error

    def use(self, tls: ClientTls) -> None:
        """Use an endpoint's own certificates; the handle serves no other request afterwards."""
        self.reusable = False
        set_client_tls(self.curl, tls)

    def limit(self, *, timeout_seconds: float, connect_seconds: float, connection_seconds: float) -> None:
        """Set the deadlines, and how old a kept connection may be; below a second only a new one is taken."""
        limits = timeout_seconds, connect_seconds, connection_seconds
        if limits == self._limits:
            return
        self.curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_seconds * 1000)))
        self.curl.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(connect_seconds * 1000)))
        self.curl.setopt(pycurl.FRESH_CONNECT, 0 if int(connection_seconds) else 1)
        self.curl.setopt(pycurl.MAXLIFETIME_CONN, int(connection_seconds))
        self._limits = limits

    def go_again(self) -> bool:
        """Make ready for a new connection, if the kept one was found closed before anything was sent over it."""
        if not self._found_closed:
            return False
        self._found_closed = False
        self._limits = None
        self.curl.setopt(pycurl.FRESH_CONNECT, 1)
        return True

    def tell_addresses(self, place: Place, addresses: tuple[str, ...]) -> None:
        """Tell libcurl where a name leads, so that it looks up none by itself."""
        written = ",".join([f"[{address}]" if ":" in address else address for address in addresses])
        self.curl.setopt(pycurl.RESOLVE, [f"+{place[0]}:{place[1]}:{written}"])

    def _set_request(self, request: PreparedRequest) -> None:
        curl, url = self.curl, request.url or ""
        if url != self.url:
            self._set_url(url)
        curl.setopt(pycurl.HTTPHEADER, header_lines(request))
        curl.setopt(pycurl.POSTFIELDS, body_bytes(request))
        if request.method != "POST":
            self.reusable = False
            self._set_other_method(request)

    def _set_url(self, url: str) -> None:
        parts, self.url = url_parts(url), ""
        self.curl.setopt(pycurl.URL, url)
        # Without this, libcurl writes %2f as %2F, and a URL is for the receiver to read.
        by_proxy = self.proxied and not parts.encrypted
        self.curl.setopt(pycurl.REQUEST_TARGET, url.partition("#")[0] if by_proxy else parts.request_target)
        self.encrypted, self.escaped, self.url = parts.encrypted, parts.escaped, url

    def _set_other_method(self, request: PreparedRequest) -> None:
        if request.method == "HEAD":
            self.curl.setopt(pycurl.NOBODY, 1)
        elif not request.body:
            self.curl.setopt(pycurl.HTTPGET, 1)
        self.curl.setopt(pycurl.CUSTOMREQUEST, request.method or "GET")

    # The callbacks. An exception in one would be printed by pycurl and lost, so they raise none.

    def _open_socket(self, _purpose: int, dialled: Any) -> socket.socket | int:
        address, port = dialled.addr[0], dialled.addr[1]
        if self.escaped or (len(dialled.addr) > 3 and dialled.addr[3]) or not self._rule.permits(address, port):
            self.blocked = endpoint_text(address, port)
            return int(pycurl.SOCKET_BAD)
        self.dialled = endpoint_text(address, port)
        try:
            opened = _HandedOver(dialled.family, dialled.socktype, dialled.protocol)
        except OSError as error:
            self.no_socket = error.errno or errno.EMFILE
            return int(pycurl.SOCKET_BAD)
        self.no_socket = 0
        return opened

    def _begin_sending(self, address: str, local_address: str, port: int, local_port: int) -> int:
        # libcurl would send again by itself what a kept connection took and did not answer. It may have been read:
        # that is for the schedule, and for the log.
        if self._was_sent:
            return int(pycurl.PREREQFUNC_ABORT)
        if not self.dialled and self._was_closed(local_address, local_port):
            self._found_closed = True
            return int(pycurl.PREREQFUNC_ABORT)
        if not self._may_send(self.tag):
            self.was_withheld = True
            return int(pycurl.PREREQFUNC_ABORT)
        self._was_sent, self.reached = True, endpoint_text(address, port)
        return _GO_ON

    def _take_header(self, line: bytes) -> int | None:
        size = len(line)
        self._header_room -= size
        if self._header_room < 0:
            self.stopped = "headers"
            return _REFUSE_LINE
        if self.final:
            return None  # a trailer: counted above, not kept
        if size < 3:
            return self._end_block()
        if line.startswith(b"HTTP/"):
            self._begin_block(line)
        else:
            self.lines.append(line)
        return None

    def _begin_block(self, line: bytes) -> None:
        self.status = status_of(line)
        self.lines = []
        if not self.status:
            self.odd_line = line

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
        room = self.body_room - self.body_bytes
        self.chunks.append(chunk[:room] if len(chunk) > room else chunk)
        self.body_bytes += len(chunk)
        if len(self.chunks) > _PIECES_LIMIT:
            self.chunks = [b"".join(self.chunks)]  # a piece costs a hundred times its byte when thousands are joined
        if len(chunk) > room:
            self.body_bytes = self.body_room
            self.stopped = "body"
            return 0
        return None


@lru_cache(maxsize=256)
def status_of(line: bytes) -> int:
    """Return the status of a status line, 0 when there is none (RFC 9112, 4)."""
    words = line.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) == 3 else 0


@lru_cache(maxsize=4096)
def endpoint_text(address: str, port: int) -> str:
    """Return address:port, with an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def header_lines(request: PreparedRequest) -> list[str]:
    """Return the request's headers as libcurl wants them; raises InvalidHeader on a line break in one."""
    headers = request.headers
    if isinstance(headers, PlainHeaders) and headers.head:
        text = _checked(*headers.head).replace("\n", "\r\n")  # libcurl looks at each item for itself, so it gets one
        return [text, *_NO_DEFAULTS]
    lines = _lines_of((headers or {}).items())
    _checked("\n".join(lines), len(lines))
    return [*lines, *_NO_DEFAULTS]


def _checked(text: str, count: int) -> str:
    if text.count("\n") >= max(count, 1) or "\r" in text or "\0" in text:
        raise InvalidHeader("a header has a line break or a NUL in it", field="headers")
    return text


def _lines_of(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name}: {value}" if value else f"{name};" for name, value in pairs if name not in _MADE_BY_LIBCURL]


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
