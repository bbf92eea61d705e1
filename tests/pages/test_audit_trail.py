"""The audit trail in the portal: a customer's own, and nothing that is for staff."""

from __future__ import annotations

import pytest
from django.test import Client

from deliveries.models import AuditEntry
from deliveries.services.audit import record_act
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


def test_a_member_is_led_to_no_page_that_the_portal_has_not(carol: Client, acme: House) -> None:
    record_act("user:bob", "customer.update", customer=acme.customer, object_id=acme.customer.public_id)
    text = carol.get(TRAIL).content.decode()
    assert acme.customer.public_id in text
    assert f"/{acme.customer.public_id}/" not in text
