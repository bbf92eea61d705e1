"""Jobs on the staff's pages: why one stopped, going on, cancelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from deliveries.admin import import_report
from deliveries.admin.parts.badges import NOTHING
from deliveries.models import AuditEntry, ImportLine, Job
from tests.pages.chromium import NEEDS_CHROMIUM, log_in
from tests.pages.conftest import House

if TYPE_CHECKING:
    from playwright.sync_api import Page


def page_of(house: House) -> str:
    """The address of the customer's job."""
    return f"/admin/deliveries/job/{house.job.public_id}"


def test_a_failed_job_says_why_and_support_lets_it_go_on(bob: Client, acme: House) -> None:
    Job.objects.update(state="failed", problem="DataError: <b>refused", failures=5)
    shown = bob.get(f"{page_of(acme)}/change/").content.decode()
    assert "DataError: &lt;b&gt;refused" in shown
    assert f"{page_of(acme)}/resume/" in shown
    answer = bob.post(f"{page_of(acme)}/resume/", {"reason": "repaired"}, follow=True)
    assert "goes on where it stopped" in answer.content.decode()
    acme.job.refresh_from_db()
    assert (acme.job.state, acme.job.failures) == ("running", 0)
    entry = AuditEntry.objects.get(action="job.resume")
    assert (entry.actor, entry.reason) == ("user:bob", "repaired")


def test_a_job_that_is_done_says_how_many_arrived(bob: Client, carol: Client, acme: House) -> None:
    done = {"state": Job.State.DONE, "kind": Job.Kind.REDELIVER, "total": 10_000, "queued": 10_000}
    Job.objects.filter(pk=acme.job.pk).update(**done, done=9_998, failed=2)
    for client, site in ((bob, "admin"), (carol, "portal")):
        page = f"/{site}/deliveries/job/{acme.job.public_id}/change/"
        assert "9,998 of 10,000 arrived, 2 did not." in client.get(page).content.decode()


def test_support_cancels_a_job(bob: Client, acme: House) -> None:
    assert f"{page_of(acme)}/resume/" not in bob.get(f"{page_of(acme)}/change/").content.decode()
    bob.post(f"{page_of(acme)}/cancel/", {"confirmed": "yes"})
    acme.job.refresh_from_db()
    assert acme.job.state == "cancelled"
    again = bob.post(f"{page_of(acme)}/cancel/", {"confirmed": "yes"}, follow=True).content.decode()
    assert "The job is cancelled already." in again
    assert f"{page_of(acme)}/cancel/" not in again


def test_an_import_says_first_how_many_lines_of_what_came_to_what_and_then_which_were_refused(
    bob: Client, acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given 1,500 lines, then they are counted by kind and result, and the first refused ones stand there with why."""
    monkeypatch.setattr(import_report, "REFUSED_SHOWN", 2)
    Job.objects.update(kind="import", customer=None, by_operator=True, filters={"format": "csv", "dry_run": True})
    came = {
        ("customer", "imported"): 2,
        ("endpoint", "imported"): 1494,
        ("endpoint", "refused"): 3,
        ("endpoint", "waiting"): 1,
    }
    ImportLine.objects.bulk_create(
        ImportLine(job=acme.job, place=f"line {number}", kind=kind, uid="ep", result=result, detail="no such port")
        for (kind, result), many in came.items()
        for number in range(many)
    )
    text = bob.get(f"{page_of(acme)}/change/").content.decode()
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in re.findall(r"<tr><td.*?</tr>", text)]
    assert rows[:2] == [
        ["Customers", "2", "0", "0", "0", "0", "2"],
        ["Endpoints", "1,494", "0", "0", "3", "1", "1,498"],
    ]
    assert rows[2:] == [[place, "ep", NOTHING, "no such port"] for place in ("line 0", "line 1")]
    assert "3 lines were refused" in text
    assert "the first 2 of them" in text
    assert "A dry run: nothing was stored" in text
    Job.objects.update(kind="recover", customer=acme.customer)
    assert "lines were refused" not in bob.get(f"{page_of(acme)}/change/").content.decode()


@pytest.mark.parametrize("act", ["resume", "cancel"])
def test_who_may_not_send_again_does_not_touch_jobs(bob: Client, acme: House, act: str, carol: Client) -> None:
    group = Group.objects.get(name="Hookpost support")
    group.permissions.remove(group.permissions.get(codename="redeliver_delivery"))
    assert bob.post(f"{page_of(acme)}/{act}/", {}).status_code == 403
    assert carol.post(f"{page_of(acme)}/{act}/", {}).status_code in (302, 403, 404)
    acme.job.refresh_from_db()
    assert acme.job.state == "pending"


def test_the_list_leads_with_what_is_done_to_what_and_whose(bob: Client, carol: Client, acme: House) -> None:
    endpoint = str(acme.endpoint.pk)
    Job.objects.update(kind="redeliver", filters={"endpoint_id": endpoint, "states": ["exhausted"], "status_code": 503})
    for client, site, others in ((bob, "admin", ["Customer"]), (carol, "portal", [])):
        answer = client.get(f"/{site}/deliveries/job/")
        assert answer.context["listing"].titles[:-3] == ["Job", *others, "Progress", "State"]
        (line,) = answer.context["listing"].lines
        assert "Redeliver by filter" in line.head
        assert acme.endpoint.url in line.head
        assert "States: given up · Status code: 503" in line.head
        assert ("Acme" in line.cells) == (site == "admin")


class TestInABrowser:
    """What the page of a job says while it goes on."""

    pytestmark = NEEDS_CHROMIUM

    def test_a_job_that_begins_just_after_its_page_was_made_is_not_called_pending(
        self, page: Page, acme: House
    ) -> None:
        log_in(page, User.objects.create_superuser("alice"), site="admin")
        page.route("**/progress/", lambda route: route.fulfill(status=204))  # nothing is heard of it meanwhile
        page.goto(f"{page_of(acme)}/change/")
        page.wait_for_selector(".hp-badge:has-text('pending')")
        Job.objects.update(state="running", started_at=acme.job.created_at)
        page.unroute("**/progress/")
        page.wait_for_selector(".hp-badge:has-text('running')")
        assert page.locator(".hp-badge:has-text('pending')").count() == 0
