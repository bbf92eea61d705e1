"""Event types: registered, changed, archived, deleted.

What lives here: the verbs, each with its audit entry. It must not know requests or forms. A type with
`customer` None is the operator's and seen by all customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from deliveries.errors import Conflict, InvalidInput
from deliveries.models import Customer, EventType
from deliveries.protocol.events.event_types import check_own_name
from deliveries.protocol.events.schema_changes import breaking_changes
from deliveries.protocol.writing.sentences import joined, say
from deliveries.services.catalogue.schemas import check_schema, compiled, violations
from deliveries.services.common import limits
from deliveries.services.common.audit import record_act
from deliveries.services.common.held_rows import hold

DESCRIPTION_LIMIT = 5000


def create_event_type(fields: Mapping[str, object], *, customer: Customer | None = None, actor: str) -> EventType:
    """Return the new event type; raises InvalidInput, and Conflict when the name is taken."""
    event_type = EventType(customer=customer, **_checked(fields))
    check_example(event_type.schema, event_type.example)
    with transaction.atomic():
        if customer is not None:
            limits.lock(customer)
            limits.refuse_beyond("event_types", EventType.objects.filter(customer=customer).count(), customer)
        _save(event_type)
        detail = {"name": event_type.name}
        record_act(actor, "event_type.create", customer=customer, object_id=event_type.public_id, detail=detail)
    return event_type


def update_event_type(
    event_type: EventType, fields: Mapping[str, object], *, actor: str, force: bool = False
) -> EventType:
    """Change the given fields only; Conflict when the new schema would break readers, unless forced."""
    checked = _checked(fields)
    if not checked:
        return event_type
    with transaction.atomic():
        _hold(event_type)
        if "schema" in checked and not force:
            _refuse_breaking(event_type, checked["schema"])
        for name, value in checked.items():
            setattr(event_type, name, value)
        if {"schema", "example"} & checked.keys():
            check_example(event_type.schema, event_type.example)
        _save(event_type)
        _record(event_type, "event_type.update", actor=actor, detail={"fields": sorted(checked)})
    return event_type


def delete_event_type(event_type: EventType, *, actor: str) -> None:
    """Forget an event type; events of that name stay in the log."""
    with transaction.atomic():
        _hold(event_type)
        _record(event_type, "event_type.delete", actor=actor, detail={"name": event_type.name})
        event_type.delete()


def _hold(event_type: EventType) -> None:
    if event_type.customer is not None:
        limits.lock(event_type.customer)
    hold(event_type)


def _refuse_breaking(event_type: EventType, schema: object) -> None:
    if broken := breaking_changes(event_type.schema, schema):
        raise Conflict(say("this schema may break receivers: {changes}", changes=joined(broken[:10])))


def _checked(fields: Mapping[str, Any]) -> dict[str, object]:
    checked = dict(fields)
    if "name" in checked:
        check_own_name(checked["name"], field="name")
    if len(checked.get("description", "")) > DESCRIPTION_LIMIT:
        raise InvalidInput(
            say("at most {description_limit} characters", description_limit=DESCRIPTION_LIMIT), field="description"
        )
    if checked.get("validation", "off") not in EventType.Validation.values:
        raise InvalidInput(say("one of {names}", names=", ".join(EventType.Validation.values)), field="validation")
    if "schema" in checked:
        check_schema(checked["schema"])
    return checked


def check_example(schema: object, example: object) -> None:
    """Raise InvalidInput for an example that does not fit its schema; either may be None."""
    if schema is None or example is None:
        return
    found = violations(compiled(schema), example)
    if found:
        place, sentence = found[0].pointer or "/", found[0].detail
        raise InvalidInput(
            say("does not fit the schema: {place}: {sentence}", place=place, sentence=sentence), field="example"
        )


def _save(event_type: EventType) -> None:
    try:
        with transaction.atomic():
            event_type.save()
    except IntegrityError as error:
        if "event_type_name_once_per_owner" not in str(error):
            raise
        raise Conflict(say("there is an event type of this name already")) from error


def _record(event_type: EventType, action: str, *, actor: str, detail: Mapping[str, object]) -> None:
    record_act(actor, action, customer=event_type.customer, object_id=event_type.public_id, detail=detail)
