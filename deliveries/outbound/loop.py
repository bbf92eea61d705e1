"""The loop that drives one CurlMulti: which sockets are watched, when libcurl wants to be woken, interrupts.

Lives here: epoll and libcurl's socket interface. It must not know requests.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections import deque

import pycurl

_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}
_ASLEEP = 0
_REMEMBERED = 4096
_ACTIONS = {select.EPOLLIN: pycurl.CSELECT_IN, select.EPOLLOUT: pycurl.CSELECT_OUT}


class Loop:
    """One CurlMulti and the sockets that it wants watched."""

    def __init__(self) -> None:
        self._interrupt = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._interrupted = self._closed = False
        self._closing = threading.Lock()
        self._wake_at: float | None = None
        self._timer: deque[int] = deque(maxlen=1)  # what libcurl wished last, in milliseconds; negative: nothing
        self._epoll = select.epoll()
        self._epoll.register(self._interrupt, select.EPOLLIN)
        self._watched: dict[int, int] = {}
        self._gone: set[tuple[str, int]] = set()  # local addresses of connections that receivers closed while idle
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        # Several wishes for each request, of which one is heeded: a function of ours would cost more than all of them.
        self.multi.setopt(pycurl.M_TIMERFUNCTION, self._timer.append)

    def interrupt(self) -> None:
        """Make `drive` return at once, now or when it is called next; from any thread."""
        with self._closing:
            if not self._closed:
                os.eventfd_write(self._interrupt, 1)

    def was_interrupted(self) -> bool:
        """Tell whether there was an interrupt since the last question."""
        interrupted, self._interrupted = self._interrupted, False
        return interrupted

    def drive(self, seconds: float) -> None:
        """Wait at most that long for something to happen, and let libcurl act on it."""
        if self._timer:
            self._set_timer()
        if self._wake_at is not None:
            seconds = min(seconds, self._wake_at - time.monotonic())
        for descriptor, events in self._epoll.poll(max(seconds, 0.0)):
            if descriptor == self._interrupt:
                os.eventfd_read(self._interrupt)
                self._interrupted = True
            elif self._watched[descriptor] == _ASLEEP:
                self._put_away(descriptor)
            else:
                self.multi.socket_action(descriptor, _ACTIONS.get(events) or _action_of(events))
        if self._timer:
            self._set_timer()
        if self._wake_at is not None and time.monotonic() >= self._wake_at:
            self._wake_at = None
            self.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

    def was_closed(self, local_address: str, local_port: int) -> bool:
        """Tell, once, whether a kept connection was closed by the receiver while nobody used it."""
        if (local_address, local_port) not in self._gone:
            return False
        self._gone.discard((local_address, local_port))
        return True

    def close(self) -> None:
        """Close every connection; the handles of requests in flight are closed already."""
        self.multi.close()
        with self._closing:
            if not self._closed:
                self._closed = True
                self._epoll.close()
                os.close(self._interrupt)

    # libcurl's callbacks: which sockets to watch, when to wake it.

    def _watch(self, action: int, descriptor: int, _multi: object, _data: object) -> None:
        # A socket that libcurl lets go of stays registered, asleep: the next request on a kept connection
        # then costs one system call, not two. A closed one has left epoll by itself.
        before = self._watched.get(descriptor, _ASLEEP)
        events = self._watched[descriptor] = _EVENTS.get(action, _ASLEEP)
        if events == _ASLEEP:
            if before & select.EPOLLOUT:
                self._only_hear(descriptor)
            return
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)

    def _only_hear(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            self._epoll.modify(descriptor, select.EPOLLIN)

    def _put_away(self, descriptor: int) -> None:
        # What comes over an idle connection is its end, or bytes that nobody asked for. libcurl looks for that once a
        # second at most, and would send the next request over it.
        del self._watched[descriptor]
        with contextlib.suppress(OSError):
            self._epoll.unregister(descriptor)
            self._note_gone(descriptor)

    def _note_gone(self, descriptor: int) -> None:
        borrowed = socket.socket(fileno=descriptor)
        try:
            name = borrowed.getsockname()
        finally:
            borrowed.detach()
        if len(self._gone) >= _REMEMBERED:
            self._gone.clear()
        self._gone.add((name[0], name[1]))

    def _set_timer(self) -> None:
        timeout_ms = self._timer.pop()
        self._wake_at = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000


def _action_of(events: int) -> int:
    action = 0
    if events & select.EPOLLIN:
        action |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        action |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        action |= pycurl.CSELECT_ERR
    return action
