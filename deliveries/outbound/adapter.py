"""The engine as a requests transport adapter: `send` for one request, `send_many` for a batch.

Lives here: Answers as requests' Responses and exceptions. It must not know how a transfer is driven.
"""

from __future__ import annotations

import datetime
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from deliveries.errors import BlockedAddress
from deliveries.outbound.transfers import Transfers
from deliveries.protocol.answer import Answer

TIMEOUT_SECONDS = 15.0


class AnsweredResponse(requests.Response):
    """A Response with the Answer that it was made of: the capped body, the address, what was cut."""

    answer: Answer
    _content_consumed: bool


class BlockedConnection(BlockedAddress, requests.exceptions.ConnectionError):
    """The address dialled is not allowed; requests' callers see it as a ConnectionError."""


_EXCEPTIONS: dict[str, type[requests.RequestException]] = {
    "dns_error": requests.exceptions.ConnectionError,
    "blocked_address": BlockedConnection,
    "connect_refused": requests.exceptions.ConnectionError,
    "connect_timeout": requests.exceptions.ConnectTimeout,
    "tls_error": requests.exceptions.SSLError,
    "deadline_exceeded": requests.exceptions.ReadTimeout,
    "protocol_error": requests.exceptions.ConnectionError,
    "proxy_error": requests.exceptions.ProxyError,
    "no_socket": requests.exceptions.ConnectionError,
}

Outcome = requests.Response | requests.RequestException


class CurlAdapter(BaseAdapter):
    """Sends over Transfers; may be used from several threads, each use borrows a Transfers of its own."""

    def __init__(self, open_transfers: Callable[[], Transfers]) -> None:
        super().__init__()
        self._open_transfers = open_transfers
        self._idle: deque[Transfers] = deque()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request; the timeout is a total deadline. The body comes read and capped, also with stream."""
        _refuse_options(verify=verify, cert=cert, proxies=proxies)
        with self._borrow() as transfers:
            transfers.start(request, tag=None, timeout_seconds=_total_seconds(timeout))
            while not (ended := transfers.finish(wait_seconds=1.0)):
                pass
        outcome = outcome_of(request, ended[0][1])
        if isinstance(outcome, requests.RequestException):
            raise outcome
        return outcome

    def send_many(
        self,
        prepared: Iterable[requests.PreparedRequest],
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_in_flight: int = 100,
    ) -> Iterator[tuple[requests.PreparedRequest, Outcome]]:
        """Send all, at most `max_in_flight` at once, and yield each as it ends; takes requests as it goes."""
        waiting = iter(prepared)
        with self._borrow() as transfers:
            while True:
                while transfers.in_flight < max_in_flight and (request := next(waiting, None)) is not None:
                    transfers.start(request, tag=request, timeout_seconds=timeout_seconds)
                if not transfers.in_flight:
                    return
                for tag, answer in transfers.finish(wait_seconds=1.0):
                    assert isinstance(tag, requests.PreparedRequest)
                    yield tag, outcome_of(tag, answer)

    def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrow(self) -> Iterator[Transfers]:
        try:
            transfers = self._idle.pop()
        except IndexError:
            transfers = self._open_transfers()
        try:
            yield transfers
        finally:
            if transfers.in_flight:
                transfers.close()
            else:
                self._idle.append(transfers)


def outcome_of(request: requests.PreparedRequest, answer: Answer) -> Outcome:
    """Return the Answer as requests would have: a Response, or the exception it would have raised."""
    if answer.error:
        return _EXCEPTIONS[answer.error](f"{answer.error}: {answer.detail}", request=request)
    response = AnsweredResponse()
    response.answer = answer
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.encoding = "utf-8"  # the receiver's charset is not believed
    response.raw = io.BytesIO(answer.body)
    response._content = answer.body
    response._content_consumed = True
    response.url = request.url or ""
    response.request = request
    response.elapsed = datetime.timedelta(milliseconds=answer.duration_ms)
    return response


def _refuse_options(*, verify: bool | str, cert: Any, proxies: Mapping[str, str] | None) -> None:
    if verify is not True or cert or proxies:
        raise requests.RequestException("verify, cert and proxies are not the caller's to choose")


def _total_seconds(timeout: float | tuple[float | None, float | None] | None) -> float:
    if isinstance(timeout, tuple):
        return sum(part for part in timeout if part) or TIMEOUT_SECONDS
    return float(timeout or TIMEOUT_SECONDS)
