"""No parameter of an address or of a form leads a member to another customer's row, on any page of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client

from deliveries.admin.site.sites import portal_site
from deliveries.models import AuditEntry, Customer, Delivery, Endpoint, FailureGroup, Job, Member
from deliveries.services.people.members import add_member
from tests.pages.conftest import House, logged_in
from tests.pages.test_isolation import pages_of_a_row, portal_pages, row_of
from tests.pages.written import written

pytestmark = pytest.mark.django_db

ALONE = ("", "find/", "catalogue/", "members/", "customers/", "profile/", "receiving/", "second-factor/")
LOOKED_UP = ("q", "endpoint", "type", "tag")
ONLY_READ = ("p", "state", "status", "error", "since", "until")  # to these an id is a text as any other


def strange_ids(house: House) -> list[str]:
    """What names rows of another customer, in every form that an address takes."""
    rows = [row for row in house.rows() if row is not house.entry]
    return [*(row.public_id for row in rows), str(house.endpoint.pk), str(house.delivery.pk), str(house.customer.pk)]


def parameters(house: House) -> Iterator[dict[str, str]]:
    """What views read of an address or a form, with another's rows of the kind that they ask for, and of any kind."""
    kinds = {row._meta.model_name: row for row in house.rows()}
    named = {"test": house.delivery, "type": house.event_type, "event_type": house.event_type, "key": house.key}
    named |= {"_selected_action": house.delivery, "original": house.event, "id": house.attempt, "q": house.endpoint}
    for form in ("public_id", "pk"):
        yield {name: str(getattr(row, form)) for name, row in (kinds | named).items()}


def narrowings(names: list[str]) -> Iterator[tuple[str, str]]:
    """What a list may be narrowed to: any id where one is looked up, one of each form elsewhere."""
    yield from product(LOOKED_UP, names)
    yield from product(ONLY_READ, (names[0], names[-1]))


def own_addresses(house: House) -> Iterator[str]:
    """Every page, fragment and act of a customer's own rows, and the pages that name none."""
    for page in portal_pages():
        noun = f"/portal/deliveries/{page.opts.model_name}/"
        yield from (f"{noun}{row_of(house, page.model).public_id}/{ending}" for ending in pages_of_a_row(page) - {""})
        yield f"{noun}add/"
    yield from (f"/portal/{place}" for place in ALONE)
    yield from (f"/portal/deliveries/delivery/{act}/" for act in ("redeliver-all", "cancel-all", "export"))
    yield from (f"/portal/deliveries/endpoint/{part}/" for part in ("check-url", "example"))


def stored() -> dict[str, list[Any]]:
    """All that is kept of anybody, by table."""
    models = (Customer, Endpoint, Delivery, FailureGroup, Job, Member)
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def of(found: dict[str, list[Any]], customer: Customer) -> dict[str, list[Any]]:
    """What of it is one customer's."""
    return {name: [row for row in rows if customer.pk in row.values()] for name, rows in found.items()}


def said_of(answer: Any) -> str:
    """The whole answer as text."""
    return answer.getvalue().decode(errors="replace") if answer.streaming else answer.content.decode(errors="replace")


def tells_of(house: House, text: str) -> list[str]:
    """What a text tells of a customer: its name, its URL, its event type, and the address in its log."""
    needles = (house.customer.name, house.endpoint.url, house.event_type.name, f"{house.key.hint}")
    return [needle for needle in needles if re.search(rf"(?<![\w.]){re.escape(needle)}", text)]


def test_no_parameter_of_an_own_page_shows_or_touches_anothers_row(carol: Client, acme: House, globex: House) -> None:
    """Given a member's own pages, when parameters name another's rows, then nothing of those is told or changed."""
    before, walked = of(stored(), globex.customer), 0
    for place in own_addresses(acme):
        for given in parameters(globex):
            for confirmed in ({}, {"confirmed": "yes", "post": "yes"}):
                with transaction.atomic():  # what it does to rows of one's own is undone
                    unwritten = written()
                    answer = carol.post(place, given | confirmed) if confirmed else carol.get(place, given)
                    assert answer.status_code < 500, (place, given)
                    assert tells_of(globex, said_of(answer)) == [], (place, given)
                    if written() != unwritten:
                        assert of(stored(), globex.customer) == before, (place, given)
                        assert not AuditEntry.objects.filter(customer=globex.customer, actor__contains="carol").exists()
                    transaction.set_rollback(True)
                walked += 1
    assert walked > 300


def test_no_list_is_narrowed_to_anothers_rows(carol: Client, acme: House, globex: House) -> None:
    nouns = [model._meta.model_name for model in portal_site._registry]
    assert set(nouns) <= {model._meta.model_name for model in apps.get_models()}
    for noun in nouns:
        for parameter, name in narrowings(strange_ids(globex)):
            answer = carol.get(f"/portal/deliveries/{noun}/", {parameter: name})
            assert answer.status_code in (200, 400), (noun, parameter)
            assert tells_of(globex, said_of(answer)) == [], (noun, parameter, name)


def test_who_is_at_two_customers_sees_one_of_them_at_a_time(acme: House, globex: House) -> None:
    """Given one browser, when its person goes over to the other customer, then nothing is left of the one before."""
    add_member(acme.customer, "erin", actor="system")
    person = Member.objects.get(user__username="erin").user
    members = {
        each.customer_id: each for each in (person.memberships.get(), Member(customer=globex.customer, user=person))
    }
    members[globex.customer.pk].save()
    browser = logged_in(person)
    for here, there in ((acme, globex), (globex, acme)):
        member = members[here.customer.pk]
        browser.post("/portal/customers/", {"member": member.public_id})
        for page in portal_pages():
            noun = f"/portal/deliveries/{page.opts.model_name}/"
            own, others = row_of(here, page.model), row_of(there, page.model)
            assert browser.get(f"{noun}{own.public_id}/change/").status_code == 200, page
            assert browser.get(f"{noun}{others.public_id}/change/").status_code == 404, page
            assert there.endpoint.url not in said_of(browser.get(noun)), page
