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
