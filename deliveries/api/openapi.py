"""/openapi.json and /docs: the description of the API, made from the code and the live event types.

What lives here: the document and its page. It must not know any view by name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator

from deliveries.api.describe import PROBLEM
from deliveries.api.problems import reading
from deliveries.api.renderers import to_json
from deliveries.models import EventType, visible
from deliveries.models.visible import OPERATOR
from deliveries.protocol.operational import OPERATIONAL

WEBHOOKS_LIMIT = 1000
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "webhook-id": "Id of the event, the same on every attempt.",
    "webhook-timestamp": "Unix seconds of this attempt.",
    "webhook-signature": "One or more signatures, with spaces between them.",
}


class BearerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document names our keys."""

    target_class = "deliveries.api.auth.BearerKey"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "An API key, hk_…"}


@reading
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI 3.1 document."""
    return HttpResponse(to_json(document()), content_type="application/json")


@reading
def docs(request: HttpRequest) -> HttpResponse:
    """Show the document as a page; nothing is loaded from elsewhere."""
    page = render(request, "hookpost/api_docs.html")
    page.headers["Content-Security-Policy"] = POLICY
    return page


def document() -> dict[str, Any]:
    """Return the description of the API with the webhooks that are sent at this moment."""
    return _base() | {"webhooks": _webhooks()}


@lru_cache(maxsize=1)
def _base() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["components"]["schemas"]["Problem"] = PROBLEM
    return made


def _webhooks() -> dict[str, Any]:
    types = visible.event_types(OPERATOR).filter(customer=None, archived=False).order_by("name")
    own = [
        EventType(name=each.name, description=each.description, example=each.example) for each in OPERATIONAL.values()
    ]
    return {event_type.name: {"post": _webhook(event_type)} for event_type in (*types[:WEBHOOKS_LIMIT], *own)}


def _webhook(event_type: EventType) -> dict[str, Any]:
    data = event_type.schema if event_type.schema is not None else {"type": "object"}
    if isinstance(data, dict):
        # A base of its own: its references are to its own parts, not to those of this document.
        data = {"$id": f"urn:hookpost:event-type:{event_type.name}", **data}
    media: dict[str, Any] = {
        "schema": {
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"const": event_type.name},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": data,
            },
        }
    }
    if event_type.example is not None:
        moment = "2026-01-31T12:00:00.000Z"
        media["example"] = {"type": event_type.name, "timestamp": moment, "data": event_type.example}
    return {
        "operationId": f"webhook_{event_type.name}",
        "summary": event_type.name,
        "description": event_type.description,
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
            for name, meaning in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {"2XX": {"description": "Received; answer at once and work later."}},
    }
