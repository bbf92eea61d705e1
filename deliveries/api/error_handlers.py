"""Django's error handlers: what is answered where no view of ours does, to programs as a problem, to people as a page.

What lives here: which of the two it is. It must not know what an error means: problems.py does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from deliveries.api.error_pages import WORDS, error_page
from deliveries.api.problems import Problem, plain_problem, problem, problem_of

API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")
TOLD = (404, 409, 429, 503)  # others deleted or made the same at this moment, ask too much, or the database is away


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    found = problem_of(exception.__cause__ or exception)  # a body that was not read
    said = str(exception) if isinstance(exception, BadRequest) else "the request is not understood"
    if isinstance(exception, DisallowedHost):
        said = "this host is not served here; its operator names it in HOOKPOST_ALLOWED_HOSTS or HOOKPOST_BASE_URL"
    if _is_api(request):
        return plain_problem(problem(400, said))
    if isinstance(exception, RequestDataTooBig):
        return error_page(request, 413)
    if found or isinstance(exception, BadRequest):
        return _page(request, *(found or (problem(400, said), {})))
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return plain_problem(problem(403, "not allowed")) if _is_api(request) else error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if not _is_api(request):
        return error_page(request, 404)
    hint = "; addresses here do not end in a slash" if request.path.endswith("/") else ""
    return plain_problem(problem(404, f"there is nothing at this address{hint}"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; the traceback is in the log, not in the answer."""
    found = problem_of(sys.exc_info()[1] or Exception())  # a view without the REST framework lost the database
    if not _is_api(request):
        is_told = found is not None and found[0]["status"] in TOLD
        return _page(request, *found) if found is not None and is_told else error_page(request, 500)
    if found is not None:
        return plain_problem(*found)
    return plain_problem(problem(500, "something went wrong on our side; it was logged"))


def _page(request: HttpRequest, body: Problem, headers: Mapping[str, str]) -> HttpResponse:
    code, detail = body["status"], str(body["detail"])
    title = WORDS[code][0] if code in WORDS else str(body["title"])
    return error_page(request, code, said=(title, f"{detail[:1].upper()}{detail[1:]}."), headers=headers)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PATHS)
