"""Letters about alerts: who gets one, what it says, and that nothing others chose or answered can do harm in it."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from django.core import mail
from django.urls import reverse

from deliveries.engine.dispatcher import housekeeping
from deliveries.models import Alert, Customer, Endpoint, Lane
from deliveries.services.common.site_links import SITES
from deliveries.services.endpoints import create_endpoint, delete_endpoint, disable_endpoint
from deliveries.services.people.members import add_member
from deliveries.services.telling import alerts
from deliveries.services.telling.alert_mail import is_mail_due, send_due_mail
from tests.engine.steps import Script, an_endpoint, emit, take_turn
from tests.receiver import Receiver
from tests.services.mailing import CAROL, OPERATOR
from tests.services.steps import DEAD, Kind, failing, give_up
from tests.smtp_server import MailServer, html_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def letters() -> list[tuple[str, str]]:
    """Who got a letter, and its subject."""
    return [(letter.to[0], str(letter.subject)) for letter in mail.outbox]


def test_members_are_written_to_once_when_an_endpoint_has_failed_for_a_day(shop: Endpoint) -> None:
    since = failing(shop, hours=25)
    for _ in range(3):
        housekeeping()
        send_due_mail()
    (letter,) = mail.outbox
    assert letters() == [(CAROL, "[Hookpost] The endpoint 93.184.216.34 fails")]
    assert f"No delivery has arrived since {since:%Y-%m-%d %H:%M} UTC." in letter.body
    assert "The shop" in letter.body
    assert "it is disabled after" in letter.body
    assert Alert.objects.get().mailed_at is not None


def test_members_are_written_to_when_an_endpoint_was_disabled(shop: Endpoint) -> None:
    disable_endpoint(shop, actor="system", reason="the endpoint answered 410 Gone")
    send_due_mail()
    assert letters() == [(CAROL, "[Hookpost] The endpoint 93.184.216.34 was disabled")]
    assert "because the endpoint answered 410 Gone." in mail.outbox[0].body


def test_members_hear_that_deliveries_were_given_up_and_the_operator_does_not(
    receiver: Receiver, operator: None
) -> None:
    endpoint = an_endpoint(receiver.url, retry_schedule=[0])
    add_member(endpoint.customer, "carol", email=CAROL, actor="user:root")
    for number in range(3):
        give_up(endpoint, receiver, number=number)
    send_due_mail()
    assert letters() == [(CAROL, "[Hookpost] Deliveries to 127.0.0.1 were given up")]
    assert "The endpoint refused the request. (404)" in mail.outbox[0].body


def test_the_operator_hears_of_every_customer_in_one_letter(operator: None) -> None:
    for name in ("Alice", "Bob", "Charlie"):
        customer = Customer.objects.create(name=name)
        failing(create_endpoint(customer, {"url": DEAD}, actor="system")[0], hours=30)
    housekeeping()
    send_due_mail()
    assert letters() == [(OPERATOR, "[Hookpost] The endpoint 93.184.216.34 fails (and 2 more)")]
    assert all(name in mail.outbox[0].body for name in ("Alice", "Bob", "Charlie"))


def test_only_the_operator_hears_that_the_encryption_key_is_wrong(shop: Endpoint, operator: None) -> None:
    alerts.note_cannot_send(shop.id, reason="HOOKPOST_ENCRYPTION_KEYS: no key 't1', which sealed a stored secret")
    send_due_mail()
    assert letters() == [(OPERATOR, "[Hookpost] Nothing can be sent")]
    assert "HOOKPOST_ENCRYPTION_KEYS: no key 't1'" in mail.outbox[0].body


def test_who_has_no_address_or_is_switched_off_gets_no_letter(shop: Endpoint) -> None:
    add_member(shop.customer, "dave", actor="user:root")
    gone = add_member(shop.customer, "eve", email="eve@example.com", actor="user:root")
    gone.user.is_active = False
    gone.user.save()
    add_member(an_endpoint(DEAD).customer, "mallory", email="mallory@example.com", actor="user:root")
    failing(shop, hours=25)
    housekeeping()
    send_due_mail()
    assert [to for to, _ in letters()] == [CAROL]


def test_without_anybody_to_write_to_nothing_waits(receiver: Receiver) -> None:
    failing(an_endpoint(DEAD), hours=25)
    housekeeping()
    assert send_due_mail() == 0
    assert not is_mail_due()
    assert Alert.objects.get().mailed_at is None


@pytest.mark.parametrize("end", ["it works again", "it was deleted"])
def test_what_is_over_before_the_letter_is_written_is_not_written_about(end: str, shop: Endpoint) -> None:
    failing(shop, hours=25)
    housekeeping()
    if end == "it works again":
        Lane.objects.update(failing_since=None)
    else:
        delete_endpoint(shop, actor="user:carol")
    assert send_due_mail() == 0
    assert not is_mail_due()


def test_a_letter_leads_to_the_page_of_the_endpoint(shop: Endpoint, operator: None) -> None:
    failing(shop, hours=25)
    housekeeping()
    send_due_mail()
    for letter, site in zip(mail.outbox, SITES, strict=True):
        assert reverse(f"{site}:deliveries_endpoint_change", args=[shop.public_id]) in letter.body


def test_a_letter_says_how_the_latest_attempt_ended_also_in_front_of_a_backlog(receiver: Receiver) -> None:
    receiver.answer = Script(503)
    endpoint = an_endpoint(receiver.url)
    add_member(endpoint.customer, "carol", email=CAROL, actor="user:root")
    emit(endpoint)
    take_turn(endpoint)
    for number in range(150):
        emit(endpoint, number=number)
    failing(endpoint, hours=25)
    housekeeping()
    send_due_mail()
    assert "Lately:      The endpoint failed while handling the request. (503)" in mail.outbox[0].body


def test_the_gravest_alert_makes_the_subject(receiver: Receiver) -> None:
    """Given an endpoint that answers 410, then its delivery is given up too, which matters less."""
    receiver.answer = Script(410)
    endpoint = an_endpoint(receiver.url)
    add_member(endpoint.customer, "carol", email=CAROL, actor="user:root")
    emit(endpoint)
    take_turn(endpoint)
    send_due_mail()
    assert letters() == [(CAROL, "[Hookpost] The endpoint 127.0.0.1 was disabled (and 1 more)")]


HOSTILE = "Bob\r\nBcc: everybody@example.net\r\n\r\nClick http://evil.example/ \u202e\x00\x1b[2J\u2028 é"


def test_nothing_that_others_chose_adds_a_header_or_a_line(shop: Endpoint, operator: None, server: MailServer) -> None:
    plain_hostile = HOSTILE.replace("\x00", "")
    Customer.objects.update(name=plain_hostile[:200])
    Endpoint.objects.update(description=plain_hostile, url=f"https://evil.example\r\nBcc: x@y.z/{plain_hostile}")
    emit(shop)
    take_turn(shop)
    shop.delivery_set.update(error=plain_hostile, attempts=1)  # type: ignore[attr-defined]
    failing(shop, hours=25)
    housekeeping()
    disable_endpoint(shop, actor="system", reason=plain_hostile)
    assert send_due_mail() == 2
    for to, raw in server.letters:
        letter = message_from_bytes(raw, policy=policy.default)
        assert {"Subject", "From", "To", "Auto-Submitted"} <= set(letter.keys())
        assert (letter["To"], letter["Bcc"]) == (to, None)
        body = text_of(raw)
        assert not [line for line in body.splitlines() if line.lower().startswith(("bcc:", "click"))]
        assert not set("\u202e\x00\x1b\u2028") & set(body)
        assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
        assert not set("\u202e\x00\x1b\u2028") & set(html_of(raw))


def test_a_url_may_be_a_secret_and_only_its_host_is_named(shop: Endpoint, operator: None) -> None:
    Endpoint.objects.update(url="https://hooks.example.com/services/T0K3N?key=s3cr3t")
    failing(shop, hours=25)
    housekeeping()
    send_due_mail()
    for letter in mail.outbox:
        assert "hooks.example.com" in letter.body
        assert "T0K3N" not in letter.body
        assert "s3cr3t" not in letter.body


def test_many_alerts_are_one_letter_of_bounded_length(shop: Endpoint) -> None:
    for number in range(60):
        Alert.objects.create(
            kind=Kind.DISABLED,
            endpoint=shop,
            since=datetime(2026, 1, 1, 0, number, tzinfo=UTC),
            created_at=datetime.now(UTC),
            mail_due_at=datetime.now(UTC),
            reason="gone",
        )
    assert send_due_mail() == 1
    assert mail.outbox[0].subject.endswith("(and 59 more)")
    assert mail.outbox[0].body.count("was disabled") == 50
    assert "And 10 more:" in mail.outbox[0].body
