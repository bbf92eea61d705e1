"""Inboxes: how many, how fast, how long; and that nobody is woken by what they are told to answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deliveries.errors import InvalidUrl, LimitReached
from deliveries.models import Alert, AuditEntry, Customer, Endpoint
from deliveries.protocol.sending.inbox import INBOX_URLS, InboxAnswer
from deliveries.services.endpoints import create_endpoint, update_endpoint
from deliveries.services.purge import purge_rows
from deliveries.services.telling.alert_letters import letters_for
from deliveries.services.telling.mail_choices import Reader
from tests.services.mailing import OPERATOR
from tests.settings import SETTINGS

pytestmark = pytest.mark.django_db

OK, ERROR = INBOX_URLS[InboxAnswer.OK], INBOX_URLS[InboxAnswer.ERROR]
OUTSIDE = "https://93.184.216.34/in"


@pytest.fixture
def customer() -> Customer:
    return Customer.objects.create(name="Alice & Co")


def made(customer: Customer, url: str = OK, **fields: object) -> Endpoint:
    return create_endpoint(customer, {"url": url, **fields}, actor="member:carol")[0]


def test_an_inbox_is_never_faster_than_ten_a_second_and_free_again_when_it_is_none(customer: Customer) -> None:
    assert made(customer).rate_limit == 10
    assert made(customer, rate_limit=3).rate_limit == 3
    endpoint = update_endpoint(made(customer, OUTSIDE), {"url": OK}, actor="x")
    assert endpoint.rate_limit == 10
    assert update_endpoint(endpoint, {"rate_limit": 5000}, actor="x").rate_limit == 10
    endpoint.refresh_from_db()
    assert endpoint.rate_limit == 10
    assert update_endpoint(endpoint, {"url": OUTSIDE}, actor="x").rate_limit is None
    endpoint.refresh_from_db()
    assert endpoint.rate_limit is None


def test_a_customer_has_few_inboxes_whichever_way_they_are_made(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.services.common.limits.INBOXES", 1)
    first = made(customer)
    other = made(customer, OUTSIDE)
    with pytest.raises(LimitReached):
        made(customer, ERROR)
    with pytest.raises(LimitReached):
        update_endpoint(other, {"url": ERROR}, actor="x")
    assert update_endpoint(first, {"url": ERROR}, actor="x").url == ERROR
    assert made(Customer.objects.create(name="Bob & Co")).url == OK


def test_an_inbox_that_nobody_changes_for_a_week_is_deleted_and_others_are_not(customer: Customer) -> None:
    old, fresh, outside = made(customer), made(customer), made(customer, OUTSIDE)
    long_ago = timezone.now() - timedelta(days=8)
    Endpoint.objects.filter(pk__in=(old.pk, outside.pk)).update(updated_at=long_ago)
    purge_rows()
    assert set(Endpoint.objects.filter(deleted_at=None)) == {fresh, outside}
    assert AuditEntry.objects.filter(action="endpoint.delete", object_id=old.public_id, actor="system").exists()


def test_the_operator_gets_no_letter_about_an_inbox(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "alert_mail", (OPERATOR,))
    alerts = [
        Alert(kind=Alert.Kind.DISABLED, endpoint=made(customer, url), since=timezone.now(), created_at=timezone.now())
        for url in (INBOX_URLS[InboxAnswer.GONE], OUTSIDE)
    ]
    carol = Reader(to="carol@example.com", name="carol", customer="Acme", token="t")
    letters = letters_for(alerts, readers={customer.pk: [carol]}, errors={})
    assert {letter.to: len(letter.about) for letter in letters} == {OPERATOR: 1, "carol@example.com": 2}


def test_no_other_name_of_the_kind_is_taken(customer: Customer) -> None:
    with pytest.raises(InvalidUrl):
        made(customer, "https://inbox.hookpost.invalid/201")
