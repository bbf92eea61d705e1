"""How a new API key is used: a command to try that its scopes allow.

What lives here: one command for each scope. It must not know how a key is made.
"""

from __future__ import annotations

from collections.abc import Sequence

from deliveries.models import ApiKey, Customer

HEADERS = """-H "Authorization: Bearer $HOOKPOST_KEY" -H 'Content-Type: application/json'"""
SEND = f"curl {HEADERS} -d '{{body}}' {{base}}/api/v1"
READ = 'curl -H "Authorization: Bearer $HOOKPOST_KEY" {base}/api/v1/events'
EMITTED = '{{"customer": "{customer}", "type": "invoice.paid", "data": {{}}}}'
# What a key is made for comes first: one that emits and reads is one that emits.
COMMANDS = {
    ApiKey.Scope.EVENTS_WRITE: (f"{SEND}/events", EMITTED),
    ApiKey.Scope.POLL: (f"{SEND}/customers/{{customer}}/endpoints/ep_…/poll", "{{}}"),
    ApiKey.Scope.READ: (READ, ""),
    ApiKey.Scope.MANAGE: (READ, ""),
    ApiKey.Scope.REDELIVER: (f"{SEND}/deliveries/dlv_…/redeliver", "{{}}"),
}


def usage_of(scopes: Sequence[str], *, customer: Customer | None, base: str) -> str:
    """Return a command that a key with these scopes may run; the first that fits."""
    command, body = next(found for scope, found in COMMANDS.items() if scope in scopes)
    name = "cus_…" if customer is None else customer.uid or customer.public_id
    return command.format(base=base, customer=name, body=body.format(customer=name))
