"""Lists: pages that neither skip nor repeat, and cursors that cannot be bent."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.fields import Field

from deliveries.models import Customer, Endpoint, EventType, Job, Lane
from tests.api.conftest import Caller, Tenant
from tests.api.logs import log_delivery, log_event

pytestmark = pytest.mark.django_db


def walk(caller: Caller, path: str, link: str = "next") -> list[list[str]]:
    """The names on each page."""
    pages = []
    following: Any = path
    while following:
        page = caller.get(following).json
        pages.append([row["name"] for row in page["results"]])
        following = page[link]
    return pages


@pytest.fixture
def seven() -> None:
    for number in range(7):
        Customer.objects.create(name=str(number))


def test_pages_run_from_the_newest_to_the_oldest(ops: Caller, seven: None) -> None:
    assert walk(ops, "/customers?limit=3") == [["6", "5", "4"], ["3", "2", "1"], ["0"]]


def test_previous_leads_back_the_same_way(ops: Caller, seven: None) -> None:
    last = ops.get(ops.get(ops.get("/customers?limit=3").json["next"]).json["next"]).json
    assert last["next"] is None
    middle = ops.get(last["previous"]).json
    assert [row["name"] for row in middle["results"]] == ["3", "2", "1"]
    first = ops.get(middle["previous"]).json
    assert [row["name"] for row in first["results"]] == ["6", "5", "4"]
    assert first["previous"] is None
    assert [row["name"] for row in ops.get(first["next"]).json["results"]] == ["3", "2", "1"]


def test_a_new_row_does_not_shift_the_pages(ops: Caller, seven: None) -> None:
    following = ops.get("/customers?limit=3").json["next"]
    Customer.objects.create(name="new")
    assert [row["name"] for row in ops.get(following).json["results"]] == ["3", "2", "1"]


def test_a_full_last_page_has_no_next(ops: Caller) -> None:
    Customer.objects.create(name="0")
    assert ops.get("/customers?limit=1").json["next"] is None
    assert ops.get("/customers").json["previous"] is None


def test_links_keep_the_filters(ops: Caller, alice: Tenant) -> None:
    for name in ("a.b", "a.c"):
        ops.post("/event-types", {"name": name})
    page = ops.get("/event-types?archived=false&limit=1").json
    assert "archived=false" in page["next"]
    assert len(ops.get(page["next"]).json["results"]) == 1


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=251", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=x", "/limit"),
        ("limit=", "/limit"),
        ("limit=%D9%A1", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=", "/cursor"),
        ("cursor=x", "/cursor"),
        ("cursor=%00", "/cursor"),
        ("cursor=%F0%9F%98%80", "/cursor"),
        ("cursor=" + "A" * 10_000, "/cursor"),
        ("cursor=eAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/cursor"),
        ("colour=red", "/colour"),
        ("uid=%00", "/uid"),
    ],
)
def test_a_wrong_query_is_400_and_pointed_to(ops: Caller, query: str, pointer: str) -> None:
    answer = ops.get(f"/customers?{query}")
    assert answer.status == 400
    assert pointer in answer.pointers()


def test_a_cursor_of_one_tenant_shows_another_only_its_own(ops: Caller, seven: None, alice: Tenant) -> None:
    following = ops.get("/customers?limit=1").json["next"]
    for link in (following, following.replace("customers?", "customers?")):
        names = [row["name"] for row in alice.caller.get(link).json["results"]]
        assert set(names) <= {"Alice"}


LISTS = {
    "/customers": {"name": "Bob"},
    "/event-types": {"name": "a.b"},
    "/api-versions": {"name": "2026-01-01"},
    "/customers/alice/endpoints": {"url": "https://poll.hookpost.invalid/"},
    "/customers/alice/event-types": {"name": "a.b"},
    "/events": {"customer": "alice", "type": "a.b", "data": {}},
}


def test_a_cursor_of_another_list_is_refused(ops: Caller, alice: Tenant) -> None:
    """Given a link that a caller put together of two, then it is told so, and does not take half a list for all."""
    nexts = {}
    for path, body in LISTS.items():
        for number in range(2):
            body = {**body, **({"name": f"{body['name']}{number}"} if "name" in body else {})}
            assert ops.post(path, body).status in (201, 202)
        nexts[path] = ops.get(f"{path}?limit=1").json["next"]
    nexts["/deliveries"] = ops.get("/deliveries?limit=1").json["next"]
    nexts["/customers/alice/events"] = ops.get("/customers/alice/events?limit=1").json["next"]
    for path, link in nexts.items():
        for other in nexts:
            answer = ops.get(f"{other}?cursor={link.partition('cursor=')[2]}")
            assert answer.status == (200 if other == path else 400), (path, other)
            assert other == path or answer.json["errors"] == [
                {"pointer": "/cursor", "detail": "not a cursor of this list"}
            ]


def test_a_cursor_that_came_apart_on_its_way_is_refused(ops: Caller, seven: None) -> None:
    """Given a letter that is another one, then the list does not begin somewhere else."""
    cursor = ops.get("/customers?limit=1").json["next"].partition("cursor=")[2]
    for place, letter in enumerate(cursor):
        other = cursor[:place] + ("A" if letter != "A" else "B") + cursor[place + 1 :]
        assert ops.get(f"/customers?limit=1&cursor={other}").status == 400, other
    assert ops.get(f"/customers?limit=1&cursor={cursor.lower()}").status == 400
    assert ops.get(f"/customers?limit=1&cursor={cursor}").status == 200


def test_a_cursor_of_the_release_before_goes_on(ops: Caller, seven: None) -> None:
    """Given a cursor without a sum, as the release before made them, then its list goes on after an upgrade."""
    page = ops.get("/customers?limit=3").json
    raw = base64.urlsafe_b64decode(page["next"].partition("cursor=")[2])
    before = base64.urlsafe_b64encode(raw[:17]).decode().rstrip("=")
    assert ops.get(f"/customers?limit=3&cursor={before}").json["results"] == ops.get(page["next"]).json["results"]


def test_a_cursor_goes_on_in_the_same_list_under_another_filter(ops: Caller, alice: Tenant) -> None:
    """Given a filter that changed on the way, then the list goes on from the same place: a cursor is a moment."""
    for name in ("a.0", "a.1", "a.2"):
        ops.post("/event-types", {"name": name})
    ops.patch("/event-types/a.0", {"archived": True})
    cursor = ops.get("/event-types?limit=1").json["next"].partition("cursor=")[2]
    page = ops.get(f"/event-types?archived=false&cursor={cursor}").json
    assert [row["name"] for row in page["results"]] == ["a.1"]


def test_a_limit_of_250_is_taken(ops: Caller) -> None:
    assert ops.get("/customers?limit=250").status == 200


def test_a_page_looks_at_so_many_rows_and_the_list_goes_on(
    ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given rare needles, when a page finds none in its window, then it is empty and has a next."""
    monkeypatch.setattr("deliveries.api.paging.WINDOW", 3)
    states = ["held", "succeeded", "succeeded", "succeeded", "succeeded", "held", "succeeded", "succeeded"]
    held = [log_delivery(alice.endpoint, state=state).public_id for state in states]
    wanted = [held[5], held[0]]
    for query in ("state=held", "state=held&customer=alice", f"state=held&endpoint={alice.endpoint.public_id}"):
        forward: list[str] = []
        pages = 0
        following: Any = f"/deliveries?{query}&limit=2"
        while following:
            page = ops.get(following).json
            pages, last = pages + 1, page
            forward += [row["id"] for row in page["results"]]
            following = page["next"]
        assert (forward, pages > 1) == (wanted, True)
        backward = [row["id"] for row in last["results"]]
        while last["previous"]:
            last = ops.get(last["previous"]).json
            backward = [row["id"] for row in last["results"]] + backward
        assert backward == wanted


def test_the_feed_goes_on_behind_a_window_too(ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deliveries.api.paging.WINDOW", 2)
    types = ["a.b", "a.b", "a.b", "a.b", "rare"]
    ids = [
        log_event(alice.endpoint, type=name, age=timedelta(minutes=len(types) - place)).public_id
        for place, name in enumerate(types)
    ]
    found: list[str] = []
    following: Any = "/customers/alice/events?types=rare"
    while following:
        page = ops.get(following).json
        found += [row["id"] for row in page["results"]]
        following = page["next"]
    assert found == ids[-1:]


@pytest.mark.parametrize("noun", ["customers", "customers/alice/endpoints", "event-types", "jobs"])
def test_a_row_of_a_page_copies_no_field_of_its_shape(
    noun: str, ops: Caller, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given many rows, when they are listed, then what writes them is made once and not for each."""
    Customer.objects.bulk_create(Customer(name=f"Customer {number}") for number in range(20))
    Endpoint.objects.bulk_create(Endpoint(customer=alice.customer, url=f"https://a.example/{n}") for n in range(20))
    Lane.objects.bulk_create(Lane(endpoint=each) for each in Endpoint.objects.filter(lane=None))
    EventType.objects.bulk_create(EventType(name=f"invoice.paid{number}") for number in range(20))
    Job.objects.bulk_create(Job(customer=alice.customer, kind="redeliver", actor="system") for _ in range(20))
    assert len(ops.get(f"/{noun}").json["results"]) >= 20
    copied: list[object] = []
    copy = Field.__deepcopy__
    monkeypatch.setattr(Field, "__deepcopy__", lambda self, memo: copied.append(self) or copy(self, memo))
    ops.get(f"/{noun}")
    assert len(copied) < 20
