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

from deliveries.api.describe import FIELD_ERROR, PROBLEM, tags
from deliveries.api.examples import MOMENT, add_examples
from deliveries.api.openapi_parts import only_used, with_any_json
from deliveries.api.openapi_settings import our_settings
from deliveries.api.problems import reading
from deliveries.api.renderers import to_json
from deliveries.api.webhook_schemas import COMPONENTS, ComponentNames, hoist, method_like
from deliveries.conf import conf
from deliveries.models import EventType, visible
from deliveries.models.visible import OPERATOR
from deliveries.protocol.events.operational import OPERATIONAL
from deliveries.services.catalogue.api_versions import newest_version
from deliveries.services.catalogue.version_schemas import all_in_force

WEBHOOKS = "webhooks"
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

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, hk_…, or a token of the operator's",
        }


@reading
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI 3.1 document; its server is the one that is asked, with the path that it is mounted under."""
    root = request.path.removesuffix("/api/v1/openapi.json")
    made = document() | {"servers": [{"url": request.build_absolute_uri(root or "/").rstrip("/")}]}
    return HttpResponse(to_json(made), content_type="application/json")


@reading
def docs(request: HttpRequest) -> HttpResponse:
    """Show the document as a page; nothing is loaded from elsewhere."""
    page = render(request, "hookpost/api_docs.html", {"brand": conf.brand_name})
    page.headers["Content-Security-Policy"] = POLICY
    return page


def document() -> dict[str, object]:
    """Return the description of the API with the webhooks that are sent at this moment."""
    base = description()
    components = base["components"]
    names = ComponentNames(components["schemas"])
    webhooks, schemas = {}, dict(components["schemas"])
    for event_type in _event_types():
        path, made = _webhook(event_type, names)
        webhooks[event_type.name] = path
        schemas |= made
    info = base["info"] | {"title": conf.brand_name}
    return base | {"info": info, "components": components | {"schemas": schemas}, "webhooks": webhooks}


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Return the description of the API alone, the same for all installations of this version."""
    from deliveries.api.urls import urlpatterns  # which names the views of this file

    with our_settings():
        made: dict[str, Any] = SchemaGenerator(patterns=urlpatterns).get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["components"]["schemas"] |= {"Problem": PROBLEM, "FieldError": FIELD_ERROR}
    made["tags"] = [*tags(), {"name": WEBHOOKS, "description": "What is sent to endpoints."}]
    made = with_any_json(made)
    add_examples(made)
    return made | {"components": made["components"] | {"schemas": only_used(made)}}


def _event_types() -> list[EventType]:
    types = list(visible.event_types(OPERATOR).filter(customer=None, archived=False).order_by("name")[:WEBHOOKS_LIMIT])
    current = all_in_force(types, newest_version())
    for each in types:  # as new endpoints are sent them; nothing is stored
        each.schema, each.example = current[each.name].schema, current[each.name].example
    own = [
        EventType(name=each.name, description=each.description, example=each.example) for each in OPERATIONAL.values()
    ]
    return [*types, *own]


def _webhook(event_type: EventType, names: ComponentNames) -> tuple[dict[str, object], dict[str, object]]:
    """Return what is sent of an event type, and the components that its body is made of."""
    name = names.fresh(event_type.name, "event")
    data = names.fresh(name, "data")
    schema = event_type.schema if event_type.schema is not None else {"type": "object"}
    components: dict[str, object] = {name: _body(event_type, data), **hoist(schema, name=data, names=names)}
    operation = {
        "operationId": "webhook_" + method_like(name),
        "summary": event_type.name,
        "description": event_type.description or f"An event of the type {event_type.name}.",
        "tags": [WEBHOOKS],
        "security": [],
        "parameters": [_header(header, meaning) for header, meaning in _HEADERS.items()],
        "requestBody": {"required": True, "content": {"application/json": _media(event_type, name)}},
        "responses": {"2XX": {"description": "Received; answer at once and work later."}},
    }
    return {"post": operation}, components


def _body(event_type: EventType, data: str) -> dict[str, object]:
    """Return the schema of what is sent; `data` names the component of its data."""
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "enum": [event_type.name]},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"$ref": COMPONENTS + data},
        },
    }


def _media(event_type: EventType, name: str) -> dict[str, object]:
    """Return the component of what is sent, with the type's example where it has one."""
    media: dict[str, object] = {"schema": {"$ref": COMPONENTS + name}}
    if event_type.example is not None:
        media["example"] = {"type": event_type.name, "timestamp": MOMENT, "data": event_type.example}
    return media


def _header(name: str, meaning: str) -> dict[str, object]:
    return {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
