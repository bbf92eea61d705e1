"""Many requests at once over one CurlMulti: start some, then finish until none is in flight.

Lives here: the pool of handles, the connections they share, and the loop that drives them.
It must not know deliveries. One thread at a time may use a Transfers; it may be handed on.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from types import TracebackType
from typing import Self

import pycurl
from requests import PreparedRequest

from deliveries.errors import InvalidInput
from deliveries.outbound.ends import answer_of, answer_unresolved
from deliveries.outbound.exchange import Exchange
from deliveries.outbound.guard import DialRule, Guard, Resolve
from deliveries.outbound.names import Held, Names, name_in
from deliveries.outbound.options import TlsOptions
from deliveries.protocol.answer import Answer

CONNECT_SECONDS = 10.0
IDLE_CONNECTIONS = 512
_POOLED_HANDLES = 512
_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}
_ASLEEP = 0
_ACTIONS = {select.EPOLLIN: pycurl.CSELECT_IN, select.EPOLLOUT: pycurl.CSELECT_OUT}
_BLOCKED_BEHIND_PROXY = Answer(
    error="blocked_address", detail="the URL names an address that requests may not go to, also not by the proxy"
)


class Transfers:
    """Requests in flight, and the connections kept open for the next ones."""

    def __init__(
        self,
        *,
        rule: DialRule,
        literals: Guard | None = None,
        proxy: str = "",
        ca_file: str | None = None,
        idle_connections: int = IDLE_CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        resolve: Resolve | None = None,
    ) -> None:
        self._rule, self._proxy, self._ca_file = rule, proxy, ca_file
        self._literals = literals or Guard()
        self._connect_seconds = connect_seconds
        self._names = Names(tell=self.interrupt, resolve=resolve)
        self._flying: dict[pycurl.Curl, Exchange] = {}
        self._spare: list[Exchange] = []
        self._ready: list[tuple[object, Answer]] = []
        self._idle_connections = idle_connections
        self._interrupt = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._interrupted = self._closed = False
        self._closing = threading.Lock()
        self._open_multi()

    def _open_multi(self) -> None:
        self._wake_at: float | None = None
        self._resolver_hangs = self._resolved = False
        self._epoll = select.epoll()
        self._epoll.register(self._interrupt, select.EPOLLIN)
        self._watched: dict[int, int] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def _close_multi(self) -> None:
        # Closing waits for resolver threads, which nothing can stop: seconds, when a name server is silent. One may
        # still ask for IPv6 addresses although the request ended long ago.
        if self._resolver_hangs or self._resolved:
            self._multi.setopt(pycurl.M_SOCKETFUNCTION, _ignore)
            self._multi.setopt(pycurl.M_TIMERFUNCTION, _ignore)
            threading.Thread(target=self._multi.close, name="close after a hanging resolver", daemon=True).start()
        else:
            self._multi.close()
        self._epoll.close()

    @property
    def in_flight(self) -> int:
        """How many started requests have not been handed back by `finish`."""
        return len(self._flying) + len(self._ready) + self._names.waiting

    def start(
        self, request: PreparedRequest, *, tag: object, timeout_seconds: float, tls: TlsOptions | None = None
    ) -> None:
        """Put a request in flight; nothing of it is sent before the next `finish`.

        A request that cannot be sent comes back from `finish` as an error, like any other end.
        """
        if self._proxy and not self._literals.permits_by_proxy(request.url or ""):
            self._ready.append((tag, _BLOCKED_BEHIND_PROXY))
            return
        name = "" if self._proxy else name_in(request.url or "")
        if name and not self._names.knows(name):
            self._hold(name, request, tag=tag, timeout_seconds=timeout_seconds, tls=tls)
        else:
            self._begin(request, tag=tag, timeout_seconds=timeout_seconds, tls=tls, name=name)

    def _hold(
        self, name: str, request: PreparedRequest, *, tag: object, timeout_seconds: float, tls: TlsOptions | None
    ) -> None:
        now = time.monotonic()
        give_up_at = now + min(timeout_seconds, self._connect_seconds)
        self._names.hold(
            name,
            Held(request=request, tag=tag, timeout_seconds=timeout_seconds, tls=tls, since=now, give_up_at=give_up_at),
        )

    def _begin(
        self,
        request: PreparedRequest,
        *,
        tag: object,
        timeout_seconds: float,
        tls: TlsOptions | None,
        name: str,
        looked_up_ms: int | None = None,
    ) -> None:
        if self._resolver_hangs and not self._flying:
            # libcurl resolves with at most 20 threads a multi; the next requests get a multi with free ones.
            self._close_multi()
            self._open_multi()
        exchange = self._spare.pop() if self._spare else self._new_exchange()
        connect_seconds = min(timeout_seconds, self._connect_seconds)
        try:
            exchange.prepare(
                request,
                tag=tag,
                timeout_ms=max(1, int(timeout_seconds * 1000)),
                connect_ms=max(1, int(connect_seconds * 1000)),
                tls=tls,
            )
        except InvalidInput as error:
            exchange.curl.close()
            self._ready.append((tag, Answer(error="protocol_error", detail=error.detail)))
            return
        exchange.name, exchange.looked_up_ms = name, looked_up_ms
        self._resolved = self._resolved or bool(name)
        self._flying[exchange.curl] = exchange
        self._multi.add_handle(exchange.curl)

    def interrupt(self) -> None:
        """Make `finish` return at once, now or when it is called next; from any thread."""
        with self._closing:
            if not self._closed:
                os.eventfd_write(self._interrupt, 1)

    def finish(self, *, wait_seconds: float, idle_too: bool = False) -> list[tuple[object, Answer]]:
        """Return what ended, as soon as anything did, or on an interrupt; waits at most that long.

        With nothing in flight it waits only if `idle_too`.
        """
        give_up = time.monotonic() + wait_seconds
        while True:
            if self._names.waiting:
                self._let_through()
            ended, self._ready = self._ready, []
            if self._flying or self._names.waiting:
                # libcurl counts connections in use too: without these, hanging receivers would end keep-alive for all.
                self._multi.setopt(pycurl.M_MAXCONNECTS, self._idle_connections + len(self._flying))
                self._drive(0.0 if ended else give_up - time.monotonic())
                ended += self._collect()
            elif idle_too and not ended:
                self._drive(give_up - time.monotonic())
            interrupted, self._interrupted = self._interrupted, False
            if ended or interrupted or not (self.in_flight or idle_too) or time.monotonic() >= give_up:
                return ended

    def _let_through(self) -> None:
        now = time.monotonic()
        for held, error in self._names.ended():
            if error:
                self._ready.append((held.tag, answer_unresolved(error, seconds=now - held.since)))
            else:
                left = max(held.left_seconds(now), 0.001)
                self._begin(
                    held.request,
                    tag=held.tag,
                    timeout_seconds=left,
                    tls=held.tls,
                    name=name_in(held.request.url or ""),
                    looked_up_ms=int((now - held.since) * 1000),
                )

    def close(self) -> None:
        """End everything in flight and close every connection."""
        for exchange in self._flying.values():
            self._resolver_hangs |= not exchange.dialled
            exchange.curl.close()
        for exchange in self._spare:
            exchange.curl.close()
        self._flying.clear()
        self._spare.clear()
        self._ready.clear()
        self._names.close()
        self._close_multi()
        with self._closing:
            if not self._closed:
                self._closed = True
                os.close(self._interrupt)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_exchange(self) -> Exchange:
        return Exchange(rule=self._rule, ca_file=self._ca_file, proxy=self._proxy)

    def _drive(self, seconds: float) -> None:
        if self._names.waiting:
            seconds = min(seconds, self._names.give_up_at - time.monotonic())
        if self._wake_at is not None:
            seconds = min(seconds, self._wake_at - time.monotonic())
        for descriptor, events in self._epoll.poll(max(seconds, 0.0)):
            if descriptor == self._interrupt:
                os.eventfd_read(self._interrupt)
                self._interrupted = True
            elif self._watched[descriptor] == _ASLEEP:
                self._put_away(descriptor)
            else:
                self._multi.socket_action(descriptor, _ACTIONS.get(events) or _action_of(events))
        if self._wake_at is not None and time.monotonic() >= self._wake_at:
            self._wake_at = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def _collect(self) -> list[tuple[object, Answer]]:
        ended: list[tuple[object, Answer]] = []
        queued = 1
        while queued:
            queued, finished, failed = self._multi.info_read()
            ended += [self._end(curl, code=0, message="") for curl in finished]
            for curl, code, message in failed:
                if not self._went_again(curl, code=code):
                    ended.append(self._end(curl, code=code, message=message))
        return ended

    def _went_again(self, curl: pycurl.Curl, *, code: int) -> bool:
        if not self._flying[curl].go_again(code=code):
            return False
        self._multi.remove_handle(curl)
        self._multi.add_handle(curl)
        return True

    def _end(self, curl: pycurl.Curl, *, code: int, message: str) -> tuple[object, Answer]:
        exchange = self._flying.pop(curl)
        self._multi.remove_handle(curl)
        tag, exchange.tag = exchange.tag, None
        answer = answer_of(exchange, code=code, message=message)
        self._resolver_hangs |= exchange.unresolved
        if exchange.name and exchange.status and not exchange.dialled:
            self._names.note_kept(exchange.name)
        if exchange.reusable and len(self._spare) < _POOLED_HANDLES:
            self._spare.append(exchange)
        else:
            curl.close()
        return tag, answer

    # libcurl's callbacks: which sockets to watch, when to wake it.

    def _watch(self, action: int, descriptor: int, _multi: object, _data: object) -> None:
        # A socket that libcurl lets go of stays registered, asleep: the next request on a kept connection
        # then costs one system call, not two. A closed one has left epoll by itself.
        events = self._watched[descriptor] = _EVENTS.get(action, _ASLEEP)
        if events == _ASLEEP:
            return
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)

    def _put_away(self, descriptor: int) -> None:
        del self._watched[descriptor]
        with contextlib.suppress(OSError):
            self._epoll.unregister(descriptor)

    def _set_timer(self, timeout_ms: int) -> None:
        self._wake_at = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000


def _ignore(*_told: object) -> None:
    """Do nothing for a multi that is being closed by another thread."""


def _action_of(events: int) -> int:
    action = 0
    if events & select.EPOLLIN:
        action |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        action |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        action |= pycurl.CSELECT_ERR
    return action
