"""The client that all operations take.

What lives here: making it. Sync and async calls have connections of their own.
"""

from __future__ import annotations

import ssl

import httpx

from hookpost_client.generated import AuthenticatedClient
from hookpost_client.retrying import AsyncRetryingTransport, Retries, RetryingTransport

TIMEOUT = httpx.Timeout(30.0, connect=10.0)


def connect(
    url: str,
    key: str,
    *,
    retries: Retries | None = None,
    timeout: httpx.Timeout = TIMEOUT,
    verify: ssl.SSLContext | bool = True,
) -> AuthenticatedClient:
    """Return a client for an installation, such as https://hooks.example.com, and an API key."""
    base, again = url.rstrip("/"), retries or Retries()
    client = AuthenticatedClient(base_url=base, token=key, timeout=timeout)
    headers = {"Authorization": f"Bearer {key}"}
    sync = RetryingTransport(httpx.HTTPTransport(verify=verify), again)
    client.set_httpx_client(httpx.Client(base_url=base, headers=headers, timeout=timeout, transport=sync))
    asynchronous = AsyncRetryingTransport(httpx.AsyncHTTPTransport(verify=verify), again)
    client.set_async_httpx_client(
        httpx.AsyncClient(base_url=base, headers=headers, timeout=timeout, transport=asynchronous)
    )
    return client
