"""Failures on pages: what fails in the same way, and what can be done about all of it at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deliveries.admin import failure_groups
from deliveries.models import AuditEntry, Delivery, DueDelivery, Endpoint, FailureGroup, Job, Member
from deliveries.services.common.languages import choose_language
from deliveries.services.common.own_time import choose_zone
from deliveries.services.people.members import add_member
from deliveries.services.resending.candidates import Count
from tests.pages.conftest import House

pytestmark = pytest.mark.django_db

SITES = pytest.mark.parametrize("site", ["admin", "portal"])


def address(house: House, *, site: str, part: str = "change") -> str:
    return f"/{site}/deliveries/failuregroup/{house.failure.public_id}/{part}/"


def text_of(client: Client, house: House, *, site: str, part: str = "change") -> str:
    answer = client.get(address(house, site=site, part=part))
    assert answer.status_code == 200
    return answer.content.decode()


def fails(house: House) -> None:
    """The house's delivery was given up, and its group has 66."""
    now = timezone.now()
    Delivery.objects.filter(pk=house.delivery.pk).update(state="exhausted", failed_at=now, finished_at=now)
    DueDelivery.objects.filter(delivery_id=house.delivery.pk).delete()
    FailureGroup.objects.filter(pk=house.failure.pk).update(deliveries=66)


@SITES
def test_a_group_says_what_fails_since_when_and_what_to_do(site: str, bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    text = text_of(bob if site == "admin" else carol, acme, site=site)
    assert "66 deliveries have failed since" in text
    assert "the receiver answers 404, there is nothing at this path" in text
    assert "Compare the URL with the path that the receiver serves" in text
    assert acme.delivery.public_id in text


@SITES
def test_the_list_shows_the_groups(site: str, bob: Client, carol: Client, acme: House) -> None:
    text = (bob if site == "admin" else carol).get(f"/{site}/deliveries/failuregroup/").content.decode()
    assert "The receiver answers 404, there is nothing at this path" in text


@SITES
def test_a_delivery_says_how_many_others_fail_the_same_way(site: str, bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    client = bob if site == "admin" else carol
    text = client.get(f"/{site}/deliveries/delivery/{acme.delivery.public_id}/change/").content.decode()
    assert "65 others have failed the same way since" in text
    assert acme.failure.public_id in text


@SITES
@pytest.mark.parametrize("noun", ["endpoint", "customer"])
def test_endpoint_and_customer_show_what_fails_there(
    noun: str, site: str, alice: Client, carol: Client, acme: House
) -> None:
    if site == "portal" and noun == "customer":
        return
    row = acme.endpoint if noun == "endpoint" else acme.customer
    client = alice if site == "admin" else carol
    text = client.get(f"/{site}/deliveries/{noun}/{row.public_id}/change/").content.decode()
    assert "What fails" in text
    assert acme.failure.public_id in text


@SITES
def test_all_of_a_group_is_sent_again_after_it_was_counted(site: str, bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    client = bob if site == "admin" else carol
    asked = client.post(address(acme, site=site, part="redeliver"))
    assert "Send 1 delivery again?" in asked.content.decode()
    assert not Job.objects.filter(kind="redeliver").exists()
    given = {"confirmed": "yes", "reason": "the path is right now"}
    done = client.post(address(acme, site=site, part="redeliver"), given, follow=True).content.decode()
    job = Job.objects.get(kind="redeliver")
    assert (job.total, job.reason, job.by_operator) == (1, "the path is right now", site == "admin")
    assert "0 of 1 arrived, 0 did not." in done
    assert 'hx-trigger="every 2s, hp-look"' in done


@SITES
def test_the_button_says_how_many_it_would_send_again(
    site: str, bob: Client, carol: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a group, then its page asks how many can be sent again; more than were counted are not called that many."""
    fails(acme)
    client, place = bob if site == "admin" else carol, address(acme, site=site, part="count")
    assert f'data-hp-number-of="{place}"' in text_of(client, acme, site=site)
    assert client.get(place).content.decode() == "1"
    counted = Count(12_000, is_complete=False)
    monkeypatch.setattr(failure_groups, "count_of", lambda row, **_: counted)
    assert client.get(place).content.decode() == "12,000+"
    asked = client.post(address(acme, site=site, part="redeliver")).content.decode()
    assert "Send at least 12,000 deliveries again?" in asked
    assert "Redeliver all of them" in asked
    assert "Redeliver 12,000" not in asked


@SITES
def test_a_group_of_which_nothing_is_left_to_send_has_no_button_that_sends_nothing(
    site: str, bob: Client, carol: Client, acme: House
) -> None:
    fails(acme)
    Delivery.objects.filter(pk=acme.delivery.pk).update(state="succeeded", failed_at=None, error="")
    text = (bob if site == "admin" else carol).post(address(acme, site=site, part="redeliver")).content.decode()
    assert "There is nothing to send" in text
    assert "confirmed" not in text


@SITES
def test_the_overview_says_what_fails_and_leads_there(
    site: str, bob: Client, carol: Client, acme: House, globex: House
) -> None:
    fails(acme)
    client = bob if site == "admin" else carol
    text = client.get(f"/{site}/").content.decode()
    assert f'href="/{site}/deliveries/failuregroup/{acme.failure.public_id}/change/"' in text
    assert (globex.failure.public_id in text) == (site == "admin")
    page = text_of(client, acme, site=site)
    assert f"?endpoint={acme.endpoint.public_id}&amp;error=http_4xx&amp;status=404" in page


@SITES
def test_a_group_that_was_sent_again_leads_to_its_job(site: str, bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    client = bob if site == "admin" else carol
    client.post(address(acme, site=site, part="redeliver"), {"confirmed": "yes"})
    job = f"/{site}/deliveries/job/{Job.objects.get(kind='redeliver').public_id}/change/"
    assert f'href="{job}"' in text_of(client, acme, site=site)
    assert client.get(job).status_code == 200


@SITES
def test_sending_again_can_be_stopped(site: str, bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    client = bob if site == "admin" else carol
    client.post(address(acme, site=site, part="redeliver"), {"confirmed": "yes"})
    assert "Stop sending again?" in client.post(address(acme, site=site, part="cancel-job")).content.decode()
    client.post(address(acme, site=site, part="cancel-job"), {"confirmed": "yes"})
    assert Job.objects.get(kind="redeliver").state == "cancelled"


def test_acknowledging_is_in_the_audit_trail_and_can_be_taken_back(bob: Client, acme: House) -> None:
    bob.post(address(acme, site="admin", part="acknowledge"), {"reason": "they know"})
    row = FailureGroup.objects.get(pk=acme.failure.pk)
    assert (row.acknowledged_by, row.reason) == ("user:bob", "they know")
    shown = text_of(bob, acme, site="admin")
    assert "Acknowledged by bob (staff)" in shown
    assert "Reason: they know" in shown
    bob.post(address(acme, site="admin", part="reopen"))
    assert FailureGroup.objects.get(pk=acme.failure.pk).acknowledged_at is None
    assert AuditEntry.objects.filter(action__startswith="failure.").count() == 2


@SITES
def test_the_endpoint_is_paused_after_it_was_asked(site: str, bob: Client, carol: Client, acme: House) -> None:
    client = bob if site == "admin" else carol
    client.post(address(acme, site=site, part="pause"))
    assert Endpoint.objects.get(pk=acme.endpoint.pk).state == "enabled"
    client.post(address(acme, site=site, part="pause"), {"confirmed": "yes", "reason": "until it is mended"})
    assert Endpoint.objects.get(pk=acme.endpoint.pk).state == "paused"


def test_staff_have_words_for_the_customer_and_customers_do_not(bob: Client, carol: Client, acme: House) -> None:
    fails(acme)
    text = text_of(bob, acme, site="admin")
    assert "66 webhooks of ours have not been taken by your endpoint since" in text
    assert ": the receiver answers 404" in text
    assert f"/portal/deliveries/failuregroup/{acme.failure.public_id}/change/" in text
    assert "Words for the customer" not in text_of(carol, acme, site="portal")


def test_words_for_the_customer_are_in_its_members_language_and_time(bob: Client, acme: House) -> None:
    fails(acme)
    choose_zone(acme.member.user, "Asia/Tokyo")
    choose_language(acme.member.user, "de")
    text = text_of(bob, acme, site="admin")
    assert "Was hilft:" in text
    assert "Asia/Tokyo)" in text
    assert "Words for the customer" in text
    add_member(acme.customer, "claire", email="claire@example.com", actor="system")
    choose_language(Member.objects.get(user__username="claire").user, "fr")
    assert "What helps:" in text_of(bob, acme, site="admin")


def test_the_live_part_is_sent_only_when_there_is_news(carol: Client, acme: House) -> None:
    page = address(acme, site="portal", part="live")
    mark = carol.get(page).context["mark"]
    assert carol.get(page, {"mark": mark}).status_code == 204
    FailureGroup.objects.update(attempts=7, last_at=timezone.now() + timedelta(seconds=1))
    assert carol.get(page, {"mark": mark}).status_code == 200


def test_staff_without_the_permissions_may_look_and_not_act(acme: House) -> None:
    from django.contrib.auth.models import Permission, User

    from tests.browsers import logged_in

    user = User.objects.create_user("erin", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    erin = logged_in(user)
    assert "Redeliver all" not in text_of(erin, acme, site="admin")
    for act in ("redeliver", "acknowledge", "pause", "cancel-job"):
        assert erin.post(address(acme, site="admin", part=act), {"confirmed": "yes"}).status_code == 403
    user.user_permissions.clear()
    assert logged_in(user).get("/admin/deliveries/failuregroup/").status_code == 403


def test_staff_who_may_see_nothing_see_no_page_and_no_part_of_one(acme: House) -> None:
    from django.contrib.auth.models import User

    from tests.browsers import logged_in

    erin = logged_in(User.objects.create_user("erin", is_staff=True))
    for noun, row in (("failuregroup", acme.failure), ("delivery", acme.delivery), ("endpoint", acme.endpoint)):
        for part in ("change", "live"):
            assert erin.get(f"/admin/deliveries/{noun}/{row.public_id}/{part}/").status_code == 403, (noun, part)
    for part in ("attempt", "body", "failure", "signature"):
        assert erin.get(f"/admin/deliveries/delivery/{acme.delivery.public_id}/{part}/").status_code == 403, part
