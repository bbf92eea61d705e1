"""POST /import: a job with a report, open to the operator only, that keeps no secret."""

from __future__ import annotations

from typing import Any

import pytest

from deliveries.models import Customer, Endpoint, ImportLine, Job
from deliveries.services import import_jobs, job_steps
from deliveries.services.housekeeping.keyring import stored_keys
from tests.api.conftest import Caller, Tenant, caller_with
from tests.api.test_customer_data import run_steps
from tests.receivers.moving import SVIX_SECRET, svix_document, table

pytestmark = pytest.mark.django_db(transaction=True)


def report_of(caller: Caller, job: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = caller.get(f"/jobs/{job['id']}/report").json["results"]
    return results


def test_an_import_is_a_job_with_a_report(ops: Caller, url: str) -> None:
    answer = ops.post("/import", {"format": "svix", "data": svix_document(url)})
    assert (answer.status, answer.json["kind"], answer.json["total"]) == (202, "import", 3)
    assert answer.json["filters"] == {"format": "svix", "dry_run": False, "paused": False, "verified": False}
    assert {line["result"] for line in report_of(ops, answer.json)} == {"waiting"}
    run_steps()
    job = ops.get(f"/jobs/{answer.json['id']}").json
    assert (job["state"], job["done"], job["failed"]) == ("done", 3, 0)
    assert report_of(ops, job)[0] == {
        "place": "applications[0].endpoints[0]",
        "kind": "endpoint",
        "uid": "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2",
        "customer": "acme",
        "result": "imported",
        "detail": "",
    }
    assert ops.get("/customers/acme/endpoints/ep_1srOrx2ZWZBpBUvZwXKQmoEYga2").json["signing"] == "svix"
    assert not ImportLine.objects.exclude(sealed=None).exists()


def test_a_dry_run_reports_and_stores_nothing(ops: Caller, url: str) -> None:
    answer = ops.post("/import", {"format": "csv", "data": table(url), "dry_run": True})
    run_steps()
    assert [line["result"] for line in report_of(ops, answer.json)] == ["imported"]
    assert not Endpoint.objects.exists()


def test_a_dry_run_in_several_steps_knows_what_came_before(
    ops: Caller, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a step for each line, then the second endpoint is too many, and nothing stays sealed."""
    monkeypatch.setattr(job_steps, "STEP_SECONDS", -1.0)
    endpoints = [{"uid": uid, "url": url} for uid in ("one", "two")]
    customer = {"uid": "acme", "name": "Acme", "endpoint_limit": 1, "endpoints": endpoints}
    answer = ops.post("/import", {"data": {"customers": [customer]}, "dry_run": True})
    while job_steps.run_job_step(Job.objects.get().id)[0]:
        pass
    assert [line["result"] for line in report_of(ops, answer.json)] == ["refused", "imported", "imported"]
    assert (Customer.objects.count(), ImportLine.objects.exclude(sealed=None).count()) == (0, 0)


def test_what_is_refused_is_counted_and_can_be_asked_for(ops: Caller, url: str) -> None:
    document = svix_document(url)
    document["applications"]["data"][0]["endpoints"]["data"][0]["url"] = "http://10.0.0.1/"
    answer = ops.post("/import", {"format": "svix", "data": document})
    run_steps()
    assert ops.get(f"/jobs/{answer.json['id']}").json["failed"] == 1
    (line,) = ops.get(f"/jobs/{answer.json['id']}/report?result=refused").json["results"]
    assert line["detail"].startswith("url: ")


def test_until_it_is_done_an_item_is_sealed_and_a_cancelled_import_forgets_it(ops: Caller, url: str) -> None:
    answer = ops.post("/import", {"format": "svix", "data": svix_document(url), "paused": True})
    kept = [bytes(line.sealed or b"") for line in ImportLine.objects.all()]
    assert kept
    assert not any(SVIX_SECRET.encode() in sealed for sealed in kept)
    assert {use.kind for use in stored_keys()} >= {"import"}
    ops.post(f"/jobs/{answer.json['id']}/cancel")
    run_steps()
    assert not ImportLine.objects.exclude(sealed=None).exists()
    assert {line["result"] for line in report_of(ops, answer.json)} == {"waiting"}
    assert not Customer.objects.exists()


def test_an_import_goes_on_where_a_step_ended(ops: Caller, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given steps that end after each line, then the job takes as many and each line is done once."""
    monkeypatch.setattr(job_steps, "STEP_SECONDS", -1.0)
    monkeypatch.setattr(import_jobs, "PART", 1)
    answer = ops.post("/import", {"format": "svix", "data": svix_document(url)})
    job_id = Job.objects.get().id
    steps = 1
    while job_steps.run_job_step(job_id)[0]:
        steps += 1
    assert steps == 4
    assert [line["result"] for line in report_of(ops, answer.json)] == ["imported"] * 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/data"),
        ({"data": {}, "format": "hookdeck"}, "/format"),
        ({"data": {}}, "/data"),
        ({"data": "x", "format": "convoy"}, "/data"),
        ({"data": "uid\n", "format": "csv"}, "/data"),
    ],
)
def test_what_is_no_such_file_is_422_at_once(ops: Caller, body: Any, pointer: str) -> None:
    answer = ops.post("/import", body)
    assert (answer.status, answer.pointers()) == (422, [pointer])
    assert not Job.objects.exists()


def test_importing_is_the_operators(ops: Caller, alice: Tenant, url: str) -> None:
    body = {"format": "csv", "data": table(url)}
    assert alice.caller.post("/import", body).status == 403
    assert caller_with("read").post("/import", body).status == 403
    answer = ops.post("/import", body)
    assert alice.caller.get(f"/jobs/{answer.json['id']}/report").status == 404
