"""Hook0: applications, event types and subscriptions, as its API answers.

What lives here: what its words mean here. Who is a customer, Hook0 does not say: it is an application, or the value of
the label that the document names. A subscription that would get other events than from Hook0 is refused with the
reason. Source: Hook0's API reference and its page on subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping

from deliveries.protocol.imports.item import Given, ImportItem, Secret, a_text, an_object, objects

METHODS = ("POST", "PUT", "PATCH")


def read_hook0(data: object) -> list[ImportItem]:
    """Return the items of a document with `subscriptions`, `applications`, `event_types` and `customer_label`."""
    document = an_object(data)
    types = enumerate(objects(document.get("event_types")))
    found = [
        ImportItem(place=f"event_types[{place}]", kind="event_type", uid=a_text(each.get("event_type_name")))
        for place, each in types
    ]
    told = objects(document.get("applications"))
    names = {a_text(each.get("application_id")): a_text(each.get("name")) for each in told}
    label = a_text(document.get("customer_label"))
    for place, each in enumerate(objects(document.get("subscriptions", data))):
        found.append(_endpoint(each, f"subscriptions[{place}]", label, names))
    return found


def _endpoint(given: Given, place: str, label: str, names: Mapping[str, str]) -> ImportItem:
    sent_to, secret = an_object(given.get("target")), a_text(given.get("secret"))
    labels = dict(an_object(given.get("labels")))
    customer = a_text(labels.pop(label, "")) if label else a_text(given.get("application_id"))
    return ImportItem(
        place=place,
        kind="endpoint",
        uid=a_text(given.get("subscription_id")),
        customer=customer,
        customer_name=names.get(customer) or customer,
        fields={
            "url": a_text(sent_to.get("url")),
            "method": a_text(sent_to.get("method")).upper() or "POST",
            "description": a_text(given.get("description")),
            "event_types": given.get("event_types") or [],
            "tags": [f"{name}:{value}" for name, value in labels.items()],
            "metadata": given.get("metadata") or {},
            "headers": {name: _joined(value) for name, value in an_object(sent_to.get("headers")).items()},
            "signing": "hook0",
            "payload_mode": "data",
            "state": "disabled" if given.get("is_enabled") is False else "enabled",
        },
        secrets=(Secret(text=secret),) if secret else (),
        refused=_refusal(given, customer, label, labels),
        note=_note(given, labels),
    )


def _refusal(given: Given, customer: str, label: str, labels: Given) -> str:
    """Return what makes an endpoint get something else here than it gets from Hook0."""
    if not a_text(given.get("subscription_id")):
        return "subscription_id: it has none"
    if not customer:
        return f"labels: it has none called {label}" if label else "application_id: it has none"
    if len(labels) > 1:
        return "labels: Hook0 asks for all of them, tags here for one; name the customer's in customer_label"
    if not given.get("event_types"):
        return "event_types: it has none, so Hook0 sends it nothing"
    method = a_text(an_object(given.get("target")).get("method")).upper() or "POST"
    if method not in METHODS:
        return f"target.method: {method} is not sent from here"
    return "" if given.get("secret") else "secret: it is missing"


def _note(given: Given, labels: Given) -> str:
    """Return what is to be done, or was left behind."""
    tags = [f"it gets what is emitted with the tag {name}:{value}" for name, value in labels.items()]
    schedule = ["its retry schedule was left behind"] if given.get("retry_schedule_id") else []
    return "; ".join([*tags, *schedule])


def _joined(value: object) -> str:
    """Return a header's value; Hook0 lists those of one that comes more than once."""
    return ", ".join(map(a_text, value)) if isinstance(value, list) else a_text(value)
