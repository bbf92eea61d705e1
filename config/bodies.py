"""Bodies of requests: read only when somebody asks for them, in time, and few at once of one caller.

What lives here: the stream that Django and the views read from, the places of those who are reading, and the time
that a body may take. A thread waits while a body comes, so bodies that drip could take all of them. Who calls is
judged before: a body for an unknown address or key is never read. It must not know what a body means.

Service keys and staff are the operator's own and need no place; customers, the portal's members and strangers have
places of their own, so that none can take all threads or keep others from theirs, and one customer, or one address, has
few of them. A stranger's form is small: those of the log-in pages are.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum, auto
from io import BytesIO
from wsgiref.types import InputStream
from wsgiref.types import WSGIEnvironment as Environ

from django.conf import settings
from django.core.exceptions import BadRequest

from config.callers import network_of
from config.stalled import READINGS, OpenBody
from deliveries.api.auth import KnownKey, known_key
from deliveries.conf import conf
from deliveries.database.sharing import give_back_borrowed
from deliveries.errors import BodyTooSlow, TooManyBodies

API = "/api/"
PIECE_BYTES = 262_144
LEAST_BYTES_A_SECOND = 65_536
WAIT_SECONDS = 0.5
PAGE_LIMIT_BYTES = 1_048_576
STRANGERS_LIMIT_BYTES = 16_384


class Places:
    """How many bodies are read at once: in all, of one caller, and how many may wait a moment for their turn."""

    def __init__(self, *, in_all: int, of_one: int) -> None:
        self.in_all, self.of_one, self.waiting_at_most = max(1, in_all), max(1, of_one), max(1, in_all // 2)
        self._taken: Counter[object] = Counter()
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def place_of(self, caller: object) -> Iterator[None]:
        """Hold a place while a body is read; raises TooManyBodies when none becomes free."""
        with self._changed:
            self._wait_for_room(caller)
            self._taken[caller] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[caller] -= 1
                if not self._taken[caller]:
                    del self._taken[caller]
                self._changed.notify_all()

    def _wait_for_room(self, caller: object) -> None:
        def has_room() -> bool:
            return self._taken[caller] < self.of_one and self._taken.total() < self.in_all

        if has_room():
            return
        if self._waiting >= self.waiting_at_most:
            raise TooManyBodies
        self._waiting += 1
        came = self._changed.wait_for(has_room, timeout=WAIT_SECONDS)
        self._waiting -= 1
        if not came:
            raise TooManyBodies


OF_CUSTOMERS = Places(in_all=conf.web_threads * 3 // 8, of_one=conf.web_threads // 8)
OF_MEMBERS = Places(in_all=conf.web_threads // 8, of_one=conf.web_threads // 16)
OF_STRANGERS = Places(in_all=conf.web_threads // 8, of_one=conf.web_threads // 16)


class Sender(Enum):
    """Who sends a form, as far as is known when it is read."""

    STRANGER = auto()
    MEMBER = auto()
    STAFF = auto()


class LazyBody:
    """A body that is read when somebody reads it: at once and whole, within the limits of its address."""

    def __init__(self, environ: Environ) -> None:
        self.sender = Sender.STRANGER
        self._environ = environ
        self._input = environ["wsgi.input"]
        self._body: BytesIO | None = None

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or all that is left."""
        return self._whole().read(size)

    def readline(self, size: int = -1) -> bytes:
        """Return a line."""
        return self._whole().readline(size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._whole())

    def _whole(self) -> BytesIO:
        if self._body is None:
            is_api = self._environ["PATH_INFO"].startswith(API)
            try:
                self._body = BytesIO(self._api_body() if is_api else self._page_body())
            except (BodyTooSlow, TooManyBodies) as error:
                if is_api:
                    raise
                raise BadRequest(str(error)) from error  # Django asks our handler400
        return self._body

    def _api_body(self) -> bytes:
        length = int(self._environ.get("CONTENT_LENGTH") or 0)
        key = known_key(self._environ.get("HTTP_AUTHORIZATION", ""))
        return read_body(self._environ, self._input, length, key)

    def _page_body(self) -> bytes:
        """Read a form; what is longer than those of its sender is cut off, and refused as a form."""
        limit = STRANGERS_LIMIT_BYTES if self.sender is Sender.STRANGER else PAGE_LIMIT_BYTES
        length = min(int(self._environ.get("CONTENT_LENGTH") or 0), limit)
        with self._place():
            return _read(self._environ, self._input, length)

    def _place(self) -> AbstractContextManager[None]:
        if self.sender is Sender.STAFF:
            return nullcontext()
        places = OF_MEMBERS if self.sender is Sender.MEMBER else OF_STRANGERS
        return places.place_of(network_of(self._environ))


def note_sender(environ: Environ, sender: Sender) -> None:
    """Say who sends a body, before it is read."""
    if isinstance(body := environ.get("wsgi.input"), LazyBody):
        body.sender = sender


def put_aside(environ: Environ) -> None:
    """Leave the body where it is until somebody reads it. One in chunks gets a length: Django takes it for empty."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        environ["CONTENT_LENGTH"] = str(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    environ["wsgi.input"] = LazyBody(environ)


def reader_of(environ: Environ) -> Callable[[int, KnownKey], bytes]:
    """Return what reads the body of a request whose caller is known."""
    stream = environ["wsgi.input"]
    return lambda length, key: read_body(environ, stream, length, key)


def read_body(environ: Environ, stream: InputStream, length: int, key: KnownKey) -> bytes:
    """Return up to so many bytes of a caller's body; raises BodyTooSlow or TooManyBodies."""
    if key.customer_id is None:
        return _read(environ, stream, length)
    with OF_CUSTOMERS.place_of(key.customer_id):
        return _read(environ, stream, length)


def _read(environ: Environ, stream: InputStream, length: int) -> bytes:
    give_back_borrowed()  # who waits for a body holds no connection to the database
    since, pieces, left = time.monotonic(), [], length
    while left > 0:
        piece = _piece(environ, stream, min(left, PIECE_BYTES), since)
        pieces.append(piece)
        left -= len(piece)
        if len(piece) < PIECE_BYTES:
            break
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _piece(environ: Environ, stream: InputStream, size: int, since: float) -> bytes:
    until = time.monotonic() + conf.body_seconds + size / LEAST_BYTES_A_SECOND
    with READINGS.noted(OpenBody(environ.get("REMOTE_ADDR") or "", int(environ["SERVER_PORT"]), since, until)):
        piece: bytes = stream.read(size)
    if len(piece) < size and time.monotonic() >= until:
        raise BodyTooSlow
    return piece
