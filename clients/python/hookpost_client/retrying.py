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

from hookpost_client.errors import error_of

KEY = "Idempotency-Key"
EMITTING = ("/api/v1/events", "/api/v1/events/batch")
TRY_AGAIN = frozenset({429, 503})
LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a request is sent again, and how long the first pause is; each is twice the last."""

    number: int = 4
    first_seconds: float = 0.2

    def pause(self, tries: int, response: httpx.Response | None = None) -> float:
        """Return how long to wait after so many tries: what the answer asks for, or longer each time."""
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        if asked.isdecimal():
            return min(float(asked), LONGEST_PAUSE_SECONDS)
        pause: float = self.first_seconds * 2 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        return min(pause, LONGEST_PAUSE_SECONDS)


def prepare(request: httpx.Request) -> None:
    """Give a posted event a key by which the API knows it again."""
    if request.method == "POST" and request.url.path.endswith(EMITTING) and KEY not in request.headers:
        request.headers[KEY] = str(uuid.uuid4())


def may_repeat(request: httpx.Request, error: httpx.TransportError) -> bool:
    """Say whether a request whose connection was lost may be sent again: done twice, it must be as done once."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return True  # it was not sent
    return request.method != "POST" or KEY in request.headers


class RetryingTransport(httpx.BaseTransport):
    """Sends again what may be sent again, and raises what the API refuses."""

    def __init__(self, inner: httpx.BaseTransport, retries: Retries) -> None:
        self.inner, self.retries = inner, retries

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return a good answer, or raise ApiError."""
        prepare(request)
        tries = 0
        while True:
            tries += 1
            try:
                response = self.inner.handle_request(request)
            except httpx.TransportError as error:
                if tries > self.retries.number or not may_repeat(request, error):
                    raise
                time.sleep(self.retries.pause(tries))
                continue
            if response.status_code < 400:
                return response
            response.read()
            if tries > self.retries.number or response.status_code not in TRY_AGAIN:
                raise error_of(response)
            time.sleep(self.retries.pause(tries, response))

    def close(self) -> None:
        """End the connections."""
        self.inner.close()


class AsyncRetryingTransport(httpx.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self, inner: httpx.AsyncBaseTransport, retries: Retries) -> None:
        self.inner, self.retries = inner, retries

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return a good answer, or raise ApiError."""
        prepare(request)
        tries = 0
        while True:
            tries += 1
            try:
                response = await self.inner.handle_async_request(request)
            except httpx.TransportError as error:
                if tries > self.retries.number or not may_repeat(request, error):
                    raise
                await asyncio.sleep(self.retries.pause(tries))
                continue
            if response.status_code < 400:
                return response
            await response.aread()
            if tries > self.retries.number or response.status_code not in TRY_AGAIN:
                raise error_of(response)
            await asyncio.sleep(self.retries.pause(tries, response))

    async def aclose(self) -> None:
        """End the connections."""
        await self.inner.aclose()
