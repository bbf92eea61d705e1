"""Many requests at once over one CurlMulti: start some, then finish until none is in flight.

Lives here: the pool of handles, and the connections that they share. It must not know deliveries.
One thread at a time may use a Transfers; it may be handed on.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import pycurl
from requests import PreparedRequest

from deliveries.errors import InvalidInput
from deliveries.outbound.dns import Names, Place, Unresolved
from deliveries.outbound.guard import DialRule, Guard, Resolve, proxy_place
from deliveries.outbound.handle import BODY_LIMIT_BYTES, Handle, MaySend
from deliveries.outbound.inbox import Inbox
from deliveries.outbound.loop import Loop
from deliveries.outbound.options import ClientTls
from deliveries.outbound.results import answer_of, answer_unresolved
from deliveries.outbound.spare import SpareHandles
from deliveries.outbound.url_parts import url_parts
from deliveries.protocol.answers.answer import Answer
from deliveries.protocol.sending.inbox import is_inbox

CONNECT_SECONDS = 10.0
CONNECTION_SECONDS = 120
IDLE_CONNECTIONS = 512
_AWAY = frozenset({"connect_refused", "connect_timeout", "tls_error", "blocked_address", "proxy_error"})
_BLOCKED_BEHIND_PROXY = Answer(
    error="blocked_address", detail="the URL names an address that requests may not go to, also not by the proxy"
)


def always(_tag: object) -> bool:
    """Withhold nothing."""
    return True


class Transfers:
    """Requests in flight, and the connections kept open for the next ones.

    `may_send` is asked for each request when its connection is there; one that is withheld comes back as UNSENT.
    """

    def __init__(
        self,
        *,
        rule: DialRule,
        literals: Guard | None = None,
        proxy: str = "",
        ca_file: str | None = None,
        idle_connections: int = IDLE_CONNECTIONS,
        connect_seconds: float = CONNECT_SECONDS,
        connection_seconds: int = CONNECTION_SECONDS,
        resolve: Resolve | None = None,
        body_limit_bytes: int = BODY_LIMIT_BYTES,
        may_send: MaySend = always,
    ) -> None:
        self._body_limit_bytes, self._may_send = body_limit_bytes, may_send
        self._rule, self._proxy, self._ca_file = rule, proxy, ca_file
        self._proxy_place = proxy_place(proxy) if proxy else None
        self._literals = literals or Guard()
        self._connect_seconds, self._connection_seconds = connect_seconds, connection_seconds
        self._loop = Loop()
        self._names = Names(tell=self._loop.interrupt, resolve=resolve)
        self._flying: dict[pycurl.Curl, Handle] = {}
        self._spare = SpareHandles()
        self._ready: list[tuple[object, Answer]] = []
        self._inbox = Inbox()
        self._idle_connections = idle_connections

    @property
    def in_flight(self) -> int:
        """How many started requests have not been handed back by `finish`."""
        return len(self._flying) + len(self._ready) + self._names.waiting + self._inbox.waiting

    def start(
        self, request: PreparedRequest, *, tag: object, timeout_seconds: float, tls: ClientTls | None = None
    ) -> None:
        """Put a request in flight; nothing of it is sent before the next `finish`.

        A request that cannot be sent comes back from `finish` as an error, like any other end.
        """
        if is_inbox(request.url or ""):
            self._answer_here(request, tag=tag, timeout_seconds=timeout_seconds)
            return
        if self._proxy and not self._literals.permits_by_proxy(request.url or ""):
            self._ready.append((tag, _BLOCKED_BEHIND_PROXY))
            return
        place = self._place_of(request.url or "")
        if self._names.is_asking:
            self._begin_resolved()
        addresses = self._names.addresses(place) if place[0] else ()
        if place[0] and not addresses:
            self._enqueue(place, request, tag=tag, timeout_seconds=timeout_seconds, tls=tls)
        else:
            self._begin(request, place, tag=tag, timeout_seconds=timeout_seconds, addresses=addresses, tls=tls)

    def interrupt(self) -> None:
        """Make `finish` return at once, now or when it is called next; from any thread."""
        self._loop.interrupt()

    def finish(self, *, wait_seconds: float, idle_too: bool = False) -> list[tuple[object, Answer]]:
        """Return what ended, as soon as anything did, or on an interrupt; waits at most that long.

        With nothing in flight it waits only if `idle_too`.
        """
        give_up = time.monotonic() + wait_seconds
        while True:
            if self._names.is_asking:
                self._begin_resolved()
            ended, self._ready = self._ready, []
            ended += self._inbox.ended(time.monotonic())
            if self._flying or self._names.waiting:
                # libcurl counts connections in use too: without these, hanging receivers would end keep-alive for all.
                self._loop.multi.setopt(pycurl.M_MAXCONNECTS, self._idle_connections + len(self._flying))
                self._drive(0.0 if ended else give_up - time.monotonic())
                ended += self._collect()
            elif (idle_too or self._inbox.waiting) and not ended:
                self._drive(give_up - time.monotonic())
            interrupted = self._loop.was_interrupted()
            if ended or interrupted or not (self.in_flight or idle_too) or time.monotonic() >= give_up:
                return ended

    def close(self) -> None:
        """End everything in flight and close every connection."""
        for handle in [*self._flying.values(), *self._spare.take_all()]:
            handle.curl.close()
        self._flying.clear()
        self._ready.clear()
        self._inbox.close()
        self._names.close()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer_here(self, request: PreparedRequest, *, tag: object, timeout_seconds: float) -> None:
        url, now = request.url or "", time.monotonic()
        if answer := self._inbox.take(url, tag=tag, timeout_seconds=timeout_seconds, now=now):
            self._ready.append((tag, answer))

    def _place_of(self, url: str) -> Place:
        return self._proxy_place or url_parts(url).place

    def _enqueue(
        self, place: Place, request: PreparedRequest, *, tag: object, timeout_seconds: float, tls: ClientTls | None
    ) -> None:
        now = time.monotonic()
        give_up_at = now + min(timeout_seconds, self._connect_seconds)
        unresolved = Unresolved(
            request=request, tag=tag, timeout_seconds=timeout_seconds, since=now, give_up_at=give_up_at, tls=tls
        )
        self._names.enqueue(place, unresolved)

    def _begin_resolved(self) -> None:
        now = time.monotonic()
        for waiting, addresses, reason in self._names.ended():
            if reason:
                proxied = bool(self._proxy)
                answer = answer_unresolved(reason, seconds=now - waiting.since, proxied=proxied)
                self._ready.append((waiting.tag, answer))
                continue
            self._begin(
                waiting.request,
                self._place_of(waiting.request.url or ""),
                tag=waiting.tag,
                timeout_seconds=max(waiting.left_seconds(now), 0.001),
                addresses=addresses,
                looked_up_ms=int((now - waiting.since) * 1000),
                tls=waiting.tls,
            )

    def _begin(
        self,
        request: PreparedRequest,
        place: Place,
        *,
        tag: object,
        timeout_seconds: float,
        addresses: tuple[str, ...],
        looked_up_ms: int | None = None,
        tls: ClientTls | None = None,
    ) -> None:
        handle = self._spare.take(request.url or "") or self._new_handle()
        try:
            handle.prepare(request, tag=tag)
            if tls is not None:
                handle.use(tls)
            handle.limit(
                timeout_seconds=timeout_seconds,
                connect_seconds=min(timeout_seconds, self._connect_seconds),
                connection_seconds=min(self._connection_seconds, self._names.seconds_since_move(place)),
            )
        except InvalidInput as error:
            handle.curl.close()
            self._ready.append((tag, Answer(error="protocol_error", detail=error.detail)))
            return
        if addresses:
            handle.tell_addresses(place, addresses)
        handle.place, handle.looked_up_ms = place, looked_up_ms
        self._flying[handle.curl] = handle
        self._loop.multi.add_handle(handle.curl)

    def _new_handle(self) -> Handle:
        handle = Handle(
            rule=self._rule,
            ca_file=self._ca_file,
            proxy=self._proxy,
            was_closed=self._loop.was_closed,
            may_send=self._may_send,
        )
        handle.body_room = self._body_limit_bytes
        return handle

    def _drive(self, seconds: float) -> None:
        if self._names.waiting:
            seconds = min(seconds, self._names.give_up_at - time.monotonic())
        if self._inbox.waiting:
            seconds = min(seconds, self._inbox.next_at - time.monotonic())
        self._loop.drive(seconds)

    def _collect(self) -> list[tuple[object, Answer]]:
        ended: list[tuple[object, Answer]] = []
        queued = 1
        while queued:
            queued, finished, failed = self._loop.multi.info_read()
            ended += [self._end(curl, code=0, message="") for curl in finished]
            for curl, code, message in failed:
                if not self._went_again(curl):
                    ended.append(self._end(curl, code=code, message=message))
        return ended

    def _went_again(self, curl: pycurl.Curl) -> bool:
        if not self._flying[curl].go_again():
            return False
        self._loop.multi.remove_handle(curl)
        self._loop.multi.add_handle(curl)
        return True

    def _end(self, curl: pycurl.Curl, *, code: int, message: str) -> tuple[object, Answer]:
        handle = self._flying.pop(curl)
        self._loop.multi.remove_handle(curl)
        tag, handle.tag = handle.tag, None
        answer = answer_of(handle, code=code, message=message)
        if answer.error and handle.place[0]:
            self._doubt(handle, is_away=answer.error in _AWAY, code=code)
        if not (handle.reusable and self._spare.put(handle)):
            curl.close()
        return tag, answer

    def _doubt(self, handle: Handle, *, is_away: bool, code: int) -> None:
        # Of a proxy, only what keeps all from it: it also fails for each endpoint that it cannot reach.
        if not handle.proxied or code == pycurl.E_COULDNT_CONNECT:
            self._names.doubt(handle.place, is_away=is_away)
