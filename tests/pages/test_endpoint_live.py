"""What happens at an endpoint while somebody looks: the answer to a test, and sending many again."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.models import AuditEntry, Delivery, DueDelivery, Endpoint, FailureGroup, Job
from deliveries.protocol.answers.outcome import GONE
from deliveries.services.endpoints import create_endpoint, disable_endpoint
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

SITES = pytest.mark.parametrize("site", ["admin", "portal"])
LATELY = f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"


def address(house: House, part: str, *, site: str) -> str:
    return f"/{site}/deliveries/endpoint/{house.endpoint.public_id}/{part}/"


@SITES
def test_the_answer_to_a_test_comes_by_itself(site: str, alice: Client, carol: Client, acme: House) -> None:
    client = alice if site == "admin" else carol
    shown = client.post(address(acme, "test", site=site), {"event_type": "hookpost.test"}, follow=True)
    assert "The test event" in shown.content.decode()
    assert 'hx-trigger="every 1s, hp-look"' in shown.content.decode()
    mark, test = shown.context["mark"], shown.context["test"].public_id
    live = address(acme, "live", site=site)
    assert client.get(live, {"test": test, "mark": mark}).status_code == 204
    Delivery.objects.filter(event_type="hookpost.test").update(
        state="succeeded", attempts=1, status_code=204, finished_at=timezone.now()
    )
    assert "Arrived at the first try" in client.get(live, {"test": test, "mark": mark}).content.decode()


def said_of(client: Client, endpoint: Endpoint) -> str:
    """What the page of an endpoint says of its health."""
    text = client.get(f"/portal/deliveries/endpoint/{endpoint.public_id}/change/").content.decode()
    (found,) = re.findall(r"<dt>Health</dt><dd>.*?<p class=\"mt-1\">(.*?)</p>", text)
    return unescape(str(found))


def test_health_says_what_is_on_its_way_before_its_answer_comes(carol: Client, acme: House) -> None:
    """Given a first test whose receiver takes long, then nobody is told that nothing was sent."""
    endpoint, _ = create_endpoint(acme.customer, {"url": f"{acme.endpoint.url}/new"}, actor="system")
    assert said_of(carol, endpoint) == "Nothing has been sent there yet."
    carol.post(f"/portal/deliveries/endpoint/{endpoint.public_id}/test/", {"event_type": "hookpost.test"})
    assert said_of(carol, endpoint) == "What is on its way there has no answer yet."
    listed = carol.get("/portal/deliveries/endpoint/", {"q": endpoint.public_id}).content.decode()
    assert 'title="No answer has come from there yet."' in listed
    DueDelivery.objects.filter(endpoint_id=endpoint.pk).delete()
    (test,) = Delivery.objects.filter(endpoint_id=endpoint.pk)
    Delivery.objects.filter(pk=test.pk).update(state="succeeded", attempts=1, status_code=204)
    assert "of the last day's deliveries arrived." in said_of(carol, endpoint)
    Delivery.objects.filter(pk=test.pk).update(created_at=test.created_at - timedelta(days=2))
    assert said_of(carol, endpoint) == "Nothing has been sent there in the last day."


@SITES
def test_what_a_test_did_to_the_endpoint_is_shown_with_its_answer(
    site: str, alice: Client, carol: Client, acme: House
) -> None:
    """Given an answer of 410 while the page is open, then state and buttons are those of a disabled endpoint."""
    client = alice if site == "admin" else carol
    shown = client.get(address(acme, "change", site=site), {"test": acme.delivery.public_id})
    assert "hx-swap-oob" not in shown.content.decode()
    live = shown.context["live_url"]
    assert client.get(live).status_code == 204
    disable_endpoint(acme.endpoint, actor="system", reason=GONE)
    part = client.get(live).content.decode()
    assert re.search(r'id="hp-state"[^>]+hx-swap-oob="true".+answered 410 Gone', part, re.DOTALL)
    assert re.search(r'id="hp-acts"[^>]+hx-swap-oob="true".+/resume/', part, re.DOTALL)
    assert "/pause/" not in part
    acts = 'id="hp-acts"'
    assert (
        acts not in client.get(live.replace("state=enabled", "state=disabled")).content.decode()
    )  # keeps what is typed


@SITES
def test_a_test_whose_signature_is_refused_leads_to_the_check_of_it(
    site: str, alice: Client, carol: Client, acme: House
) -> None:
    client = alice if site == "admin" else carol
    check = f"/{site}/deliveries/delivery/{acme.delivery.public_id}/signature/"
    test = {"test": acme.delivery.public_id}
    for status, error, is_there in ((401, "http_4xx", True), (500, "http_5xx", False)):
        Delivery.objects.filter(pk=acme.delivery.pk).update(status_code=status, error=error)
        assert (check in client.get(address(acme, "live", site=site), test).content.decode()) is is_there
    group = f"/{site}/deliveries/failuregroup/{acme.failure.public_id}/change/"
    assert check not in client.get(group).content.decode()
    FailureGroup.objects.filter(pk=acme.failure.pk).update(status_code=401)
    assert check in client.get(group).content.decode()


def test_another_endpoints_delivery_is_not_shown_as_a_test(carol: Client, acme: House, globex: House) -> None:
    page = address(acme, "live", site="portal")
    assert "The test event" in carol.get(page, {"test": acme.delivery.public_id}).content.decode()
    for other in (globex.delivery.public_id, "dlv_x", ""):
        assert "The test event" not in carol.get(page, {"test": other}).content.decode()


@SITES
@pytest.mark.parametrize(
    ("act", "says"),
    [("recover", "Send 1 delivery to this endpoint?"), ("replay", "There is nothing to send")],
)
def test_many_are_counted_before_they_are_sent_again(
    act: str, says: str, site: str, bob: Client, carol: Client, acme: House
) -> None:
    client = bob if site == "admin" else carol
    assert says in client.post(address(acme, act, site=site), {"since": LATELY}).content.decode()
    assert not Job.objects.filter(kind=act, actor__contains=":").exists()
    given = {"since": LATELY, "confirmed": "yes", "reason": "the outage is over"}
    text = client.post(address(acme, act, site=site), given, follow=True).content.decode()
    job = Job.objects.get(kind=act, reason="the outage is over")
    assert (job.customer, job.by_operator) == (acme.customer, site == "admin")
    assert "<progress" in text
    assert AuditEntry.objects.filter(action=f"job.{act}").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Say from when on, in UTC."),
        ({"since": "yesterday"}, "This is no moment; write it as 2026-01-31T12:00."),
        ({"since": LATELY, "until": "2020-01-01T00:00"}, "The end is before the beginning."),
    ],
)
def test_a_span_that_cannot_be_is_refused_in_words(
    given: dict[str, str], words: str, carol: Client, acme: House
) -> None:
    for confirmed in ({}, {"confirmed": "yes"}):
        text = carol.post(address(acme, "recover", site="portal"), {**given, **confirmed}, follow=True).content.decode()
        assert words in text
        assert 'id="hp-wrong"' in text or not given
        assert all(f'value="{value}"' in text for value in given.values())  # what was typed is kept
    assert not Job.objects.exclude(pk=acme.job.pk).exists()


def test_a_member_that_cannot_be_added_is_refused_at_the_field_with_what_was_typed(alice: Client, acme: House) -> None:
    place = f"/admin/deliveries/customer/{acme.customer.public_id}/add-member/"
    for typed, wrong, words in (
        ({"username": "a b", "email": "erin@example.com"}, "username", "Letters, digits and"),
        ({"username": "erin", "email": "nowhere"}, "email", "mail"),
        ({"username": "carol", "email": ""}, "username", "There is a user of this name already."),
    ):
        text = alice.post(place, typed).content.decode()
        field = re.search(rf'<input[^>]+name="{wrong}"[^>]+>', text)
        assert field is not None
        assert 'aria-invalid="true"' in field[0]
        assert re.search(rf'<p class="hp-error hp-line" id="hp-wrong">[^<]*{re.escape(words)}', text)
        assert all(f'value="{value}"' in text for value in typed.values() if value)
    assert not acme.customer.members.exclude(pk=acme.member.pk).exists()
