"""Sending again all that a list is narrowed to: counted, watched, cancelled, resumed; on both sites."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from deliveries.admin.delivery import redeliver_all
from deliveries.models import AuditEntry, Delivery, DueDelivery, Event, Job, Lane
from deliveries.protocol.writing import ids
from deliveries.services.job_steps import run_job_step
from deliveries.services.resending import candidates
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House
from tests.pages.test_deliveries import emit
from tests.pages.working import a_worker
from tests.receiver import Receiver

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALL = "deliveries/delivery/redeliver-all/"
MANY, FIRST_PART = 10_000, 2_000
PATIENCE_SECONDS = 600


def until_nothing_is_in_flight() -> None:
    """Wait until the worker has recorded what it sent, and given its lanes back."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while Lane.objects.filter(lease_until__isnull=False).exists():
        assert time.monotonic() < give_up_at, "a lane is not given back"
        time.sleep(0.05)


@pytest.mark.django_db
def test_the_count_is_told_before_anything_is_sent(bob: Client, acme: House, globex: House) -> None:
    emit(acme, 3)
    text = bob.get(f"/admin/{ALL}", {"customer": "acme", "type": "order.*"}).content.decode()
    assert "Send 3 deliveries again?" in text
    assert "Customer: <b>Acme</b>" in text
    assert not Job.objects.exclude(pk__in=(acme.job.pk, globex.job.pk)).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("act", "query", "said"),
    [
        ("redeliver", {"type": "order.*"}, "Send at least 12 deliveries again?"),
        ("redeliver", {"type": "no.such"}, "Send again all that match? None of them was found yet."),
        ("cancel", {"type": "order.*"}, "Cancel at least 12 deliveries that wait?"),
        ("cancel", {"type": "no.such"}, "Cancel all that match? None of them was found yet."),
    ],
)
def test_of_a_long_log_a_page_counts_a_part_and_says_so(
    act: str, query: dict[str, str], said: str, bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "WINDOW", 2)
    monkeypatch.setattr(candidates, "QUEUE_WINDOW", 2)
    monkeypatch.setattr(candidates, "COUNT_CHUNK", 2)
    emit(acme, 30)
    Delivery.objects.filter(pk=acme.delivery.pk).delete()
    DueDelivery.objects.filter(delivery_id=acme.delivery.pk).delete()
    text = bob.get(f"/admin/deliveries/delivery/{act}-all/", {"customer": "acme", **query}).content.decode()
    assert said in text
    assert "disabled" not in text.partition('<button class="hp-button hp-primary"')[2].partition(">")[0]


@pytest.mark.django_db
def test_what_was_listed_is_what_the_job_means(bob: Client, acme: House, globex: House) -> None:
    Delivery.objects.filter(pk=acme.delivery.pk).update(state="exhausted", failed_at=datetime.now(UTC))
    query = {"customer": "acme", "state": "exhausted,cancelled", "status": "404", "error": "http_4xx"}
    answer = bob.post(
        f"/admin/{ALL}?customer=acme&state=exhausted&state=cancelled&status=404&error=http_4xx", {"reason": "mended"}
    )
    job = Job.objects.latest("id")
    assert answer.headers["Location"] == f"/admin/deliveries/job/{job.public_id}/change/"
    assert (job.customer, job.by_operator, job.actor, job.reason, job.total) == (
        acme.customer,
        True,
        "user:bob",
        "mended",
        1,
    )
    run_job_step(job.id)
    assert [row.delivery_id for row in DueDelivery.objects.filter(job_id=job.id)] == [acme.delivery.pk]
    page = bob.get(answer.headers["Location"]).content.decode()
    assert "given up, cancelled" in page
    assert f"customer={acme.customer.public_id}" in page
    assert query["status"] in page
    assert AuditEntry.objects.get(action="job.redeliver").reason == "mended"


@pytest.mark.django_db
def test_members_send_their_own_again_and_nothing_else(carol: Client, acme: House, globex: House) -> None:
    answer = carol.post(f"/portal/{ALL}?error=http_4xx")
    job = Job.objects.latest("id")
    assert (job.customer, job.by_operator, job.total) == (acme.customer, False, 1)
    run_job_step(job.id)
    assert DueDelivery.objects.get(job_id=job.id).delivery_id == acme.delivery.pk
    assert carol.get(answer.headers["Location"]).status_code == 200
    refused = carol.post(f"/portal/{ALL}?endpoint={globex.endpoint.public_id}")
    assert "There is no endpoint of this id." in refused.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Narrow the list first"),
        ("?q=acme", "A search for an id cannot be dealt with as a whole"),
        ("?customer=e", "Several customers have this in their name"),
        ("?state=asleep", "There is no state “asleep”."),
        ("?customer=nobody", "There is no customer of this id, uid or name."),
    ],
)
def test_what_is_not_meant_clearly_is_refused(
    query: str, sentence: str, bob: Client, acme: House, globex: House
) -> None:
    for answer in (bob.get(f"/admin/{ALL}{query}"), bob.post(f"/admin/{ALL}{query}")):
        assert sentence in answer.content.decode()
    assert not Job.objects.exclude(pk__in=(acme.job.pk, globex.job.pk)).exists()


@pytest.mark.django_db
def test_a_list_says_how_many_it_could_send_again_or_cancel_once_it_is_there(
    bob: Client, carol: Client, acme: House, globex: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a list that is narrowed, then the number is asked for by itself, is one's own, and is bounded."""
    for client, site, number in ((bob, "admin", "2"), (carol, "portal", "1")):
        text = client.get(f"/{site}/deliveries/delivery/?state=pending").content.decode()
        for act in ("redeliver", "cancel"):
            address = f"/{site}/deliveries/delivery/{act}-all-count/?state=pending"
            assert f'data-hp-number-of="{address}"' in text
            assert client.get(address).content.decode() == number
    monkeypatch.setattr(candidates, "COUNT_CHUNK", 1)
    monkeypatch.setattr(redeliver_all, "LIST_LOOKS", 1)
    address = "/admin/deliveries/delivery/redeliver-all-count/"
    assert bob.get(f"{address}?state=pending").content.decode() == "1+"
    for meaningless in ("", "?q=evt_x", "?customer=nobody"):
        assert bob.get(f"{address}{meaningless}").status_code == 204


@pytest.mark.django_db
def test_who_may_not_send_again_is_offered_nothing(bob: Client, acme: House) -> None:
    assert "Redeliver all that match" in bob.get("/admin/deliveries/delivery/?state=pending").content.decode()
    group = Group.objects.get(name="Hookpost support")
    group.permissions.remove(group.permissions.get(codename="redeliver_delivery"))
    assert "Redeliver all" not in bob.get("/admin/deliveries/delivery/?state=pending").content.decode()
    assert bob.post(f"/admin/{ALL}?state=pending").status_code == 403
    assert bob.post("/admin/deliveries/delivery/cancel-all/?state=pending").status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(("who", "site"), [("bob", "admin"), ("carol", "portal")])
def test_what_waits_is_counted_and_cancelled_on_both_sites(
    who: str, site: str, request: pytest.FixtureRequest, acme: House, globex: House
) -> None:
    """Given three events that wait, when a person cancels what the list shows, then the job's page tells of it."""
    client = request.getfixturevalue(who)
    emit(acme, 3)
    listed = client.get(f"/{site}/deliveries/delivery/?state=pending&type=order.*").content.decode()
    assert f"/{site}/deliveries/delivery/cancel-all/?" in listed
    assert "cancel-all" not in client.get(f"/{site}/deliveries/delivery/?state=exhausted").content.decode()
    page = f"/{site}/deliveries/delivery/cancel-all/?state=pending&type=order.*"
    assert "Cancel 3 deliveries that wait?" in client.get(page).content.decode()
    answer = client.post(page, {"reason": "sent by mistake"})
    job = Job.objects.latest("id")
    assert (job.kind, job.reason, job.total) == ("cancel", "sent by mistake", 3)
    run_job_step(job.id)
    assert not DueDelivery.objects.filter(
        manual=False, delivery_id__in=Delivery.objects.filter(event_type__startswith="order.")
    ).exists()
    assert "Cancel what waits" in client.get(answer.headers["Location"]).content.decode()
    refused = client.post(f"/{site}/deliveries/delivery/cancel-all/?state=exhausted").content.decode()
    assert "Only what is pending or held is cancelled." in refused


@pytest.mark.django_db
def test_members_watch_what_the_operator_does_and_leave_it_alone(carol: Client, acme: House) -> None:
    Job.objects.filter(pk=acme.job.pk).update(by_operator=True, actor="user:bob", problem="DataError: inside")
    page = f"/portal/deliveries/job/{acme.job.public_id}"
    text = carol.get(f"{page}/change/").content.decode()
    assert "user:bob" not in text
    assert "DataError" not in text
    assert "a part of it could not be queued" in text
    assert f"{page}/cancel/" not in text
    assert carol.post(f"{page}/cancel/", {"confirmed": "yes"}).status_code == 403
    assert carol.get(f"{page}/progress/").json()["ended"] == 1


def log_many(house: House, number: int) -> None:
    """Failed deliveries of an hour ago."""
    began = datetime.now(UTC) - timedelta(hours=1)
    start = int(began.timestamp() * 1000)
    events = [
        Event(
            id=ids.time_ordered(start + place, place), customer=house.customer, type="a.b", body=b"{}", created_at=began
        )
        for place in range(number)
    ]
    Event.objects.bulk_create(events, 2000)
    Delivery.objects.bulk_create(
        [
            Delivery(
                id=ids.delivery_id(event.id, house.endpoint.id),
                event=event,
                endpoint=house.endpoint,
                customer=house.customer,
                event_type="a.b",
                state="exhausted",
                attempts=1,
                status_code=500,
                error="http_5xx",
                created_at=began,
                failed_at=began,
                finished_at=began,
            )
            for event in events
        ],
        2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE hookpost_event, hookpost_delivery")  # as autovacuum does within a minute


@pytest.mark.skipif(NEEDS_CHROMIUM[0].args[0], reason="no chromium on this machine: apt-get install chromium")
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_are_sent_again_in_four_clicks_and_survive_cancel_and_resume(
    page: Page, acme: House, receiver: Receiver
) -> None:
    """Given 10,000 failures, when a member redelivers, reloads, cancels and resumes, then each arrives just once."""
    resumed = threading.Event()
    Job.objects.all().delete()  # the house's own would be worked on too
    log_many(acme, MANY)
    log_in(page, acme.member.user, site="portal")
    page.goto("/portal/deliveries/delivery/?state=exhausted")
    page.click("text=Redeliver all that match")
    page.wait_for_selector("text=/Send (at least )?[0-9,]+ deliveries again/")  # counting stops after two seconds
    page.click("button:has-text('Redeliver')")
    page.wait_for_selector("text=Waits for its turn.")
    with a_worker(may_step=lambda: resumed.is_set() or len(receiver.requests) <= FIRST_PART):
        receiver.wait_for(FIRST_PART + 1, timeout=PATIENCE_SECONDS)
        page.reload()
        page.wait_for_function("document.querySelector('progress').value > 0")
        page.click("button:has-text('Cancel the job')")
        page.click("button:has-text('Cancel the job')")
        page.wait_for_selector("text=Cancelled. What was not sent can be sent by resuming it.")
        assert len(receiver.requests) < MANY
        until_nothing_is_in_flight()  # or the job rests for most of a minute first
        resumed.set()
        page.click("button:has-text('Resume')")
        page.wait_for_selector(r"text=/[0-9,]+ of [0-9,]+ arrived, 0 did not\./", timeout=1000 * PATIENCE_SECONDS)
    times = Counter(request.header("webhook-id") for request in receiver.requests)
    assert (len(times), max(times.values())) == (MANY, 1)
    assert Delivery.objects.filter(state="succeeded").count() == MANY
    assert Job.objects.latest("id").state == "done"
