"""/customers"""

from __future__ import annotations

import pytest

from deliveries.models import ApiKey, AuditEntry, Customer, Endpoint, Member
from tests.api.conftest import Caller, Tenant


@pytest.mark.parametrize("uid", [".", "..", "~x", "@", "=1", "-", ":a"])
def test_a_uid_begins_with_a_letter_figure_or_underscore_and_the_refusal_says_so(ops: Caller, uid: str) -> None:
    answer = ops.post("/customers", {"name": "Alice", "uid": uid})
    assert (answer.status, answer.json["detail"].rpartition(", ")[2]) == (422, "figure or _ first")


def test_a_customer_is_created_and_read_by_id_and_uid(ops: Caller) -> None:
    made = ops.post("/customers", {"name": "Alice", "uid": "acme:1", "metadata": {"plan": "gold"}})
    assert made.status == 201
    assert made.json["id"].startswith("cus_")
    assert ops.get(f"/customers/{made.json['id']}").json == made.json
    assert ops.get("/customers/acme:1").json == made.json
    assert AuditEntry.objects.get(action="customer.create").actor == "key:ops"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": None}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "x", "uid": "a b"}, "/uid"),
        ({"name": "x", "uid": "a/b"}, "/uid"),
        ({"name": "x", "uid": ""}, "/uid"),
        ({"name": "x", "uid": "x" * 129}, "/uid"),
        ({"name": "x", "uid": "cus_01m7xrgz8sec8rmd2zmz0m33gn"}, "/uid"),
        ({"name": "x", "metadata": []}, "/metadata"),
        ({"name": "x", "metadata": None}, "/metadata"),
        ({"name": "x", "metadata": {"a": "x" * 70_000}}, "/metadata"),
        ({"name": "x", "nmae": "y"}, "/nmae"),
        ({"name": "x", "id": "y"}, "/id"),
    ],
)
def test_a_wrong_field_is_pointed_to(ops: Caller, body: dict[str, object], pointer: str) -> None:
    answer = ops.post("/customers", body)
    assert answer.status == 422
    assert pointer in answer.pointers()
    assert not Customer.objects.exists()


def test_a_taken_uid_is_a_conflict(ops: Caller, alice: Tenant) -> None:
    assert ops.post("/customers", {"name": "Other", "uid": "alice"}).status == 409
    bob = ops.post("/customers", {"name": "Bob"}).json
    assert ops.patch(f"/customers/{bob['id']}", {"uid": "alice"}).status == 409


def test_a_patch_changes_what_is_given_and_null_clears(ops: Caller) -> None:
    ops.post("/customers", {"name": "Alice", "uid": "alice", "metadata": {"a": 1}})
    assert ops.patch("/customers/alice", {"name": "Alicia"}).json["metadata"] == {"a": 1}
    kept = Customer.objects.get()
    assert (kept.name, kept.uid, kept.metadata) == ("Alicia", "alice", {"a": 1})
    answer = ops.patch("/customers/alice", {"uid": None})
    assert (answer.status, answer.json["uid"], answer.json["name"]) == (200, None, "Alicia")
    assert ops.patch(f"/customers/{answer.json['id']}", {}).status == 200
    assert ops.patch(f"/customers/{answer.json['id']}", {"name": None}).status == 422


def test_a_customer_is_deleted_with_all_that_is_theirs(ops: Caller, alice: Tenant) -> None:
    assert ops.delete("/customers/alice").status == 204
    assert not Customer.objects.exists()
    assert not Endpoint.objects.exists()
    assert not Member.objects.exists()
    assert ApiKey.objects.count() == 1
    assert alice.caller.get("/customers").status == 401
    assert AuditEntry.objects.filter(action="customer.delete", object_id=alice.customer.public_id).exists()


def test_a_list_is_filtered_by_uid(ops: Caller, alice: Tenant, bob: Tenant) -> None:
    assert [row["uid"] for row in ops.get("/customers?uid=bob").json["results"]] == ["bob"]
    assert ops.get("/customers?uid=carol").json["results"] == []


@pytest.mark.parametrize(
    "ref", ["nobody", "cus_01m7xrgz8sec8rmd2zmz0m33gn", "cus_x", "%00", "%ff", "..%2f", "ep_x", "a%0Ab"]
)
def test_what_is_not_there_is_404(ops: Caller, ref: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = ops.send(method, f"/customers/{ref}", {"name": "x"} if method == "PATCH" else None)
        assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_trailing_slash_is_another_address(ops: Caller) -> None:
    assert ops.get("/customers/").status == 404
    assert ops.post("/customers/", {"name": "x"}).status == 404


def test_other_methods_are_405(ops: Caller, alice: Tenant) -> None:
    for method, body in (("PUT", None), ("PUT", {"name": "Bob"}), ("TRACE", None)):
        answer = ops.send(method, "/customers/alice", body)
        assert (answer.status, answer.headers["content-type"]) == (405, "application/problem+json")
        assert "PATCH" in answer.headers["allow"]
