"""What browsers are told about our answers, all of them.

What lives here: the headers that Django's own middleware does not send, above all the content security
policy. It must not know a page: a page that needs another policy brings it along.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Respond = Callable[[HttpRequest], HttpResponse]

PAGES = ("/admin/", "/portal/")

# Alpine, which drives menus and dialogs, evaluates the expressions in our own attributes: 'unsafe-eval'.
# Nothing inline is run, and nothing is loaded from or sent to anywhere else.
POLICY_OF_PAGES = "; ".join(
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
POLICY_OF_DATA = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
OTHERS = {
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{name}=()"
        for name in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "microphone", "payment")
    ),
}


def security_headers(respond: Respond) -> Respond:
    """Middleware: add the policies to every answer, static files and errors included."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = respond(request)
        is_page = request.path.startswith(PAGES)
        response.headers.setdefault("Content-Security-Policy", POLICY_OF_PAGES if is_page else POLICY_OF_DATA)
        for name, value in OTHERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer
