"""How acts name who did them, and what customers see of that.

`user:`, `key:` and `token:` are the operator's own people and services; `member:`, `customer_key:` and
`customer_token:` are a customer's.
What is not surely a customer's own is "the operator" to customers.
"""

from __future__ import annotations

SYSTEM = "system"
OPERATOR = "the operator"
OF_CUSTOMERS = ("member:", "customer_key:", "customer_token:")


def name_person(username: str, *, is_member: bool = False) -> str:
    """Return how a person is named who acts on the staff site, or as a member in the portal."""
    return f"{'member' if is_member else 'user'}:{username}"


def name_key(name: str, *, is_customers: bool) -> str:
    """Return how an API key is named."""
    return f"{'customer_key' if is_customers else 'key'}:{name}"


def name_token(subject: str, *, is_customers: bool) -> str:
    """Return how whoever shows a token of the operator's issuer is named."""
    return f"{'customer_token' if is_customers else 'token'}:{subject}"


def shown_to_customer(actor: str) -> str:
    """Return what a customer is told about who did something."""
    if actor in ("", SYSTEM) or actor.startswith(OF_CUSTOMERS):
        return actor
    return OPERATOR
