"""Customers: created, changed, deleted with all that is theirs but the log.

What lives here: the verbs, each with its audit entry. It must not know requests or forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, Endpoint
from deliveries.protocol.writing.sentences import say
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold
from deliveries.services.endpoint.endpoint_fields import check_uid
from deliveries.services.endpoints import delete_endpoint
from deliveries.services.people.members import only_of

NAME_LIMIT = 200
ENDPOINT_LIMIT_MAX = 100_000


def create_customer(fields: Mapping[str, object], *, actor: str) -> Customer:
    """Return the new customer; raises InvalidInput, and Conflict when the `uid` is taken."""
    customer = Customer(**_checked({"name": "", **fields}))
    with transaction.atomic():
        _save(customer)
        record_act(actor, "customer.create", customer=customer, object_id=customer.public_id)
    return customer


def update_customer(customer: Customer, fields: Mapping[str, object], *, actor: str) -> Customer:
    """Change the given fields only."""
    checked = _checked(fields)
    if not checked:
        return customer
    with transaction.atomic():
        hold(customer)
        former = customer.uid
        for name, value in checked.items():
            setattr(customer, name, value)
        _save(customer, [*checked, "updated_at"])
        # Under its former uid it is found again by whoever erases it.
        detail = {"fields": sorted(checked)} | ({"former_uid": former} if former not in (None, customer.uid) else {})
        record_act(actor, "customer.update", customer=customer, object_id=customer.public_id, detail=detail)
    return customer


def delete_customer(customer: Customer, *, actor: str, reason: str = "") -> None:
    """Delete a customer, its endpoints, event types, keys and members; the log ages out by itself."""
    _delete_endpoints(customer, actor=actor)  # each by itself, which may take long
    with transaction.atomic():
        hold_customer(customer)
        _delete_endpoints(customer, actor=actor)  # what was made meanwhile
        detail = {"name": customer.name, "uid": customer.uid}
        record_act(actor, "customer.delete", object_id=customer.public_id, reason=reason, detail=detail)
        only_of(customer).filter(is_staff=False, is_superuser=False).delete()
        customer.delete()


def hold_customer(customer: Customer) -> None:
    """Hold a customer with its endpoints until the transaction ends; nothing of it is made meanwhile."""
    rows = Endpoint.objects.select_for_update(no_key=True).filter(customer=customer)
    list(rows.order_by("id").values_list("id"))
    hold(customer, to_delete=True)


def _delete_endpoints(customer: Customer, *, actor: str) -> None:
    for endpoint in Endpoint.objects.filter(customer=customer, deleted_at=None):
        delete_endpoint(endpoint, actor=actor, reason=say("the customer is deleted"))


def _checked(fields: Mapping[str, Any]) -> dict[str, object]:
    checked = dict(fields)
    if "name" in checked:
        checked["name"] = _check_name(checked["name"])
    limit = checked.get("endpoint_limit")
    if limit is not None and (type(limit) is not int or not 0 <= limit <= ENDPOINT_LIMIT_MAX):
        raise InvalidInput(
            say("a whole number from 0 to {endpoint_limit_max}", endpoint_limit_max=ENDPOINT_LIMIT_MAX),
            field="endpoint_limit",
        )
    if "uid" in checked:
        checked["uid"] = check_uid(checked["uid"], prefix=Customer.PREFIX)
    return checked


def _check_name(name: str) -> str:
    stripped = name.strip()
    if not 1 <= len(stripped) <= NAME_LIMIT or not stripped.isprintable():
        raise InvalidInput(
            say("a name has 1 to {name_limit} printable characters", name_limit=NAME_LIMIT), field="name"
        )
    return stripped


def _save(customer: Customer, columns: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            customer.save(update_fields=columns)
    except IntegrityError as error:
        if "uid" not in str(error):
            raise
        raise Conflict(say("there is a customer with this uid already")) from error
