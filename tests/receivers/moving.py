"""What other senders told of their customers, as their APIs answer, pointing at a local receiver."""

from __future__ import annotations

from typing import Any

SVIX_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # Svix gives 24 bytes
CONVOY_SECRET = "FooFighters-0sJ2x9"
GITHUB_SECRET = "It's a Secret to Everybody"
OUTPOST_SECRET = "whsec_1Xk2p9QzL0bR7sT4uV6wY8aB3cD5eF"
OUTPOST_BEFORE = "whsec_of-the-year-before-1234567890"
HOOK0_SECRET = "5b7e3a9c-0d1f-4c62-9e5a-2f8d6b4c7a10"


def svix_document(url: str, **endpoint: Any) -> dict[str, Any]:
    """GET /api/v1/app, with …/endpoint, …/secret and …/headers of each put into it, and GET /api/v1/event-type."""
    told = {
        "id": "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2",
        "uid": None,
        "url": url,
        "version": 1,
        "description": "An example endpoint name",
        "filterTypes": ["invoice.paid"],
        "channels": None,
        "disabled": False,
        "rateLimit": None,
        "metadata": {},
        "createdAt": "2023-11-07T05:31:56Z",
        "updatedAt": "2023-11-07T05:31:56Z",
        "secret": {"key": SVIX_SECRET},
        "headers": {"headers": {"X-Tenant": "7"}, "sensitive": []},
    }
    application = {
        "id": "app_1srOrx2ZWZBpBUvZwXKQmoEYga2",
        "uid": "acme",
        "name": "Acme Ltd",
        "rateLimit": None,
        "metadata": {"plan": "pro"},
        "createdAt": "2023-11-07T05:31:56Z",
        "updatedAt": "2023-11-07T05:31:56Z",
        "endpoints": {"data": [told | endpoint], "iterator": "ep_x", "done": True},
    }
    kinds = {"data": [{"name": "invoice.paid", "description": "Paid", "archived": False, "schemas": {"1": SCHEMA}}]}
    return {"applications": {"data": [application], "iterator": "app_x", "done": True}, "eventTypes": kinds}


SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}}


def convoy_document(url: str, *, advanced: bool = False, **endpoint: Any) -> dict[str, Any]:
    """GET …/endpoints, …/subscriptions and the project itself."""
    told = {
        "uid": "01H0JA5MEES38RRK3HTEJC647K",
        "project_id": "01H0J9WDXT6QKQ7V9J0H7Z5XWT",
        "owner_id": "acme",
        "url": url,
        "name": "billing",
        "description": "",
        "secrets": [
            {"uid": "01A", "value": "OldSecret-1234", "created_at": "2023-01-01T00:00:00Z", "expires_at": LONG_AGO},
            {"uid": "01B", "value": CONVOY_SECRET, "created_at": "2023-05-01T00:00:00Z", "expires_at": None},
        ],
        "advanced_signatures": advanced,
        "http_timeout": 10,
        "rate_limit": 600,
        "rate_limit_duration": 60,
        "status": "active",
        "authentication": {"type": "api_key", "api_key": {"header_name": "X-Api-Key", "header_value": "k3y"}},
    }
    subscription = {
        "uid": "01H0JB",
        "name": "sub",
        "type": "api",
        "endpoint_metadata": {"uid": told["uid"]},
        "filter_config": {"event_types": ["invoice.paid"], "filter": {"headers": {}, "body": {}}},
    }
    signature = {"header": "X-Convoy-Signature", "versions": [{"uid": "x", "hash": "SHA256", "encoding": "hex"}]}
    return {
        "endpoints": {"status": True, "message": "ok", "data": {"content": [told | endpoint], "pagination": {}}},
        "subscriptions": {"status": True, "message": "ok", "data": {"content": [subscription], "pagination": {}}},
        "project": {"status": True, "data": {"name": "p", "config": {"signature": signature}}},
    }


def outpost_document(url: str, *, settings: dict[str, str] | None = None, **destination: Any) -> dict[str, Any]:
    """GET /tenants, with GET /tenants/{tenant}/destinations put into each, and GET /topics."""
    told = {
        "id": "des_12345",
        "tenant_id": "acme",
        "type": "webhook",
        "topics": ["invoice.paid"],
        "config": {"url": url, "custom_headers": '{"x-api-key": "k3y"}'},
        "credentials": {
            "secret": OUTPOST_SECRET,
            "previous_secret": OUTPOST_BEFORE,
            "previous_secret_invalid_at": "2999-01-01T00:00:00Z",
        },
        "delivery_metadata": {"region": "eu"},
        "metadata": {"team": "billing"},
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "disabled_at": None,
        "target": url,
        "target_url": "",
    }
    tenant = {
        "id": "acme",
        "destinations_count": 1,
        "topics": ["invoice.paid"],
        "metadata": {"name": "Acme Ltd", "plan": "pro"},
        "created_at": "2024-01-01T00:00:00Z",
        "destinations": [told | destination],
    }
    pagination = {"order_by": "created_at", "dir": "desc", "limit": 100, "next": None, "prev": None}
    return {
        "tenants": {"models": [tenant], "pagination": pagination, "count": 1},
        "topics": ["invoice.paid"],
        "config": settings or {},
    }


def hook0_document(url: str, **subscription: Any) -> dict[str, Any]:
    """GET /api/v1/subscriptions, /applications and /event_types, and which label names a customer."""
    told = {
        "application_id": "a7a7a7a7-0d1f-4c62-9e5a-2f8d6b4c7a10",
        "subscription_id": "c0ffee00-0d1f-4c62-9e5a-2f8d6b4c7a10",
        "is_enabled": True,
        "event_types": ["invoice.paid.done"],
        "description": "billing",
        "secret": HOOK0_SECRET,
        "metadata": {"team": "billing"},
        "label_key": "tenant",
        "label_value": "acme",
        "labels": {"tenant": "acme"},
        "target": {"type": "http", "method": "POST", "url": url, "headers": {"x-api-key": "k3y"}},
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "failure_percent": None,
        "dedicated_workers": [],
        "retry_schedule_id": None,
    }
    kind = {
        "service_name": "invoice",
        "resource_type_name": "paid",
        "verb_name": "done",
        "event_type_name": "invoice.paid.done",
    }
    return {
        "applications": [{"application_id": told["application_id"], "name": "Shop"}],
        "subscriptions": [told | subscription],
        "event_types": [kind],
        "customer_label": "tenant",
    }


LONG_AGO = "2023-05-02T00:00:00Z"


def table(url: str, *, secret: str = GITHUB_SECRET) -> str:
    """A spreadsheet of endpoints whose receivers verify GitHub's header."""
    names = "customer,customer_name,uid,url,event_types,secret,signing"
    return f"{names}\nacme,Acme Ltd,main,{url},invoice.*,{secret},github\n"
