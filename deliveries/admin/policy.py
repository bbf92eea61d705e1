"""What a page may load and do in the browser.

What lives here: the content security policy of all our pages. It must not know the pages.
"""

from __future__ import annotations

from typing import TypeVar

from django.http import HttpResponseBase

Response = TypeVar("Response", bound=HttpResponseBase)

# Alpine, which drives menus and dialogs, evaluates the expressions in our own attributes: 'unsafe-eval'.
# Nothing inline is run, and nothing is loaded from or sent to anywhere else.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def with_policy(response: Response) -> Response:
    """Add the policy to a page, unless it brought a stricter one."""
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    return response
