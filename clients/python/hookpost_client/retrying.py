"""Trying again: which requests may be sent once more, when, and what makes emitting safe to repeat.

What lives here: a layer around httpx's transports. It must not know any operation but that events are posted.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass

import httpx

from hookpost_client.errors import error_of, retry_after

KEY = "Idempotency-Key"
EMITTING = ("/api/v1/events", "/api/v1/events/batch")
TRY_AGAIN = frozenset({429, 503})
SERVER_LOST = frozenset({502, 504})  # what a proxy says of a server whose connection it lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a request is sent again, and how long the first pause is; each is twice the last, up to the longest.

    As they are they last for some fifteen seconds, in which a server is started again. An answer that asks for a longer
    pause than the longest is not waited for: its error is raised at once, and has `retry_after`.
    """

    number: int = 5
    first_seconds: float = 0.5
    longest_seconds: float = 60.0

    def pause(self, tries: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Return how long to wait after so many tries, at least what the answer asks for; None: too long."""
        own: float = self.first_seconds * 2 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        asked = retry_after(outcome) if isinstance(outcome, httpx.Response) else None
        if asked is not None and asked > self.longest_seconds:
            return None
        return max(asked or 0.0, min(own, self.longest_seconds))


def prepare(request: httpx.Request) -> None:
    """Give a posted event a key by which the API knows it again."""
    if request.method == "POST" and request.url.path.endswith(EMITTING) and KEY not in request.headers:
        request.headers[KEY] = str(uuid.uuid4())


def is_repeatable(request: httpx.Request) -> bool:
    """Say whether a request that was done twice is as one that was done once."""
    return request.method != "POST" or KEY in request.headers


def helps_again(request: httpx.Request, outcome: httpx.Response | httpx.TransportError) -> bool:
    """Say whether a request that ended so may be sent once more."""
    if isinstance(outcome, httpx.Response):
        known_undone = outcome.status_code in TRY_AGAIN
        return known_undone or (outcome.status_code in SERVER_LOST and is_repeatable(request))
    was_not_sent = isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return was_not_sent or is_repeatable(request)


def settle(outcome: httpx.Response | httpx.TransportError) -> httpx.Response:
    """Return a good answer, or raise what became of the request."""
    if isinstance(outcome, httpx.TransportError):
        raise outcome
    if outcome.status_code >= 400:
        raise error_of(outcome)
    return outcome


def is_good(outcome: httpx.Response | httpx.TransportError) -> bool:
    """Say whether the request was answered as it should be."""
    return isinstance(outcome, httpx.Response) and outcome.status_code < 400


class RetryingTransport(httpx.BaseTransport):
    """Sends again what may be sent again, and raises what the API refuses."""

    def __init__(self, inner: httpx.BaseTransport, retries: Retries) -> None:
        self.inner, self.retries = inner, retries

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return a good answer, read to its end, or raise ApiError."""
        prepare(request)
        outcome = self._send(request)
        for tries in range(1, self.retries.number + 1):
            if is_good(outcome) or not helps_again(request, outcome):
                break
            if (pause := self.retries.pause(tries, outcome)) is None:
                break
            time.sleep(pause)
            outcome = self._send(request)
        return settle(outcome)

    def _send(self, request: httpx.Request) -> httpx.Response | httpx.TransportError:
        try:
            response = self.inner.handle_request(request)
            response.read()  # a connection can be lost in the middle of an answer too
        except httpx.TransportError as error:
            return error
        return response

    def close(self) -> None:
        """End the connections."""
        self.inner.close()


class AsyncRetryingTransport(httpx.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self, inner: httpx.AsyncBaseTransport, retries: Retries) -> None:
        self.inner, self.retries = inner, retries

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return a good answer, read to its end, or raise ApiError."""
        prepare(request)
        outcome = await self._send(request)
        for tries in range(1, self.retries.number + 1):
            if is_good(outcome) or not helps_again(request, outcome):
                break
            if (pause := self.retries.pause(tries, outcome)) is None:
                break
            await asyncio.sleep(pause)
            outcome = await self._send(request)
        return settle(outcome)

    async def _send(self, request: httpx.Request) -> httpx.Response | httpx.TransportError:
        try:
            response = await self.inner.handle_async_request(request)
            await response.aread()
        except httpx.TransportError as error:
            return error
        return response

    async def aclose(self) -> None:
        """End the connections."""
        await self.inner.aclose()
