"""Deliveries as people see them: lists, one with its attempts, sending again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries.admin.parts.paging import WINDOW, Source
from deliveries.models import Attempt, AuditEntry, Delivery, DueDelivery, Endpoint
from deliveries.services.accepting.events import EventDraft, accept_event
from tests.pages.conftest import House, logged_in

pytestmark = pytest.mark.django_db


def page_of(client: Client, house: House, *, site: str = "admin") -> str:
    """The page of the house's delivery."""
    answer = client.get(f"/{site}/deliveries/delivery/{house.delivery.public_id}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def redeliver(client: Client, house: House, *, site: str = "admin", reason: str = "") -> str:
    """Press the button; returns the page that follows."""
    address = f"/{site}/deliveries/delivery/{house.delivery.public_id}/redeliver/"
    return client.post(address, {"reason": reason}, follow=True).content.decode()


def emit(house: House, count: int) -> None:
    """Events of the house's customer."""
    for number in range(count):
        accept_event(EventDraft(customer_id=house.customer.id, type="order.shipped", data=b"%d" % number))
    DueDelivery.objects.update(rank=2, due_at=timezone.now() + timedelta(minutes=5))


def shown(client: Client, query: dict[str, str]) -> list[Delivery]:
    """The rows of the staff's list."""
    answer = client.get("/admin/deliveries/delivery/", query)
    assert answer.status_code == 200
    return list(answer.context["listing"].rows)


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_a_delivery_is_shown_with_its_attempts_in_plain_words(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    text = page_of(bob if site == "admin" else carol, acme, site=site)
    assert "the receiver answers 404, there is nothing at this path" in text
    assert "203.0.113.7:443" in text
    assert acme.event.public_id in text
    assert "7 ms" in text


@pytest.mark.parametrize("site", ["admin", "portal"])
def test_an_attempt_shows_the_request_as_it_was_sent(site: str, bob: Client, carol: Client, acme: House) -> None:
    client = bob if site == "admin" else carol
    assert "What was sent" not in page_of(client, acme, site=site)
    Attempt.objects.update(
        request_url="https://old.example/hook?a=1&b=2",
        request_headers="webhook-id: evt_x\nx-tenant: [hidden]",
        signed_with="IQ==\nZ g=",
        connect_ms=20,
        first_byte_ms=0,
    )
    text = page_of(client, acme, site=site)
    assert "POST https://old.example/hook?a=1&amp;b=2\nwebhook-id: evt_x\nx-tenant: [hidden]" in text
    assert "the secrets that end in" in text
    assert "IQ==, Z g=" in text
    assert "connection 20 ms, first byte of the answer 0 ms" in text


def test_members_read_why_the_operator_sent_again(carol: Client, acme: House) -> None:
    Attempt.objects.update(number=None, actor="user:bob", reason="they <mended> it")
    text = page_of(carol, acme, site="portal")
    assert "Asked for by the operator." in text
    assert "Reason: they &lt;mended&gt; it" in text
    assert "user:bob" not in text


def test_what_an_endpoint_answered_is_escaped_and_never_linked(bob: Client, acme: House) -> None:
    text = page_of(bob, acme)
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert 'href="https://evil.example' not in text
    assert "x-odd: &lt;b&gt;" in text


def test_characters_that_turn_the_line_around_are_shown_as_escapes(bob: Client, acme: House) -> None:
    text = page_of(bob, acme)
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "\\u202e" in text


def test_the_body_is_shown_token_by_token_as_it_was_sent(bob: Client, acme: House) -> None:
    assert '&quot;big&quot;</span>: <span class="hp-j-number">1e400</span>' in page_of(bob, acme)


def test_a_redelivery_is_queued_with_actor_and_reason(bob: Client, acme: House) -> None:
    text = redeliver(bob, acme, reason="they fixed it")
    assert "One more attempt is on its way" in text
    assert DueDelivery.objects.filter(delivery_id=acme.delivery.pk, manual=True).count() == 1
    entry = AuditEntry.objects.get(action="delivery.redeliver")
    assert (entry.actor, entry.reason, entry.object_id) == ("user:bob", "they fixed it", acme.delivery.public_id)


def test_a_double_click_sends_once_and_says_so(carol: Client, acme: House) -> None:
    redeliver(carol, acme, site="portal")
    text = redeliver(carol, acme, site="portal")
    assert "A redelivery of this delivery is waiting to be sent." in text
    assert DueDelivery.objects.filter(delivery_id=acme.delivery.pk, manual=True).count() == 1


def test_a_get_never_sends_again_and_leads_to_the_button(bob: Client, acme: House) -> None:
    place = f"/admin/deliveries/delivery/{acme.delivery.public_id}"
    answer = bob.get(f"{place}/redeliver/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{place}/change/")
    assert not AuditEntry.objects.filter(action="delivery.redeliver").exists()


def test_a_redelivery_without_the_forms_token_is_refused(acme: House) -> None:
    strict = Client(enforce_csrf_checks=True)
    logged_in(acme.member.user, strict)
    answer = strict.post(f"/portal/deliveries/delivery/{acme.delivery.public_id}/redeliver/")
    assert answer.status_code == 403


def test_selected_deliveries_are_sent_again_after_a_reason_was_asked_for(bob: Client, acme: House) -> None:
    emit(acme, 2)
    chosen = [str(row.pk) for row in Delivery.objects.all()]
    form = {"action": "redeliver_selected", "_selected_action": chosen}
    asked = bob.post("/admin/deliveries/delivery/", form)
    assert "Send 3 deliveries again?" in asked.content.decode()
    assert not DueDelivery.objects.filter(manual=True).exists()
    bob.post("/admin/deliveries/delivery/", {**form, "confirmed": "yes", "reason": "outage"})
    assert DueDelivery.objects.filter(manual=True).count() == 3
    assert AuditEntry.objects.filter(action="delivery.redeliver", reason="outage").count() == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "exhausted"}, 0),
        ({"state": "pending"}, 4),
        ({"error": "http_4xx"}, 1),
        ({"customer": "acme"}, 4),
        ({"customer": "Acm"}, 4),
        ({"customer": "nobody"}, 0),
        ({"type": "order.shipped"}, 3),
        ({"window": "1h"}, 4),
        ({"since": "2099-01-01T00:00"}, 0),
        ({"until": "2099-01-01T00:00"}, 4),
        ({"since": "nonsense", "endpoint": ""}, 0),
        ({"endpoint": "ep_nonsense"}, 0),
        ({"state": "pending", "error": "http_4xx"}, 1),
        ({"q": "acme"}, 4),
        ({"q": "'; drop table"}, 0),
        ({"customer": "a\x00b"}, 0),
        ({"window": "\x00", "state": "\x00"}, 0),
    ],
)
def test_the_list_is_narrowed_by(query: dict[str, str], found: int, bob: Client, acme: House) -> None:
    emit(acme, 3)
    assert len(shown(bob, query)) == found


def test_any_id_that_support_is_given_finds_the_delivery(bob: Client, acme: House, globex: House) -> None:
    for row in (acme.delivery, acme.event, acme.endpoint, acme.customer):
        assert [each.pk for each in shown(bob, {"q": row.public_id})] == [acme.delivery.pk]
        assert [each.pk for each in shown(bob, {"q": str(row.pk)})] == [acme.delivery.pk]


def test_pages_follow_each_other_by_key_in_both_directions(bob: Client, acme: House) -> None:
    emit(acme, 119)
    everything = list(Delivery.objects.order_by("-id").values_list("pk", flat=True))
    seen, place = [], ""
    while True:
        answer = bob.get(f"/admin/deliveries/delivery/{place}")
        seen.append([row.pk for row in answer.context["listing"].rows])
        place = answer.context["listing"].older
        if not place:
            break
    assert [len(page) for page in seen] == [50, 50, 20]
    assert [key for page in seen for key in page] == everything
    back = bob.get(f"/admin/deliveries/delivery/{answer.context['listing'].newer}").context["listing"]
    assert [row.pk for row in back.rows] == seen[1]


def test_a_list_never_counts_or_skips_rows(bob: Client, acme: House) -> None:
    emit(acme, 60)
    with CaptureQueriesContext(connection) as queries:
        bob.get("/admin/deliveries/delivery/", {"customer": "acme", "state": "succeeded"})
    on_log = [each["sql"].upper() for each in queries if "hookpost_delivery" in each["sql"]]
    assert on_log
    assert not [sql for sql in on_log if "COUNT(" in sql]
    skipped = [sql.partition("OFFSET ")[2] for sql in on_log if "OFFSET" in sql]
    assert set(skipped) <= {str(WINDOW)}  # the end of a window, whatever page it is


def test_a_list_asks_as_many_questions_for_many_rows_as_for_few(bob: Client, acme: House) -> None:
    with CaptureQueriesContext(connection) as few:
        bob.get("/admin/deliveries/delivery/")
    emit(acme, 40)
    with CaptureQueriesContext(connection) as many:
        bob.get("/admin/deliveries/delivery/")
    assert len(many) == len(few) > 0


def test_a_search_that_takes_too_long_is_given_up_with_advice(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deliveries.admin.parts.paging.LIST_SECONDS", 0.001)
    monkeypatch.setattr("deliveries.admin.deliveries.source_of", slow_source)
    text = bob.get("/admin/deliveries/delivery/", {"customer": "acme"}).content.decode()
    assert "This search takes too long." in text


def slow_source(asked: object, *, viewer: object) -> Source:
    """Rows that PostgreSQL needs longer for than it may take."""
    slow = RawSQL("SELECT gen_random_uuid() FROM generate_series(1, 3000000)", ())
    return Source(rows=Delivery.objects.filter(customer_id__in=slow))


def test_a_delivery_whose_event_is_gone_is_still_shown(bob: Client, acme: House) -> None:
    acme.event.delete()
    assert "older than the log" in page_of(bob, acme)


def test_a_delivery_of_a_deleted_endpoint_is_still_shown(bob: Client, carol: Client, acme: House) -> None:
    from deliveries.services.endpoints import delete_endpoint

    delete_endpoint(acme.endpoint, actor="user:carol")
    assert "deleted" in page_of(bob, acme)
    text = page_of(carol, acme, site="portal")
    assert "deleted" in text
    assert "Redeliver" not in text


def test_a_delivery_that_is_due_now_is_not_sent_twice(bob: Client, acme: House) -> None:
    DueDelivery.objects.update(due_at="2020-01-01T00:00:00Z")
    assert "An attempt of this delivery is under way." in redeliver(bob, acme)


def test_an_error_that_nobody_knows_is_shown_as_it_is(bob: Client, acme: House) -> None:
    Attempt.objects.update(error="new<kind")
    assert "new&lt;kind" in page_of(bob, acme)


def test_an_event_is_shown_with_where_it_went(bob: Client, carol: Client, acme: House) -> None:
    for client, site in ((bob, "admin"), (carol, "portal")):
        text = client.get(f"/{site}/deliveries/event/{acme.event.public_id}/change/").content.decode()
        assert acme.endpoint.url in text
        assert ">404</span>" in text


def test_a_delivery_that_waits_says_for_what_and_what_comes(bob: Client, carol: Client, acme: House) -> None:
    Endpoint.objects.update(retry_schedule=[0, 60, 300])
    text = page_of(bob, acme)
    assert "Waits for its next attempt, until" in text
    assert text.count("nobody can tell when") == 0
    assert text.count("hp-step hp-coming") == 3
    on = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    Endpoint.objects.filter(pk=acme.endpoint.pk).update(state="disabled", state_changed_at=on)
    assert "it was disabled on 2026-01-31 12:30:00 UTC" in page_of(carol, acme, site="portal")
    assert "it was disabled on 2026-01-31 12:30:00 UTC" in carol.get("/portal/deliveries/delivery/").content.decode()
