"""A client of Hookpost's REST API, sync and async.

What lives here: the front door. `generated` holds an operation a module, made from the API's own description.
"""

from hookpost_client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from hookpost_client.paging import async_pages, pages
from hookpost_client.receiving import Webhook, WebhookVerificationError, verify
from hookpost_client.retrying import Retries
from hookpost_client.session import connect

__all__ = [
    "ApiError",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "RateLimited",
    "Retries",
    "Unauthorized",
    "Unavailable",
    "Webhook",
    "WebhookVerificationError",
    "async_pages",
    "connect",
    "pages",
    "verify",
]
