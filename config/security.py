"""What browsers are told about our answers, all of them, and what Django's error pages may tell.

What lives here: the headers that Django's own middleware does not send, above all the content security
policy. It must not know a page: a page that needs another policy brings it along.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView
from types import FrameType

from django.http import HttpRequest, HttpResponse
from django.views.debug import SafeExceptionReporterFilter

Respond = Callable[[HttpRequest], HttpResponse]

PAGES = ("/admin/", "/portal/")

# Nothing inline is run, no text is evaluated as a program (ADR 48), and nothing is loaded from or sent to elsewhere.
POLICY_OF_PAGES = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
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
        is_page = request.path_info.startswith(PAGES)
        response.headers.setdefault("Content-Security-Policy", POLICY_OF_PAGES if is_page else POLICY_OF_DATA)
        for name, value in OTHERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer


class RedactedReports(SafeExceptionReporterFilter):
    """Lets debug pages show code and request, but no variable, body, header or cookie: any may hold a secret."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, object]:
        """Show names only."""
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, object]:
        """Show names only."""
        return dict.fromkeys(tb_frame.f_locals, self.cleansed_substitute).items()

    def get_safe_settings(self) -> dict[str, object]:
        """Show no setting: `manage.py configuration` lists them."""
        return {}

    def get_safe_request_meta(self, request: HttpRequest | None) -> dict[str, object]:
        """Show what a proxy's log would show."""
        shown = ("REQUEST_METHOD", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "CONTENT_TYPE", "CONTENT_LENGTH")
        return {} if request is None else {name: request.META.get(name) for name in shown}

    def get_safe_cookies(self, request: HttpRequest | None) -> dict[str, object]:
        """Show names only."""
        return {} if request is None else dict.fromkeys(request.COOKIES, self.cleansed_substitute)
