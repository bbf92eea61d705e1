"""What a filter would match: the customer's last events, each condition explained, within bounds."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from deliveries.errors import InvalidFilter, InvalidInput
from deliveries.evaluator.turns import asking_for
from deliveries.models import Customer, Delivery, Endpoint, Lane
from deliveries.services.accepting.event_store import EVERYONE
from deliveries.services.accepting.events import EventDraft, accept_event
from deliveries.services.endpoint import filter_preview
from deliveries.services.endpoint.filter_preview import Verdict, preview_filter
from deliveries.services.process import shares
from deliveries.services.reading import recent_events

pytestmark = pytest.mark.django_db


def an_event(
    customer: Customer | None, data: object, name: str = "invoice.paid", *, tags: tuple[str, ...] = ()
) -> UUID:
    """An event of a customer; without one, for everyone."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    whose = {"customer_id": customer.id} if customer else {"customer_uid": EVERYONE}
    return accept_event(EventDraft(type=name, data=raw, tags=tags, **whose)).event_id  # type: ignore[arg-type]


@pytest.fixture
def alice() -> Customer:
    return Customer.objects.create(name="Alice")


def test_each_condition_says_whether_it_holds_and_what_the_event_has_there(alice: Customer) -> None:
    an_event(alice, {"amount": 50, "currency": "EUR", "lines": [1, 2, 3, 4, 5, 6, 7]})
    an_event(alice, {"amount": "150", "lines": "x" * 500})
    text = '$.data.amount > 100 && !($.data.currency == "EUR") && exists($.data.lines[*])'
    preview = preview_filter(alice.id, filter_=text, event_types=[])
    assert preview.counts[Verdict.NOT_MATCHED] == preview.looked_at == 2
    second, first = ([(s.holds, s.is_met, s.says) for s in each.conditions] for each in preview.examples)
    assert first == [
        (False, False, "The event has 50 there."),
        (True, False, 'The event has "EUR" there.'),
        (True, True, "The event has 1, 2, 3, 4, 5 and 2 more there."),
    ]
    assert second[:2] == [
        (None, False, 'The event has "150" there, which cannot be compared with 100.'),
        (False, True, "The event has nothing at $.data.currency."),
    ]
    assert len(second[2][2]) < 300


def test_a_preview_is_drawn_on_the_account_of_the_customer_who_asks_for_it(
    alice: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[UUID] = []
    monkeypatch.setattr(shares, "charge", lambda by, **_of_what: drawn.append(by))
    for asker in (alice.id, None):  # the customer itself, and the operator for it
        with asking_for(asker):
            preview_filter(alice.id, filter_="$.data.a == 1", event_types=[])
    assert drawn == [alice.id]


def test_what_matches_here_is_what_an_event_is_fanned_out_to(alice: Customer) -> None:
    """Given type, family and filter, then each event has the result that sending has."""
    an_event(alice, {"a": 1}, "invoice.paid")
    an_event(alice, {"a": 2}, "invoice.sent")
    an_event(alice, {"a": 1}, "order.made")
    an_event(None, {"a": 1}, "invoice.paid")
    preview = preview_filter(alice.id, filter_="strict $.data.a == 1", event_types=["invoice.*"])
    assert preview.counts == {
        Verdict.MATCHED: 2,
        Verdict.NOT_MATCHED: 1,
        Verdict.OTHER_TYPE: 1,
        Verdict.OTHER_TAGS: 0,
        Verdict.NOT_JUDGED: 0,
    }
    only = preview_filter(alice.id, filter_="$.data.a == 1", event_types=[], only=Verdict.NOT_MATCHED)
    assert [each.event.type for each in only.examples] == ["invoice.sent"]
    assert preview_filter(alice.id, filter_="", event_types=[]).counts[Verdict.MATCHED] == 4


def test_an_event_needs_a_tag_of_the_endpoint_as_it_does_when_it_is_sent(alice: Customer) -> None:
    endpoint = Endpoint.objects.create(
        customer=alice, url="https://a.example/", filter="$.data.a == 1", tags=["eu", "us"], event_types=["order.*"]
    )
    Lane.objects.create(endpoint=endpoint)
    sent = {
        an_event(alice, {"a": a}, name, tags=tags)
        for name in ("order.made", "invoice.paid")
        for a in (1, 2)
        for tags in ((), ("eu",), ("asia",), ("asia", "us"))
    }
    assert len(sent) == 16
    preview = preview_filter(
        alice.id, filter_=endpoint.filter, event_types=endpoint.event_types, tags=endpoint.tags or ()
    )
    assert [preview.counts[each] for each in Verdict] == [2, 8, 4, 2, 0]
    matched = {each.event.id for each in preview.examples if each.verdict == Verdict.MATCHED}
    assert matched == set(Delivery.objects.values_list("event_id", flat=True))
    told = {each.tags.says: each.tags.is_met for each in preview.examples if each.tags}
    assert told == {
        "The event has no tag, and needs one of eu, us.": False,
        "The event has asia, and none of eu, us.": False,
        "The event has eu.": True,
        "The event has us.": True,
    }
    assert all(each.tags is None for each in preview.examples if each.verdict == Verdict.OTHER_TYPE)
    with pytest.raises(InvalidInput):
        preview_filter(alice.id, filter_="", event_types=[], tags=["a b"])


def test_an_event_that_no_filter_can_evaluate_stands_alone(alice: Customer) -> None:
    for number in range(5):
        an_event(alice, {"a": number})
    odd = an_event(alice, b'{"a": 1e-200000}')
    preview = preview_filter(alice.id, filter_="$.data.a > 2", event_types=[])
    assert (preview.counts[Verdict.NOT_JUDGED], preview.counts[Verdict.MATCHED]) == (1, 2)
    assert [each.event.id for each in preview.examples if each.verdict == Verdict.NOT_JUDGED] == [odd]


def test_no_event_of_another_customer_is_looked_at(alice: Customer) -> None:
    bob = Customer.objects.create(name="Bob")
    an_event(bob, {"secret": 7})
    preview = preview_filter(alice.id, filter_="$.data.secret == 7", event_types=[])
    assert (preview.looked_at, preview.oldest_at, list(preview.examples)) == (0, None, [])


def test_events_bytes_and_time_are_bounded(alice: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        an_event(alice, {"a": number, "text": "x" * 1000})
    monkeypatch.setattr(filter_preview, "BYTES", 3500)
    preview = preview_filter(alice.id, filter_="$.data.a >= 0", event_types=[])
    assert (preview.looked_at, preview.counts[Verdict.MATCHED], preview.is_complete) == (3, 3, False)
    monkeypatch.setattr(filter_preview, "SECONDS", 0.0)
    preview = preview_filter(alice.id, filter_="$.data.a >= 0", event_types=[])
    assert (preview.looked_at, preview.is_complete) == (0, False)
    assert len(recent_events.recent_events(alice.id, limit=2)) == 2
    assert recent_events.RECENT_EVENTS == 1000


def test_what_an_endpoint_may_not_have_is_refused(alice: Customer) -> None:
    with pytest.raises(InvalidFilter):
        preview_filter(alice.id, filter_='$.a like_regex "^(a+)+$"', event_types=[])
    with pytest.raises(InvalidInput):
        preview_filter(alice.id, filter_="", event_types=["a..b"])
