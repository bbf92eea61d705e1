"""The table of addresses of bench/empty.py."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def accept(request: HttpRequest) -> HttpResponse:
    """Read the body, as any view must, and answer."""
    assert request.body is not None
    return HttpResponse(b"{}", status=202, content_type="application/json")


urlpatterns = [path("api/v1/empty", accept)]
