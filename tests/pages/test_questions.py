"""What is asked before an act that cannot simply be taken back, and who reads what staff write with it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from deliveries.models import AuditEntry, Delivery, Endpoint
from deliveries.services.endpoints import pause_endpoint
from deliveries.services.resending.redelivery import redeliver
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

REASON, NOTE = "your server floods us with 500s", "called their CTO, he was rude"


def press(client: Client, site: str, noun: str, ref: str, act: str, **form: str) -> str:
    """Press a button, and read the page that follows."""
    return client.post(f"/{site}/deliveries/{noun}/{ref}/{act}/", form, follow=True).content.decode()


@pytest.mark.parametrize(
    ("site", "act", "form", "words"),
    [
        ("portal", "pause", {}, "Nothing is sent to"),
        ("portal", "rotate", {"keep_hours": "0"}, "The old secret ends now"),
        ("portal", "rotate", {"keep_hours": "24"}, "beside it for 24 more hours"),
        ("admin", "pause", {}, "Nothing is sent to"),
        ("admin", "disable", {}, "members see it as disabled"),
        ("admin", "resume", {"backlog": "cancel"}, "is cancelled and never sent"),
    ],
)
def test_what_will_happen_to_an_endpoint_is_said_before_it_does(
    site: str, act: str, form: dict[str, str], words: str, alice: Client, carol: Client, acme: House
) -> None:
    if act == "resume":
        pause_endpoint(acme.endpoint, actor="user:alice")
    before = Endpoint.objects.filter(pk=acme.endpoint.pk).values("state", "state_reason").get()
    asked = press(alice if site == "admin" else carol, site, "endpoint", acme.endpoint.public_id, act, **form)
    assert words in asked
    assert all(f'name="{name}" value="{value}"' in asked for name, value in form.items())
    assert Endpoint.objects.filter(pk=acme.endpoint.pk).values("state", "state_reason").get() == before
    assert [(each.expires_at, "whsec_" in asked) for each in acme.endpoint.secrets.all()] == [(None, False)]
    assert not AuditEntry.objects.filter(action=f"endpoint.{act}", actor="member:carol").exists()


def test_revoking_a_key_and_cancelling_a_job_are_asked_before(alice: Client, carol: Client, acme: House) -> None:
    assert "It cannot be undone." in press(carol, "portal", "apikey", acme.key.public_id, "revoke")
    assert "what waits is taken back" in press(alice, "admin", "job", acme.job.public_id, "cancel")
    acme.key.refresh_from_db()
    acme.job.refresh_from_db()
    assert (acme.key.revoked_at, acme.job.finished_at) == (None, None)


def test_a_no_leads_back_and_a_yes_does_it(carol: Client, acme: House) -> None:
    asked = press(carol, "portal", "endpoint", acme.endpoint.public_id, "rotate", keep_hours="0")
    assert f'href="/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/"' in asked
    done = press(carol, "portal", "endpoint", acme.endpoint.public_id, "rotate", keep_hours="0", confirmed="yes")
    assert "whsec_" in done
    (left,) = acme.endpoint.secrets.all()
    assert left.hint != acme.secret[-4:]


def pages_of(client: Client, site: str, house: House) -> str:
    """All pages on which an endpoint and its delivery tell what was done."""
    paths = (
        f"endpoint/{house.endpoint.public_id}/change/",
        f"endpoint/{house.endpoint.public_id}/history/",
        f"delivery/{house.delivery.public_id}/change/",
        f"delivery/{house.delivery.public_id}/history/",
        "endpoint/",
        "",
    )
    return "".join(client.get(f"/{site}/deliveries/{path}", follow=True).content.decode() for path in paths)


def test_customers_read_the_reason_and_neither_the_note_nor_who_of_staff_it_was(
    bob: Client, carol: Client, acme: House
) -> None:
    written = {"confirmed": "yes", "reason": REASON, "note": NOTE}
    press(bob, "admin", "endpoint", acme.endpoint.public_id, "pause", **written)
    press(bob, "admin", "delivery", acme.delivery.public_id, "redeliver", **written)
    seen = pages_of(carol, "portal", acme)
    assert REASON in seen
    assert "the operator" in seen
    assert NOTE not in seen
    assert "bob" not in re.sub(r'value="[A-Za-z0-9]{64}"', "", seen)  # forms carry tokens of chance
    shown = pages_of(bob, "admin", acme)
    assert all(words in shown for words in (REASON, NOTE, "bob (staff)"))


def test_customers_see_neither_names_of_service_keys_nor_of_staff_in_attempts(carol: Client, acme: House) -> None:
    type(acme.attempt).objects.filter(pk=acme.attempt.pk).update(actor="key:internal-billing")
    seen = pages_of(carol, "portal", acme)
    assert "Asked for by the operator" in seen
    assert "internal-billing" not in seen


def test_customers_see_which_of_their_own_people_did_it(carol: Client, acme: House) -> None:
    redeliver(acme.delivery, actor="member:carol")
    assert "carol (member)" in pages_of(carol, "portal", acme)


def test_a_member_writes_no_note(carol: Client, acme: House) -> None:
    assert 'name="note"' not in press(carol, "portal", "endpoint", acme.endpoint.public_id, "pause")
    press(carol, "portal", "endpoint", acme.endpoint.public_id, "pause", confirmed="yes", note=NOTE)
    assert AuditEntry.objects.get(action="endpoint.pause").note == ""


RED = re.compile(r"<button[^>]*\bbg-red-600\b[^>]*>\s*([^<]*?)\s*</button>")


@pytest.mark.parametrize(
    ("site", "noun", "act", "form", "red"),
    [
        ("portal", "failuregroup", "redeliver", {}, []),
        ("portal", "endpoint", "pause", {}, []),
        ("portal", "endpoint", "rotate", {"keep_hours": "24"}, []),
        ("portal", "endpoint", "rotate", {"keep_hours": "0"}, ["End the old secret"]),
        ("admin", "endpoint", "disable", {}, ["Disable"]),
        ("portal", "apikey", "revoke", {}, ["Revoke"]),
        ("portal", "job", "cancel", {}, []),
        ("admin", "event", "erase", {}, ["Erase the content"]),
    ],
)
def test_a_button_is_red_where_something_is_lost_and_nowhere_else(
    site: str, noun: str, act: str, form: dict[str, str], red: list[str], alice: Client, carol: Client, acme: House
) -> None:
    """Given a question, then sending again looks as harmless as it is, and what nothing brings back does not."""
    rows = {"failuregroup": acme.failure, "endpoint": acme.endpoint, "apikey": acme.key, "job": acme.job}
    Delivery.objects.filter(pk=acme.delivery.pk).update(state="exhausted", failed_at=acme.failure.last_at)
    ref = {**rows, "event": acme.event}[noun].public_id
    assert RED.findall(press(alice if site == "admin" else carol, site, noun, ref, act, **form)) == red


def test_what_deletes_is_quieter_than_what_saves(carol: Client, acme: House) -> None:
    page = carol.get(f"/portal/deliveries/endpoint/{acme.endpoint.public_id}/change/").content.decode()
    assert "Delete…" in page
    assert not RED.findall(page)
