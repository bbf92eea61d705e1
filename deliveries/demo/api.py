"""The REST API as an internal service calls it.

What lives here: one request with a key, and its JSON answer. It must not know what the answers mean.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.core.management.base import CommandError

PREFIX = "/api/v1"
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where the API is, and the key."""

    base_url: str
    key: str = field(repr=False)

    def ask(self, method: str, path: str, fields: object = None) -> tuple[int, object]:
        """Send one request; returns status and decoded JSON (None when the answer has no body)."""
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=TIMEOUT_SECONDS)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        try:
            connection.request(method, PREFIX + path, None if fields is None else orjson.dumps(fields), headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CommandError(f"{method} {PREFIX}{path}: no answer from the web server ({error})") from error
        finally:
            connection.close()
        return answer.status, decoded(body)

    def expect(self, *statuses: int, method: str, path: str, fields: object = None) -> Any:
        """Send one request and return its JSON; another status than these ends the demo."""
        status, answer = self.ask(method, path, fields)
        if status not in statuses:
            raise CommandError(f"{method} {PREFIX}{path}: answered {status} instead of {statuses[0]}: {answer}")
        return answer


def decoded(body: bytes) -> object:
    """The JSON of a body, or the start of what came instead."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return body[:300].decode(errors="replace")
