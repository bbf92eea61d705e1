"""The audit trail in the portal: a customer's own, and nothing that is for staff."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deliveries.admin.lists.listing import Line
from deliveries.models import AuditEntry, Endpoint
from deliveries.services.catalogue.event_types import delete_event_type
from deliveries.services.common.audit import record_act
from deliveries.services.customers import delete_customer
from deliveries.services.endpoints import delete_endpoint
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db
TRAIL = "/portal/deliveries/auditentry/"


def test_members_read_what_was_done_for_them_without_names_and_notes_of_staff(carol: Client, acme: House) -> None:
    record_act(
        *("user:bob", "endpoint.pause"),
        customer=acme.customer,
        object_id=acme.endpoint.public_id,
        reason="for you to read",
        note="for us alone",
    )
    entry = AuditEntry.objects.get(action="endpoint.pause")
    for address in (TRAIL, f"{TRAIL}{entry.public_id}/change/"):
        text = carol.get(address).content.decode()
        assert "the operator" in text
        assert "for you to read" in text
        assert "user:bob" not in text
        assert "for us alone" not in text
    assert not carol.get(TRAIL, {"q": "user:bob"}).context["listing"].lines
    assert len(carol.get(TRAIL, {"q": "endpoint.pause"}).context["listing"].lines) == 1


def test_the_trail_of_others_is_not_there(carol: Client, acme: House, globex: House) -> None:
    theirs = AuditEntry.objects.filter(customer=globex.customer)
    assert theirs
    assert not {str(each.pk) for each in theirs} & {line.key for line in carol.get(TRAIL).context["listing"].lines}
    assert carol.get(f"{TRAIL}{theirs[0].public_id}/change/").status_code == 404


def test_the_trail_leads_to_what_something_was_done_to(bob: Client, carol: Client, acme: House) -> None:
    rows = (acme.endpoint, acme.delivery, acme.event, acme.job, acme.failure, acme.event_type, acme.key)
    for row in rows:
        record_act("user:bob", "its.act", customer=acme.customer, object_id=row.public_id)
    record_act("user:bob", "endpoint.delete", customer=acme.customer, object_id="ep_gone")
    for client, site, others in ((bob, "admin", [acme.customer, acme.member]), (carol, "portal", [])):
        text = client.get(f"/{site}/deliveries/auditentry/").content.decode()
        for row in (*rows, *others):
            address = f"/{site}/deliveries/{row._meta.model_name}/{row.public_id}/change/"
            assert f'href="{address}"' in text or row in others, address
            assert client.get(address).status_code == 200, address
        assert "ep_gone" in text
        assert "/ep_gone/" not in text


def acts_read_by(client: Client, site: str) -> list[Line]:
    """The lines of the trail about what these tests did."""
    lines = client.get(f"/{site}/deliveries/auditentry/").context["listing"].lines
    return [line for line in lines if 'title="its.act"' in line.cells]


def test_the_trail_names_what_something_was_done_to_as_people_know_it(
    bob: Client, carol: Client, acme: House, globex: House
) -> None:
    """Given acts upon each noun, when staff and a member read of them, then names stand there with the ids."""
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(url="https://hooks.acme.example/billing", description="Billing")
    names = {
        acme.endpoint: "hooks.acme.example/billing · Billing",
        acme.delivery: "invoice.paid",
        acme.event: "invoice.paid",
        acme.job: "Redeliver what failed",
        acme.failure: "404 from https://hooks.acme.example/billing",
        acme.event_type: "acme.own",
        acme.key: "Acme sync",
        acme.member: "carol",
    }
    for row in names:
        record_act("user:bob", "its.act", customer=acme.customer, object_id=row.public_id)
    for client, site in ((bob, "admin"), (carol, "portal")):
        lines = acts_read_by(client, site)
        told = {
            id_ for row in names for line in lines if (id_ := row.public_id) in line.cells and names[row] in line.cells
        }
        assert told == {row.public_id for row in names}
        entry = AuditEntry.objects.get(action="its.act", object_id=acme.endpoint.public_id)
        assert names[acme.endpoint] in client.get(f"/{site}/deliveries/auditentry/{entry.pk}/change/").content.decode()


def test_what_is_gone_is_still_called_what_it_was_and_leads_nowhere(bob: Client, carol: Client, acme: House) -> None:
    """Given acts upon what was deleted since, then each entry names it, and none leads to a page that is not there."""
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(url="https://hooks.acme.example/billing")
    ids = [row.public_id for row in (acme.endpoint, acme.event_type, acme.member)]
    for each in ids:
        record_act("user:bob", "its.act", customer=acme.customer, object_id=each)
    delete_endpoint(Endpoint.objects.get(pk=acme.endpoint.pk), actor="user:bob")
    delete_event_type(acme.event_type, actor="user:bob")
    for each in acts_read_by(carol, "portal"):
        assert "<a" not in each.cells or acme.member.public_id in each.cells
    delete_customer(acme.customer, actor="user:bob")
    lines = acts_read_by(bob, "admin")
    assert len(lines) == len(ids)
    for name, gone in zip(("hooks.acme.example/billing", "acme.own", ""), ids, strict=True):
        found = next(line.cells for line in lines if gone in line.cells)
        assert name in found
        assert f"/{gone}/" not in found


def test_names_are_asked_for_once_for_all_rows(bob: Client, acme: House, globex: House) -> None:
    """Given one entry or forty of the same nouns, then as many statements are asked."""
    asked = []
    for number in (1, 10):
        for house in (acme, globex):
            for _ in range(number):
                record_act("user:bob", "its.act", customer=house.customer, object_id=house.endpoint.public_id)
                record_act("user:bob", "its.act", customer=house.customer, object_id=house.failure.public_id)
        with CaptureQueriesContext(connection) as statements:
            assert len(acts_read_by(bob, "admin")) >= 4 * number
        asked.append(len(statements))
    assert asked[0] == asked[1]


def test_a_member_is_led_to_no_page_that_the_portal_has_not(carol: Client, acme: House) -> None:
    record_act("user:bob", "customer.update", customer=acme.customer, object_id=acme.customer.public_id)
    text = carol.get(TRAIL).content.decode()
    assert acme.customer.public_id in text
    assert f"/{acme.customer.public_id}/" not in text
