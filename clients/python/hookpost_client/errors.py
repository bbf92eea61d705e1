"""What the API refuses, as errors. Source: RFC 9457.

ApiError
├── Unauthorized   401: no living key
├── Forbidden      403: this key may not do it
├── NotFound       404: nothing of this id, or not yours to see
├── Conflict       409: the state forbids it now
├── Invalid        422: `errors` says which fields
├── RateLimited    429: still, after the last try
└── Unavailable    503: still, after the last try; nothing was stored, unless `detail` says that this is not known
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import cast

import httpx


class ApiError(Exception):
    """An answer of 400 or more: its `status`, `type`, `title`, `detail`, and `errors` of fields.

    `retry_after` is after how many seconds the API would be asked again; None where it did not say.
    """

    def __init__(self, status: int, problem: Mapping[str, object], *, retry_after: float | None = None) -> None:
        self.status = status
        self.retry_after = retry_after
        self.type = str(problem.get("type", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.errors = cast("list[dict[str, str]]", problem.get("errors", []))
        super().__init__(f"{status} {self.title}: {self.detail}")


class Unauthorized(ApiError):
    """No living key."""


class Forbidden(ApiError):
    """This key may not do it."""


class NotFound(ApiError):
    """Nothing of this id, or not yours to see."""


class Conflict(ApiError):
    """The state forbids it now."""


class Invalid(ApiError):
    """Some fields are refused."""


class RateLimited(ApiError):
    """Too many requests, also after the last try."""


class Unavailable(ApiError):
    """The database did not answer, also after the last try."""


BY_STATUS = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: RateLimited,
    503: Unavailable,
}


def error_of(response: httpx.Response) -> ApiError:
    """Return the error that an answer means; its body was read."""
    try:
        problem = response.json()
    except ValueError:
        problem = {"title": response.reason_phrase, "detail": response.text[:300]}
    kind = BY_STATUS.get(response.status_code, ApiError)
    return kind(response.status_code, problem if isinstance(problem, dict) else {}, retry_after=retry_after(response))


def retry_after(response: httpx.Response) -> float | None:
    """Return how many seconds an answer asks to wait; it says so in seconds or by a date (RFC 9110, 10.2.3)."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
