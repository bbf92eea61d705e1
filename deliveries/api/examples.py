"""Examples in the API's description: one for each body and each parameter, made of the schemas.

What lives here: a value for each name, and what a schema without a name of ours looks like. It must not know views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

PREFIX = "#/components/schemas/"
MOMENT = "2026-01-31T12:00:00.000Z"
IDS: Mapping[str, str] = {
    prefix: f"{prefix}_01k0f3q7x2e9h8v6t4s1r5p3n0"
    for prefix in ("cus", "ep", "evt", "dlv", "att", "job", "ety", "mem", "key", "flg", "lse")
}
# What a member or parameter of this name looks like, wherever it stands.
BY_NAME: Mapping[str, object] = {
    "customer": IDS["cus"],
    "endpoint": IDS["ep"],
    "event": IDS["evt"],
    "delivery": IDS["dlv"],
    "group": IDS["flg"],
    "job": IDS["job"],
    "lease": IDS["lse"],
    "after": IDS["evt"],
    "uid": "acme",
    "type": "invoice.paid",
    "types": "invoice.*",
    "event_type": "invoice.paid",
    "metadata": {"plan": "pro"},
    "url": "https://acme.example/webhooks",
    "description": "Where our billing listens",
    "event_types": ["invoice.*"],
    "filter": "$.data.amount > 100",
    "headers": {"x-tenant": "7"},
    "header_names": ["x-tenant"],
    "tls": None,
    "auth": {"type": "basic", "username": "hookpost", "hint": ""},
    "accent": "#0a7f8c",
    "support": "help@acme.example",
    "logo_url": "https://hooks.example/portal/brand/5f2b.svg/",
    "logo_dark_url": None,
    "favicon_url": None,
    "secret": "whsec_bm90IGEgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGUhIQ==",
    "secrets": [{"hint": "IQ==", "public_key": None, "created_at": MOMENT, "expires_at": None}],
    "signing": "standard",
    "rate_limit": None,
    "max_in_flight": 10,
    "retry_schedule": [0, 5, 300, 1800],
    "timeout_seconds": 15,
    "data": {"invoice": "in_7", "amount": 120},
    "example": {"invoice": "in_7", "amount": 120},
    "schema": {"type": "object", "required": ["invoice"], "properties": {"invoice": {"type": "string"}}},
    "api_version": "2026-11-01",
    "version": "2026-11-01",
    "down": "{amount: total.value}",
    "up": "merge(omit(@, ['amount']), {total: {value: amount}})",
    "deliveries": 1,
    "state": "exhausted",
    "status_code": 503,
    "reason": "the receiver is mended",
    "state_reason": "",
    "share_24h": 0.98,
    "limit": 50,
    "cursor": "bgGX6nQrcAAAAAAAAAAAAAAAAAAA",
    "next": None,
    "previous": None,
    "pointer": "/data/amount",
    "email": "dev@acme.example",
    "Idempotency-Key": "invoice-7-paid",
    "If-None-Match": '"9f86d081884c7d65"',
    "address": "203.0.113.7:443",
    "egress_addresses": ["203.0.113.80"],
    "response_headers": "content-type: application/json",
    "response_body": '{"ok":true}',
    "actor": "key:billing",
    "error": "http_5xx",
    "errors": [{"pointer": "/url", "detail": "must be https"}],
    "warnings": [{"pointer": "/data/amount", "detail": "is not a number"}],
}
# What only a member of this component looks like, by its name without Request and Patched.
BY_COMPONENT: Mapping[str, object] = {
    "Customer.id": IDS["cus"],
    "Customer.name": "Acme Ltd",
    "Endpoint.id": IDS["ep"],
    "Endpoint.uid": "main",
    "NewEndpoint.id": IDS["ep"],
    "NewEndpoint.uid": "main",
    "EventType.id": IDS["ety"],
    "EventType.name": "invoice.paid",
    "EventType.customer": None,
    "EventType.description": "An invoice was paid in full",
    "Event.id": IDS["evt"],
    "Accepted.id": IDS["evt"],
    "Delivery.id": IDS["dlv"],
    "Delivery.schedule": [{"number": 3, "at": MOMENT}],
    "Attempt.id": IDS["att"],
    "Attempt.number": 2,
    "Attempt.actor": "",
    "Attempt.reason": "",
    "Attempt.phases": {"dns_ms": 3, "connect_ms": 21, "tls_ms": 44, "first_byte_ms": 87},
    "SentRequest.method": "POST",
    "SentRequest.headers": {
        "content-type": "application/json",
        "webhook-id": IDS["evt"],
        "webhook-timestamp": "1769860800",
        "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        "x-tenant": "[hidden]",
    },
    "SentRequest.signed_with": ["IQ=="],
    "PayloadDraft.limit": 5,
    "MappingDraft.limit": 5,
    "ApiVersion.name": "2026-11-01",
    "ApiVersion.description": "The total of an invoice has a currency.",
    "PreviewedMapping.direction": "down",
    "PreviewedMapping.before": {"total": {"value": 120, "currency": "EUR"}},
    "PreviewedMapping.after": {"amount": 120},
    "PayloadDraft.transformation": "{text: join(' ', [type, data.invoice])}",
    "Job.id": IDS["job"],
    "Job.filters": {"state": "exhausted"},
    "Waiting.reason": "schedule",
    "Link.url": "https://hooks.example/portal-link?token=once",
    "BatchResult.error": {"type": "urn:hookpost:problem:not-found", "title": "Not Found", "status": 404},
    "Limits.requests_per_minute": 1200,
}
BY_FORMAT: Mapping[str, object] = {"date-time": MOMENT, "uri": "https://hooks.example/", "uuid": "0" * 32}
BY_TYPE: Mapping[str, object] = {"string": "text", "integer": 0, "number": 0.5, "boolean": False, "null": None}


def add_examples(document: Mapping[str, Any]) -> None:
    """Give every body and every parameter of the document's operations an example, unless it has one."""
    components = document["components"]["schemas"]
    for operation in operations_of(document):
        for parameter in operation.get("parameters", ()):
            parameter.setdefault("example", _of_name(parameter["name"], parameter["schema"], components))
        for media in _bodies(operation):
            if "example" not in media and "schema" in media:
                media["example"] = example_of(media["schema"], components)


def operations_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operations of a document."""
    return [operation for item in document["paths"].values() for operation in item.values()]


def example_of(schema: Schema, components: Mapping[str, Schema], *, component: str = "") -> object:
    """Return what fits a schema."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        return example_of(components[name], components, component=name)
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return example_of(schema[key][0], components, component=component)
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, components, component=component)


def _of_type(schema: Schema, components: Mapping[str, Schema], *, component: str) -> object:
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return {
            name: _of_member(component, name, below, components) for name, below in schema.get("properties", {}).items()
        }
    if kind == "array":
        return [example_of(schema.get("items", {}), components)]
    found = BY_FORMAT.get(schema.get("format", ""), BY_TYPE[kind])
    return max(found, schema["minimum"]) if "minimum" in schema else found


def _of_member(component: str, name: str, schema: Schema, components: Mapping[str, Schema]) -> object:
    noun = component.removeprefix("Patched").removesuffix("Request").replace("Change", "")
    if f"{noun}.{name}" in BY_COMPONENT:
        return BY_COMPONENT[f"{noun}.{name}"]
    return _of_name(name, schema, components)


def _of_name(name: str, schema: Schema, components: Mapping[str, Schema]) -> object:
    if name in BY_NAME and _may_be(BY_NAME[name], schema):
        return _known_of(BY_NAME[name], schema, components)
    return example_of(schema, components)


def _known_of(value: object, schema: Schema, components: Mapping[str, Schema]) -> object:
    """Return an example without the members that only answers have, where a schema is of a request."""
    named = schema.get("oneOf", [schema])[0].get("$ref", "").removeprefix(PREFIX)
    known = components.get(named, {})
    if isinstance(value, dict) and known.get("additionalProperties") is False:
        return {name: below for name, below in value.items() if name in known["properties"]}
    return value


def _may_be(value: object, schema: Schema) -> bool:
    """Say whether a value has the type that a schema asks for, as far as it names one."""
    if "enum" in schema or "$ref" in schema:
        return value in schema.get("enum", ())
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return not kinds or _kind_of(value) in kinds or (_kind_of(value) == "integer" and "number" in kinds)


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _bodies(operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = [operation["requestBody"]] if "requestBody" in operation else []
    parts += operation["responses"].values()
    return [media for part in parts for media in part.get("content", {}).values()]
